import CLiburing
import Glibc
import RingPolicy
import RingProtocol
import TestSupport
import Testing

@testable import RingEngine

/// Reads, writes and syncs.
@Suite struct TransferTests {
    @Test func bytesOfAFileAreReadAndWrittenWhereTheEntrySays() throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/disk"
        let fd = Glibc.open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        defer { Glibc.close(fd) }
        try #require(ftruncate(fd, 1 << 21) == 0)
        var bench = try Bench([Shapes.device(path, Shapes.null, kind: .regular)])
        let file = try bench.open("device")
        let bytes = (0..<Limits.payload).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let write = try bench.startWrite(file, bytes, offset: 4_096)
        let written = try bench.outcome(of: write)
        #expect(written.result == Int32(Limits.payload) && written.engine == .ring)
        let sync = try bench.start(.sync, file)
        #expect(try bench.outcome(of: sync).result == 0)
        let read = try bench.startRead(file, count: Limits.payload, offset: 4_096)
        let back = try bench.outcome(of: read)
        #expect(back.result == Int32(Limits.payload) && back.payload == bytes)
    }

    @Test func aShortReadHasOnlyTheBytesThatWereThere() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow)])
        let file = try bench.open("device")
        terminal.say("login:")
        let read = try bench.startRead(file, count: 4_096)
        let outcome = try bench.outcome(of: read)
        #expect(outcome.result == 6 && outcome.payload == Array("login:".utf8) && outcome.engine == .ring)
    }

    @Test func aReadWaitsForTheDeviceAndNobodyElseWaitsWithIt() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow)])
        let file = try bench.open("device")
        let read = try bench.startRead(file, count: 16)
        bench.expectPending(read)
        #expect(try bench.command(0x5413, file).result == 0)
        bench.expectPending(read)
        terminal.say("x")
        #expect(try bench.outcome(of: read).payload == Array("x".utf8))
    }

    /// The kernel ends such polls with EINVAL.
    @Test(arguments: [true, false]) func aChangeOfTheLineDoesNotEndWhatWaitsForIt(isRead: Bool) throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow)])
        let file = try bench.open("device")
        let waiting =
            try isRead
            ? bench.startRead(file, count: 16, waitsForInput: true)
            : bench.start(.poll, file, code: PollEvents.readable.rawValue)
        for speed in [B9600, B115200, B9600] {
            bench.expectPending(waiting)
            terminal.setSpeed(speed_t(speed))
            // Waits in the kernel, which then looks at what woke the poll.
            #expect(try bench.command(0x5413, file).result == 0)
        }
        bench.expectPending(waiting)
        terminal.say("x")
        let outcome = try bench.outcome(of: waiting)
        if isRead {
            #expect(outcome.payload == Array("x".utf8))
        } else {
            #expect(outcome.result & Int32(POLLIN) != 0)
        }
    }

    @Test func theEndOfAFileIsAReadOfNothing() throws {
        var bench = try Bench([Shapes.device("/dev/null", Shapes.null)])
        let file = try bench.open("device")
        let read = try bench.startRead(file, count: 100)
        let outcome = try bench.outcome(of: read)
        #expect(outcome.result == 0 && outcome.payload.isEmpty)
    }

    /// poll(2) calls a terminal writable with room for a few bytes; its driver then waits for room for the
    /// rest.
    @Test(.timeLimit(.minutes(5)))
    func aWriteTheDeviceDoesNotTakeStopsNobodyElse() throws {
        let terminal = try Terminal()
        let other = try Terminal()
        var bench = try Bench([
            Shapes.device(terminal.path, Shapes.getWindow),
            Shapes.device(other.path, Shapes.getWindow, name: "other"),
        ])
        let file = try bench.open("device")
        let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        let write = try bench.startWrite(file, bytes)
        bench.expectPending(write)
        let second = try bench.open("other")
        let small = try bench.startWrite(second, [1, 2, 3])
        #expect(try bench.outcome(of: small).result == 3)
        bench.expectPending(write)
        #expect(terminal.hear(bytes.count) == bytes)
        #expect(try bench.outcome(of: write).result == Int32(bytes.count))
    }

    @Test(.timeLimit(.minutes(5)))
    func writesReachATerminalInTheOrderOfSubmission() throws {
        let terminal = try Terminal()
        var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow)])
        let file = try bench.open("device")
        let parts = (0..<200).map { [UInt8](repeating: UInt8($0), count: 100 + $0) }
        let ids = try parts.map { try bench.startWrite(file, $0) }
        bench.turn()
        // The device reads only now, so that writes do wait for each other.
        let reader = Reader(terminal, count: parts.joined().count)
        for (id, part) in zip(ids, parts) { #expect(try bench.outcome(of: id).result == Int32(part.count)) }
        #expect(reader.wait() == Array(parts.joined()))
        #expect(try bench.close(file).kind == .closed)
    }

    /// VMIN and VTIME make a read wait after its first byte.
    @Test(.timeLimit(.minutes(5)))
    func aReadThatWaitsForMoreBytesStopsNobodyElse() throws {
        let terminal = try Terminal()
        let slave = Glibc.open(terminal.path, O_RDWR | O_NOCTTY | O_CLOEXEC)
        defer { Glibc.close(slave) }
        var settings = termios()
        tcgetattr(slave, &settings)
        withUnsafeMutableBytes(of: &settings.c_cc) { ($0[Int(VMIN)], $0[Int(VTIME)]) = (200, 255) }
        tcsetattr(slave, TCSANOW, &settings)
        terminal.say("x")
        var waiting: Int32 = 0
        // FIONREAD
        try #require(eventually { rg_ioctl_pointer(slave, 0x541b, &waiting) == 0 && waiting == 1 })
        var bench = try Bench([Shapes.device(terminal.path, Shapes.getWindow)])
        let file = try bench.open("device")
        let read = try bench.startRead(file, count: 250)
        let start = KernelClock.monotonic()
        for _ in 0..<100 { #expect(try bench.command(0x5413, file).result == 0) }
        bench.expectPending(read)
        let close = bench.startClose(file)
        let outcome = try bench.outcome(of: read)
        #expect(outcome.result == 1 || outcome.result == -ECANCELED)
        #expect(try bench.outcome(of: close).kind == .closed)
        #expect(KernelClock.monotonic() - start < 10_000_000_000, "much less than the 25 s of VTIME")
    }
}
