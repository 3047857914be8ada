import CLiburing
import Glibc
import RingPolicy
import RingProtocol
import Testing

@testable import RingEngine

/// Closing a file ends what runs on it.
@Suite struct CancellationTests {
    /// A call that blocks for as long as the console is not switched to number 63, which nobody does.
    static let console = "/dev/tty0"
    /// For tests that count who has it open.
    static let otherConsole = "/dev/tty1"
    static let never = Shapes.value(63)

    @Test func closingEndsAReadThatWaits() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow)])
        let file = try bench.open("device")
        let reads = try (0..<20).map { _ in try bench.startRead(file, count: 100) }
        bench.turn()
        let close = bench.startClose(file)
        for read in reads {
            let outcome = try bench.outcome(of: read)
            #expect(outcome.result == -ECANCELED && outcome.payload.isEmpty && outcome.engine == .ring)
        }
        #expect(try bench.outcome(of: close).kind == .closed)
        #expect(bench.engine.openFiles == 0 && bench.engine.inFlight == 0)
    }

    @Test func closingEndsWhatTheKernelHasNotSeenYet() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow)])
        let file = try bench.open("device")
        let read = try bench.startRead(file, count: 100)
        let close = bench.startClose(file)
        #expect(try bench.outcome(of: read).result == -ECANCELED)
        #expect(try bench.outcome(of: close).kind == .closed)
    }

    @Test func closingOneFileLeavesTheOtherOfTheSameDevice() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow)])
        let first = try bench.open("device")
        let second = try bench.open("device")
        let lost = try bench.startRead(first, count: 100)
        let kept = try bench.startRead(second, count: 100)
        bench.turn()
        #expect(try bench.close(first).kind == .closed)
        #expect(try bench.outcome(of: lost).result == -ECANCELED)
        bench.expectPending(kept)
        terminal.say("x")
        #expect(try bench.outcome(of: kept).result == 1)
    }

    @Test func closingEndsAWriteTheDeviceDoesNotTakeAndThoseBehindIt() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow)])
        let file = try bench.open("device")
        let bytes = [UInt8](repeating: 1, count: 300_000)
        let first = try bench.startWrite(file, bytes)
        let second = try bench.startWrite(file, bytes)
        bench.expectPending(first)
        let close = bench.startClose(file)
        let outcome = try bench.outcome(of: first)
        // What fitted has been written, or nothing was.
        #expect(outcome.result == -ECANCELED || (1..<300_000).contains(outcome.result))
        let behind = try bench.outcome(of: second)
        #expect(behind.result == -ECANCELED && !behind.isIndeterminate && behind.engine == .ring)
        #expect(try bench.outcome(of: close).kind == .closed)
        #expect(bench.engine.inFlight == 0)
    }

    @Test func aCloseThatNobodyAskedForIsToldToNobody() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow)])
        let file = try bench.open("device")
        let read = try bench.startRead(file, count: 1)
        bench.engine.close(file, tag: nil)
        #expect(try bench.outcome(of: read).result == -ECANCELED)
        #expect(try bench.outcome(of: 0).kind == .closed, "the tag of nobody")
        #expect(bench.engine.openFiles == 0)
    }

    @Test(.enabled(if: canOpen(console), "there is no console whose switching could be waited for"))
    func closingEndsACallThatWaitsAndSaysThatItsEffectIsUnknown() throws {
        var bench = try Bench([Shapes.device(Self.console, Shapes.waitActive)])
        let file = try bench.open("device")
        let running = try bench.start(.command, file, code: 0x5607, Self.never)
        let queued = try (0..<3).map { _ in try bench.start(.command, file, code: 0x5607, Self.never) }
        bench.expectPending(running)
        let close = bench.startClose(file)
        for id in queued {
            let outcome = try bench.outcome(of: id)
            #expect(outcome.result == -ECANCELED && !outcome.isIndeterminate && outcome.engine == .call)
        }
        let outcome = try bench.outcome(of: running)
        #expect(outcome.result == -ECANCELED && outcome.engine == .call)
        #expect(try bench.outcome(of: close).kind == .closed)
        #expect(bench.engine.inFlight == 0)
    }

    @Test(.enabled(if: canOpen(console), "there is no console whose switching could be waited for"))
    func aCallThatHasBegunIsIndeterminate() throws {
        var bench = try Bench([Shapes.device(Self.console, Shapes.waitActive)])
        let file = try bench.open("device")
        let other = try bench.open("device")
        let running = try bench.start(.command, file, code: 0x5607, Self.never)
        let behind = try bench.start(.command, other, code: 0x5607, Shapes.value(0))
        bench.turn()
        #expect(eventually { Self.someThreadWaits() })
        let close = bench.startClose(file)
        let outcome = try bench.outcome(of: running)
        #expect(outcome.result == -ECANCELED && outcome.isIndeterminate)
        #expect(try bench.outcome(of: close).kind == .closed)
        #expect(try bench.outcome(of: behind).result == -ENXIO, "the worker goes on with the other file")
    }

    /// Whether a thread of this process sleeps in a system call with VT_WAITACTIVE and 63 as arguments.
    private static func someThreadWaits() -> Bool {
        guard let directory = opendir("/proc/self/task") else { return false }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            let fd = Glibc.open("/proc/self/task/\(name)/syscall", O_RDONLY | O_CLOEXEC)
            guard fd >= 0 else { continue }
            defer { Glibc.close(fd) }
            var bytes = [UInt8](repeating: 0, count: 64)
            let count = Glibc.read(fd, &bytes, 64)
            let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
            if text.contains(" 0x5607 0x3f ") { return true }
        }
        return false
    }
}
