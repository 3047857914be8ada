import CLiburing
import Glibc
import RingPolicy
import RingProtocol
import Testing

@testable import RingEngine

/// Devices at the other end of a TCP connection.
@Suite struct SocketTests {
    private static let inputQueue = CommandShape(
        name: "SIOCINQ", code: SubOpcode(0), transport: .ring, effect: .read)
    /// SOCKET_URING_OP_GETSOCKOPT and _SETSOCKOPT (linux/io_uring.h).
    private static func option(_ name: String, _ code: UInt32, _ direction: Direction) -> CommandShape {
        let length = Field(name: "optlen", type: .unsigned(bytes: 4), offset: 8)
        let fields = [("level", 0), ("optname", 4)].map {
            Field(name: $0.0, type: .unsigned(bytes: 4), offset: $0.1)
        }
        return CommandShape(
            name: name, pattern: CodePattern(SubOpcode(code)), transport: .ring, effect: .write,
            placement: .sqeSocketOption,
            blocks: [
                Block(elementSize: 24, fields: fields + [length]),
                Block(
                    path: "value", place: .pointer(at: 16, isNullable: false), direction: .fixed(direction),
                    elementSize: nil, amount: .field(length), maximum: 64),
            ])
    }

    private static func device(_ path: String) -> Device {
        Shapes.device(
            path, inputQueue, option("GETSOCKOPT", 2, .output), option("SETSOCKOPT", 3, .input), kind: .tcp)
    }

