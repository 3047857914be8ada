import RingClient
import RingProtocol

/// An ioctl(2) on a worker, and URING_CMDs in bulk.
struct RingSteps: Sendable {
    let connection: RingConnection
    private static let commands = 10_000

    @Sendable func readEntropy() async throws -> String {
        let random = try await connection.open("random")
        let reply = try await random.command(SubOpcode(0x8004_5200))  // RNDGETENTCNT
        guard reply.engine == .call, reply.payload.count == 4 else { throw Surprise("odd reply: \(reply)") }
        let bits = reply.payload.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) }.littleEndian
        let bytes = try await random.read(count: 16)
        try await random.close()
        return "\(bits) bits; read \(bytes.count) random bytes through the ring"
    }

    @Sendable func pipeline() async throws -> String {
        let null = try await connection.open("null")
        var batch = Batch(entries: Self.commands)
        for _ in 0..<Self.commands { batch.command(null, SubOpcode(0)) }
        let clock = ContinuousClock()
        let start = clock.now
        let replies = try await connection.submit(batch)
        let elapsed = clock.now - start
        let good = replies.filter { $0.result == 0 && $0.engine == .ring }.count
        guard good == Self.commands else { throw Surprise("\(good) of \(Self.commands) ran on the ring") }
        try await null.close()
        return "all on the ring, in \(elapsed.formatted)"
    }
}

extension Duration {
    /// Milliseconds with one decimal.
    fileprivate var formatted: String {
        let tenths = (components.seconds * 10_000) + components.attoseconds / 100_000_000_000_000
        return "\(tenths / 10).\(tenths % 10) ms"
    }
}
