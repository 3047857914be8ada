import RingProtocol
import Testing

/// SplitMix64: small, seeded, the same everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}

/// Bytes nobody meant as frames: every decoder answers, none traps.
@Suite("Random bytes")
struct RandomBytesTests {
    static let seed: UInt64 = 0x52_49_4e_47

    @Test("100,000 random frames are decoded or break a rule")
    func noise() {
        var random = SeededGenerator(seed: Self.seed)
        for _ in 0..<100_000 {
            let length = Int.random(in: 0...96, using: &random)
            var bytes = (0..<8 + length).map { _ in UInt8.random(in: 0...255, using: &random) }
            // A header that passes, most of the time, so that the payload is looked at.
            if random.next() % 8 != 0 {
                bytes.store(UInt32(length), at: 0)
                bytes[4] = UInt8.random(in: 1...7, using: &random)
                bytes[5] = 0
                bytes.store(UInt16(random.next() % 4), at: 6)
            }
            bytes.wire(decode)
        }
    }

    @Test("100,000 frames with a few changed bytes are decoded or break a rule")
    func mutations() throws {
        let frames = Vectors.valid.map(\.bytes)
        try #require(!frames.isEmpty)
        var random = SeededGenerator(seed: Self.seed + 1)
        for _ in 0..<100_000 {
            var bytes = frames[Int.random(in: frames.indices, using: &random)]
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            if random.next() % 4 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
            bytes.wire(decode)
        }
    }

    /// Decodes as the receiver does, and as if the frame were of every other type.
    private func decode(_ bytes: WireBytes) {
        do {
            try decodeWhole(bytes, allowed: EntryFlags(rawValue: 0x1f))
            _ = try? Refusal.decode(bytes)
            _ = try? SessionError.decode(bytes)
        } catch let error as WireError {
            if error.rule == 0 || error.text.isEmpty { Issue.record("\(error)") }
        } catch {
            Issue.record("\(error)")
        }
    }
}