    private static func question(_ level: Int32, _ name: Int32, value: [UInt8] = []) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 24)
        bytes.put(level, at: 0)
        bytes.put(name, at: 4)
        bytes.put(UInt32(4), at: 8)
        bytes.put(UInt64(1), at: 16)
        return bytes + value
    }

    @Test(arguments: ["127.0.0.1", "[::1]"]) func bytesGoBothWays(address: String) throws {
        let listener = try Listener(address)
        var bench = try Bench([Self.device(listener.path)])
        let file = try bench.open("device")
        let peer = try listener.accept()
        defer { Glibc.close(peer) }
        let write = try bench.startWrite(file, Array("ping".utf8))
        #expect(try bench.outcome(of: write).result == 4)
        var buffer = [UInt8](repeating: 0, count: 8)
        #expect(Glibc.read(peer, &buffer, 8) == 4 && buffer[..<4].elementsEqual("ping".utf8))
        let read = try bench.startRead(file, count: 100)
        bench.expectPending(read)
        #expect(Glibc.write(peer, "pong", 4) == 4)
        let outcome = try bench.outcome(of: read)
        #expect(outcome.payload == Array("pong".utf8) && outcome.engine == .ring)
        #expect(try bench.close(file).kind == .closed)
        #expect(Glibc.read(peer, &buffer, 8) == 0, "the end of the connection")
    }

    @Test func optionsTravelInTheEntryAndTheirValuesInBlocks() throws {
        let listener = try Listener()
        var bench = try Bench([Self.device(listener.path)])
        let file = try bench.open("device")
        let peer = try listener.accept()
        defer { Glibc.close(peer) }
        let type = try bench.command(2, file, Self.question(SOL_SOCKET, SO_TYPE))
        try #require(type.result != -EOPNOTSUPP, "socket options need Linux 6.7")
        #expect(type.result == 4 && type.payload == [1, 0, 0, 0] && type.engine == .ring)
        let set = try bench.command(3, file, Self.question(SOL_SOCKET, SO_KEEPALIVE, value: [1, 0, 0, 0]))
        #expect(set.result == 0 && set.payload.isEmpty)
        let get = try bench.command(2, file, Self.question(SOL_SOCKET, SO_KEEPALIVE))
        #expect(get.payload == [1, 0, 0, 0])
        let unknown = try bench.command(2, file, Self.question(SOL_SOCKET, 9_999))
        #expect(unknown.result < 0 && unknown.payload.isEmpty)
        #expect(Glibc.write(peer, "12345", 5) == 5)
        #expect(try eventually(&bench, file) == 5)
    }

    /// What SIOCINQ counts once something has arrived.
    private func eventually(_ bench: inout Bench, _ file: OpenFileID) throws -> Int32 {
        let deadline = KernelClock.monotonic() + 10_000_000_000
        while KernelClock.monotonic() < deadline {
            let result = try bench.command(0, file).result
            if result != 0 { return result }
        }
        return 0
    }

    @Test func smallWritesAreSentAtOnce() throws {
        let listener = try Listener()
        var bench = try Bench([Self.device(listener.path)])
        _ = try bench.open("device")
        let names = descriptors().compactMap(Int32.init)
        var delays: Set<Int32> = []
        for fd in names where Listener.peerPort(of: fd) == listener.port {
            var value: Int32 = 0
            var size = socklen_t(4)
            #expect(getsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &value, &size) == 0)
            #expect(fcntl(fd, F_GETFD) & FD_CLOEXEC != 0 && fcntl(fd, F_GETFL) & O_NONBLOCK == 0)
            delays.insert(value)
        }
        #expect(delays == [1])
    }

    @Test func whatThePeerDoesNotTakeStopsNobodyElseAndKeepsItsOrder() throws {
        let listener = try Listener()
        var bench = try Bench([Self.device(listener.path)])
        let file = try bench.open("device")
        let peer = try listener.accept()
        defer { Glibc.close(peer) }
        let ids = try (0..<16).map {
            try bench.startWrite(file, [UInt8](repeating: UInt8($0), count: 1 << 20))
        }
        bench.turn()
        #expect(try bench.command(0, file).result == 0, "the ring goes on")
        // 16 MiB are more than the buffers of both ends hold. A write that was taken in part tells how much.
        let reader = SocketReader(peer)
        var expected: [(UInt8, Int)] = []
        for (index, id) in ids.enumerated() {
            let result = try bench.outcome(of: id).result
            #expect(result > 0)
            expected.append((UInt8(index), Int(result)))
        }
        #expect(try bench.close(file).kind == .closed)
        let heard = reader.wait()
        var position = 0
        for (byte, count) in expected {
            try #require(position + count <= heard.count)
            #expect(heard[position..<position + count].allSatisfy { $0 == byte })
            position += count
        }
        #expect(position == heard.count)
    }

    @Test func closingEndsAReadThatWaits() throws {
        let listener = try Listener()
        var bench = try Bench([Self.device(listener.path)])
        let file = try bench.open("device")
        let read = try bench.startRead(file, count: 100)
        let behind = try bench.startRead(file, count: 100)
        bench.expectPending(read)
        #expect(try bench.close(file).kind == .closed)
        #expect(try bench.outcome(of: read).result == -ECANCELED)
        #expect(try bench.outcome(of: behind).result == -ECANCELED)
    }

    @Test func aPortWhereNobodyListensIsTheKernelsAnswer() throws {
        let path: String
        do { path = try Listener().path }
        var bench = try Bench([Self.device(path)])
        let outcome = try bench.tryOpen("device")
        #expect(outcome.kind == .notOpened && outcome.result == -ECONNREFUSED && bench.engine.openFiles == 0)
    }

    @Test(arguments: ["localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1", "[127.0.0.1:1"])
    func namesAreNotLookedUp(path: String) throws {
        var bench = try Bench([Self.device(path)])
        let outcome = try bench.tryOpen("device")
        #expect(outcome.kind == .notOpened && outcome.result == -EINVAL)
    }

    /// A listener whose queue is full drops what else knocks.
    @Test func aPeerThatDoesNotAnswerIsGivenUp() throws {
        let listener = try Listener(backlog: 0)
        var bench = try Bench([Self.device(listener.path)])
        var outcome = try bench.tryOpen("device")
        for _ in 0..<4 where outcome.kind == .opened { outcome = try bench.tryOpen("device") }
        #expect(outcome.kind == .notOpened && outcome.result == -ETIMEDOUT)
        #expect(outcome.deviceTime >= UInt64(EngineLimits.connectTimeout) * 1_000_000)
    }
}
