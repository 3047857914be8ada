import CLiburing
import Glibc
import RingPolicy
import RingProtocol
import TestSupport
import Testing

@testable import RingEngine

/// What is full is refused as busy, and is there again when something has ended.
@Suite struct BoundTests {
    @Test(
        .enabled(
            if: canOpen(CancellationTests.console), "there is no console whose switching could be waited for")
    )
    func aWorkersQueueIsBounded() throws {
        var bench = try Bench([Shapes.device(CancellationTests.console, Shapes.waitActive)])
        let file = try bench.open("device")
        for _ in 0..<EngineLimits.laneDepth {
            _ = try bench.start(.command, file, code: 0x5607, CancellationTests.never)
        }
        let full = refusal {
            _ = try bench.start(.command, file, code: 0x5607, CancellationTests.never)
        }
        #expect(full == .busy)
        #expect(bench.engine.inFlight == EngineLimits.laneDepth, "a refused command leaves nothing")
        // A close is not refused, whatever waits.
        #expect(try bench.close(file).kind == .closed)
        #expect(bench.engine.inFlight == 0 && bench.engine.openFiles == 0)
    }

    @Test func operationsAreBoundedAndEveryCloseIsStillAnswered() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow)])
        let file = try bench.open("device")
        let idle = try bench.open("device")
        bench.turn()
        for _ in 0..<EngineLimits.operations { _ = try bench.startRead(file, count: 1) }
        #expect(refusal { _ = try bench.startRead(file, count: 1) } == .busy)
        #expect(refusal { _ = try bench.tryOpen("device") } == .busy)
        #expect(bench.engine.openFiles == 2 && bench.engine.inFlight == EngineLimits.operations)
        let closed = try bench.close(idle)
        #expect(closed.kind == .closed && closed.engine == .call)
        let end = try bench.close(file)
        #expect(end.kind == .closed && bench.engine.inFlight == 0)
        let cancelled = bench.outcomes.count { $0.result == -ECANCELED }
        #expect(cancelled == EngineLimits.operations)
    }

    @Test func payloadMemoryIsBounded() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow)])
        let file = try bench.open("device")
        for _ in 0..<EngineLimits.payloadMemory / Limits.payload {
            _ = try bench.startRead(file, count: Limits.payload)
        }
        let inline = EngineLimits.inlinePayload
        #expect(refusal { _ = try bench.startRead(file, count: inline + 1) } == .busy)
        let small = try bench.startRead(file, count: inline)
        #expect(try bench.close(file).kind == .closed)
        #expect(try bench.outcome(of: small).result == -ECANCELED)
        let again = try bench.open("device")
        terminal.say("x")
        let read = try bench.startRead(again, count: Limits.payload)
        #expect(try bench.outcome(of: read).result == 1, "the memory is there again")
    }

    @Test(.enabled(if: mayOpen(EngineLimits.openFiles + 512), "too few descriptors (ulimit -n)"))
    func openFilesAreBounded() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/file"
        Glibc.close(Glibc.open(path, O_CREAT | O_CLOEXEC, 0o600))
        var bench = try Bench([Shapes.device(path, Shapes.null, kind: .regular)])
        let files = try (0..<EngineLimits.openFiles).map { _ in try bench.open("device") }
        #expect(Set(files).count == EngineLimits.openFiles)
        #expect(refusal { _ = try bench.tryOpen("device") } == .busy)
        #expect(try bench.close(files[7]).kind == .closed)
        #expect(try bench.open("device") == files[7])
        let closes = files.map { bench.startClose($0) }
        for id in closes { #expect(try bench.outcome(of: id).kind == .closed) }
        #expect(bench.engine.openFiles == 0 && descriptors(of: path) == 0)
    }

    @Test func workersAreBounded() throws {
        let names = (0...EngineLimits.lanes).map { "device-\($0)" }
        var bench = try Bench(names.map { Shapes.device("/dev/null", Shapes.null, name: $0) })
        let files = try names.dropLast().map { try bench.open($0) }
        #expect(refusal { _ = try bench.tryOpen(names[EngineLimits.lanes]) } == .busy)
        #expect(bench.engine.openFiles == EngineLimits.lanes)
        // A device that nobody has open needs no worker.
        #expect(try bench.close(files[7]).kind == .closed)
        #expect(bench.engine.laneState(device: names[7]) != nil)
        #expect(try bench.open(names[EngineLimits.lanes]) == files[7])
        #expect(bench.engine.laneState(device: names[7]) == nil)
        #expect(refusal { _ = try bench.tryOpen(names[7]) } == .busy)
    }

    private static func mayOpen(_ count: Int) -> Bool {
        var limit = rlimit()
        return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 && limit.rlim_cur >= count
    }
}
