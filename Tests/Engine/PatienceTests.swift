import CLiburing
import Glibc
import RingPolicy
import RingProtocol
import Testing

@testable import RingEngine

/// Calls that take too long, and workers that do not come back.
@Suite(
    .serialized,
    .enabled(
        if: canOpen(CancellationTests.otherConsole), "there is no console whose switching could be waited for"
    )
)
struct PatienceTests {
    private static let console = CancellationTests.otherConsole
    /// VT_WAITACTIVE on a console that nobody switches to.
    private static let code: UInt32 = 0x5607

    private static func bench(timeout: UInt32?) throws -> Bench {
        try Bench([Shapes.device(console, Shapes.waitActive, timeout: timeout)])
    }

    @Test func aCallThatRunsTooLongIsEndedAndItsEffectUnknown() throws {
        var bench = try Self.bench(timeout: 150)
        let file = try bench.open("device")
        let start = KernelClock.monotonic()
        let outcome = try bench.command(Self.code, file, CancellationTests.never)
        #expect(outcome.result == -ETIME && outcome.isIndeterminate && outcome.engine == .call)
        #expect(KernelClock.monotonic() - start >= 150_000_000)
        #expect(bench.engine.counters.expiredCalls == 1 && bench.engine.counters.stuckCalls == 0)
        #expect(try bench.command(Self.code, file, Shapes.value(0)).result == -ENXIO, "the worker goes on")
    }

    @Test func aCallThatWaitsTooLongDoesNotRun() throws {
        var bench = try Bench([
            Shapes.device(
                Self.console, Shapes.waitActive, Self.impatient, name: "device", timeout: nil)
        ])
        let file = try bench.open("device")
        let running = try bench.start(.command, file, code: Self.code, CancellationTests.never)
        let waiting = try (0..<3).map { _ in try bench.start(.command, file, code: 0x4b33) }
        for id in waiting {
            let outcome = try bench.outcome(of: id)
            #expect(outcome.result == -ETIME && !outcome.isIndeterminate && outcome.deviceTime == 0)
        }
        #expect(bench.engine.counters.expiredCalls == 3)
        bench.expectPending(running)
        #expect(try bench.close(file).kind == .closed)
        #expect(try bench.outcome(of: running).result == -ECANCELED)
    }

    /// KDGKBTYPE, which must run within 150 ms.
    private static let impatient = CommandShape(
        name: "KDGKBTYPE", pattern: CodePattern(SubOpcode(0x4b33)), transport: .call, effect: .read,
        placement: .pointer, direction: .output,
        blocks: [Block(direction: .fixed(.output), elementSize: 1, fields: [])], timeout: 150)

