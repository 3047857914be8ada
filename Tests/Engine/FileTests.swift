import CLiburing
import Glibc
import RingPolicy
import RingProtocol
import TestSupport
import Testing

@testable import RingEngine

/// What may be opened, and that nothing of it stays.
@Suite struct FileTests {
    @Test func openingTellsTheFileAndClosingLeavesNothing() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow)])
        let opened = try bench.tryOpen("device")
        #expect(opened.kind == .opened && opened.result == 0 && opened.engine == .call)
        #expect(descriptors(of: terminal.path) == 1 && bench.engine.openFiles == 1)
        let closed = try bench.close(try #require(opened.file))
        #expect(closed.kind == .closed && closed.result == 0 && closed.engine == .call)
        #expect(descriptors(of: terminal.path) == 0 && bench.engine.openFiles == 0)
        #expect(bench.engine.inFlight == 0)
        // No ring holds the slave either: the device sees a hangup.
        var ready = pollfd(fd: terminal.master, events: 0, revents: 0)
        #expect(poll(&ready, 1, 10_000) == 1 && ready.revents & Int16(POLLHUP) != 0)
    }

    @Test func aPathWithNothingIsTheKernelsAnswer() throws {
        var bench = try Bench([Shapes.device("/dev/ringgate-absent", Shapes.null)])
        let outcome = try bench.tryOpen("device")
        #expect(outcome.kind == .notOpened && outcome.result == -ENOENT && outcome.refusal == nil)
        #expect(bench.engine.openFiles == 0)
    }

    @Test func anotherKindOfNodeIsRefusedAndClosed() throws {
        let terminal = try Terminal()
        for kind in [NodeKind.block, .regular] {
            var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow, kind: kind)])
            let outcome = try bench.tryOpen("device")
            #expect(outcome.kind == .notOpened && outcome.refusal == .identity)
            #expect(bench.engine.openFiles == 0 && descriptors(of: terminal.path) == 0)
        }
    }

    @Test func aLinkIsNotTheNodeThePolicyNames() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/null"
        try #require(symlink("/dev/null", path) == 0)
        var bench = try Bench([Shapes.device(path, Shapes.null)])
        let outcome = try bench.tryOpen("device")
        #expect(outcome.kind == .notOpened && outcome.result == -ELOOP)
    }

    @Test func theAccessOfTheDeviceIsWhatTheFileIsOpenedWith() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow, access: .readOnly)])
        let file = try bench.open("device")
        let write = try bench.startWrite(file, [1])
        #expect(try bench.outcome(of: write).result == -EBADF)
    }

    @Test func filesComeFirstWithTheLowestFreePlace() throws {
        var bench = try Bench([Shapes.device("/dev/null", Shapes.null)])
        let first = try bench.open("device")
        let second = try bench.open("device")
        #expect(first != second)
        #expect(try bench.close(first).kind == .closed)
        #expect(try bench.open("device") == first)
        #expect(try bench.command(0, second).result == 0)
    }

    @Test func whatIsSubmittedToAClosingFileIsRefused() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow)])
        let file = try bench.open("device")
        let read = try bench.startRead(file, count: 1)
        bench.turn()
        let close = bench.startClose(file)
        #expect(refusal { _ = try bench.start(.command, file, code: 0x5413) } == .slotNotOpen)
        #expect(try bench.outcome(of: read).result == -ECANCELED)
        #expect(try bench.outcome(of: close).kind == .closed)
    }

    @Test func anEngineThatGoesClosesItsFiles() throws {
        let terminal = try Terminal()
        do {
            var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow)])
            _ = try bench.open("device")
            #expect(descriptors(of: terminal.path) == 1)
        }
        #expect(descriptors(of: terminal.path) == 0)
    }
}

/// Why the engine refuses; nil when it does not.
func refusal(_ body: () throws -> Void) -> RefusalReason? {
    do {
        try body()
        return nil
    } catch let refusal as Refusal {
        return refusal.reason
    } catch {
        return nil
    }
}
