import RingClient
import RingProtocol

/// A discard by URING_CMD, which the kernel cannot restrict to a range: the allowlist does.
struct DiskSteps: Sendable {
    let disk: RemoteDevice
    let connection: RingConnection
    private static let mebibyte = 1 << 20
    private static let discard = SubOpcode(0x1200)  // BLOCK_URING_CMD_DISCARD

    @Sendable func writePattern() async throws -> String {
        let pattern = [UInt8](repeating: 0xa5, count: Self.mebibyte)
        for part in 0..<3 {
            let written = try await disk.write(pattern, offset: UInt64(part * Self.mebibyte))
            guard written == pattern.count else {
                throw Surprise("wrote \(written) of \(pattern.count) bytes")
            }
        }
        try await disk.sync()
        return "3 MiB of 0xa5"
    }

    @Sendable func discardAllowedRange() async throws -> String {
        let reply = try await disk.command(
            Self.discard, argument: Self.range(Self.mebibyte, Self.mebibyte))
        guard reply.engine == .ring else { throw Surprise("ran on engine \(reply.engine)") }
        try await expect(0, at: Self.mebibyte, Self.mebibyte)
        try await expect(0xa5, at: 0, Self.mebibyte)
        try await expect(0xa5, at: 2 * Self.mebibyte, Self.mebibyte)
        return "1 MiB reads as zeros, its neighbours are untouched"
    }

    @Sendable func discardOutside() async throws -> String {
        do {
            try await disk.command(Self.discard, argument: Self.range(0, 4096))
        } catch RingError.denied(let refusal) {
            try await expect(0xa5, at: 0, 4096)
            return "rule \(refusal.rule): \(refusal.text)"
        }
        throw Surprise("a discard outside the allowed range was let through")
    }

    private func expect(_ byte: UInt8, at offset: Int, _ count: Int) async throws {
        let bytes = try await disk.read(count: count, offset: UInt64(offset))
        guard bytes.count == count, bytes.allSatisfy({ $0 == byte }) else {
            throw Surprise("not only \(byte) in the \(count) bytes at \(offset)")
        }
    }

    /// The two u64 of a block device's byte range.
    private static func range(_ start: Int, _ length: Int) -> [UInt8] {
        withUnsafeBytes(of: (UInt64(start).littleEndian, UInt64(length).littleEndian)) { Array($0) }
    }
}