    @Test func aWorkerTellsWhatItIsDoing() throws {
        var bench = try Self.bench(timeout: nil)
        #expect(bench.engine.laneState(device: "device") == nil)
        let file = try bench.open("device")
        #expect(
            bench.engine.laneState(device: "device")
                == LaneState(started: 0, operations: 0, runningFor: nil, isStuck: false))
        let id = try bench.start(.command, file, code: Self.code, CancellationTests.never)
        _ = try bench.start(.command, file, code: Self.code, CancellationTests.never)
        bench.turn()
        #expect(eventually { bench.engine.laneState(device: "device")?.runningFor ?? 0 > 0 })
        let state = bench.engine.laneState(device: "device")
        #expect(state?.operations == 2 && state?.isStuck == false)
        #expect(try bench.close(file).kind == .closed)
        #expect(try bench.outcome(of: id).result == -ECANCELED)
    }

    /// In a process of its own, where the signal is ignored, so that the call is as deaf to it as one in
    /// uninterruptible sleep.
    @Test func aStuckCallIsAnsweredOnceAndAResetLetsTheDeviceGoOn() async {
        await #expect(processExitsWith: .success) { try PatienceTests.getStuck() }
    }

    private static func getStuck() throws {
        var bench = try bench(timeout: 100)
        let file = try bench.open("device")
        let other = try bench.open("device")
        let isKnown = bench.engine.resetLane(device: "unknown")
        #expect(!isKnown)
        Glibc.signal(rg_interrupt_signal(), SIG_IGN)
        defer { _ = rg_interrupt_install() }
        let stuck = try bench.start(.command, file, code: code, CancellationTests.never)
        let outcome = try bench.outcome(of: stuck)
        #expect(outcome.result == -ETIME && outcome.isIndeterminate && outcome.payload.isEmpty)
        #expect(bench.engine.laneState(device: "device")?.isStuck == true)
        #expect(bench.engine.counters.stuckCalls == 1 && bench.engine.inFlight == 0)
        // Nothing new is begun on the device, and nobody waits for ever.
        #expect(throws: DeviceEngine.quarantined) { _ = try bench.command(code, other, Shapes.value(0)) }
        #expect(throws: DeviceEngine.quarantined) { _ = try bench.open("device") }
        let closed = try bench.close(file)
        #expect(closed.kind == .closed && closed.result == -EIO && closed.isIndeterminate)
        let isReset = bench.engine.resetLane(device: "device")
        #expect(isReset && bench.engine.counters.resetLanes == 1)
        #expect(try bench.command(code, other, Shapes.value(0)).result == -ENXIO, "the new worker runs")
        #expect(bench.engine.laneState(device: "device")?.isStuck == false)
        #expect(descriptors(of: console) == 2, "the stuck call still has its file")
        #expect(bench.engine.openFiles == 2)
        // It comes back at last: its file is closed, and nobody is told anything any more.
        #expect(rg_interrupt_install() == 0)
        #expect(try bench.outcome(of: 0).kind == .closed)
        #expect(bench.outcomes.isEmpty && bench.engine.openFiles == 1)
        #expect(descriptors(of: console) == 1)
        #expect(try bench.close(other).kind == .closed)
        #expect(bench.engine.inFlight == 0 && bench.engine.openFiles == 0)
    }

    /// In a process of its own, whose descriptors are numbers of consoles.
    @Test func aTakenFileIsNotClosedBeforeTheCallThatHasItIsOver() async {
        await #expect(processExitsWith: .success) { try PatienceTests.waitForConsoleOfDescriptor() }
    }

    private static func waitForConsoleOfDescriptor() throws {
        let number = Field(
            name: "fd", type: .signed(bytes: 4), offset: 0, descriptor: .takes(profile: "test"))
        let shape = CommandShape(
            name: "VT_WAITACTIVE", pattern: CodePattern(SubOpcode(code)), transport: .call, effect: .read,
            placement: .value, blocks: [Block(elementSize: 8, fields: [number])])
        var bench = try Bench([
            Shapes.device(console, shape), Shapes.device("/dev/full", Shapes.null, name: "other"),
        ])
        let file = try bench.open("device")
        let other = try bench.open("other")
        bench.slots[FileSlot(40)] = HeldSlot(file: other, profile: "test")
        let running = try bench.start(.command, file, code: code, Shapes.value(40))
        bench.expectPending(running)
        let close = bench.startClose(other)
        bench.engine.repeatCancellations()
        bench.expectPending(close)
        bench.expectPending(running)
        #expect(descriptors(of: "/dev/full") == 1)
        #expect(refusal { _ = try bench.start(.command, file, code: code, Shapes.value(40)) } == .slotNotOpen)
        #expect(try bench.close(file).kind == .closed)
        #expect(try bench.outcome(of: running).result == -ECANCELED)
        #expect(try bench.outcome(of: close).kind == .closed)
        #expect(descriptors(of: "/dev/full") == 0 && bench.engine.openFiles == 0)
    }

    @Test func aResetTakesWhatWaitsToTheNewWorker() throws {
        var bench = try Self.bench(timeout: nil)
        let file = try bench.open("device")
        let other = try bench.open("device")
        let running = try bench.start(.command, file, code: Self.code, CancellationTests.never)
        bench.turn()
        #expect(eventually { bench.engine.laneState(device: "device")?.runningFor != nil })
        let waiting = try (0..<3).map { _ in
            try bench.start(.command, other, code: Self.code, Shapes.value(0))
        }
        let isReset = bench.engine.resetLane(device: "device")
        #expect(isReset)
        for id in waiting { #expect(try bench.outcome(of: id).result == -ENXIO) }
        let outcome = try bench.outcome(of: running)
        #expect(outcome.result == -EIO && outcome.isIndeterminate)
        #expect(try bench.close(file).kind == .closed)
        #expect(try bench.close(other).kind == .closed)
        #expect(bench.engine.inFlight == 0)
    }

    @Test func workersLeftBehindAreBoundedAndGoWhenTheyCan() throws {
        var bench = try Self.bench(timeout: nil)
        _ = try bench.open("device")
        let threads = Self.threads
        let resets = (0..<EngineLimits.leftBehind).map { _ in bench.engine.resetLane(device: "device") }
        #expect(resets.allSatisfy { $0 })
        var isReset = bench.engine.resetLane(device: "device")
        #expect(!isReset, "too many")
        bench.engine.repeatCancellations()
        isReset = bench.engine.resetLane(device: "device")
        #expect(isReset, "idle ones have gone")
        #expect(eventually { Self.threads < threads + 16 })
    }

    private static var threads: Int {
        guard let directory = opendir("/proc/self/task") else { return 0 }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        return count
    }
}
