import Foundation
import RingProtocol
import TestSupport
import Testing

/// What docs/vectors says that no client may do, done to a gateway.
@Suite struct SessionVectorTests {
    private struct Vector: Decodable {
        let name: String, frames: [String]
        let error: Ending?, refused: RefusedEntry?

        struct Ending: Decodable, Equatable { var code: UInt16, rule: UInt16, entry: UInt32? }

        struct RefusedEntry: Decodable { var request_id: String, reason: UInt16, result: Int32 }

        var bytes: [UInt8] { frames.flatMap { [UInt8](hexadecimal: $0) } }
    }

    /// A frame of invalid.json.
    private struct WrongFrame: Decodable {
        let name: String, direction: String, hex: String, features: String, after_request_id: String
        let code: UInt16, rule: UInt16, entry: UInt32?, payload_limit: Int

        /// What comes before it: nothing where the hello itself is meant.
        var start: [UInt8] {
            guard payload_limit == Limits.framePayload else { return [] }
            let hello = Hello(features: Features(rawValue: UInt64(features) ?? 0)).encoded()
            let last = UInt64(after_request_id) ?? 0
            return last == 0 ? hello : hello + RawEntry.frame([.nop(last)])
        }
    }

    private static let all: [Vector] = load("sessions.json")

    private static func load<Value: Decodable>(_ name: String) -> [Value] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "docs/vectors/\(name)")
        guard let data = try? Data(contentsOf: file) else { return [] }
        return (try? JSONDecoder().decode([Value].self, from: data)) ?? []
    }

    /// The error frame that ends the session; nil when it ends without one.
    private func ending(_ client: RawClient) throws -> Vector.Ending? {
        while let frame = try client.frame() {
            guard frame.type == .error else { continue }
            let error = try frame.payload.withUnsafeBytes { try SessionError.decode(WireBytes($0)) }
            #expect(try client.frame() == nil, "nothing follows an error frame but the end")
            return .init(code: error.code.rawValue, rule: error.rule, entry: error.entry)
        }
        return nil
    }

    @Test func whatEndsASessionEndsItSoAndOnlyThatOne() throws {
        let site = try Site()
        let good = try site.greeted()
        let vectors = Self.all.filter { $0.error != nil }
        #expect(vectors.count >= 70)
        for vector in vectors {
            let client = try site.raw(site.agent)
            try client.send(vector.bytes)
            #expect(try ending(client) == vector.error, "\(vector.name)")
        }
        #expect(site.gateway.counters.violations == vectors.count)
        try good.submit([.nop(1)])
        #expect(try good.completions(1)[0].result == 0)
    }

    @Test func aFrameThatIsWrongByItselfEndsASession() throws {
        let site = try Site()
        let frames: [WrongFrame] = Self.load("invalid.json").filter { $0.direction == "client" }
        #expect(frames.count >= 50)
        for frame in frames {
            let client = try site.raw(site.agent)
            try client.send(frame.start + [UInt8](hexadecimal: frame.hex))
            let wanted = Vector.Ending(code: frame.code, rule: frame.rule, entry: frame.entry)
            #expect(try ending(client) == wanted, "\(frame.name)")
        }
        #expect(site.gateway.counters.violations == frames.count)
    }

    @Test func whatIsRefusedIsRefusedSoAndEndsNothing() throws {
        let site = try Site()
        let vectors = Self.all.filter { $0.refused != nil }
        #expect(vectors.count >= 70)
        for vector in vectors {
            let client = try site.raw(site.agent)
            try client.send(vector.bytes)
            let answers = try client.completions(upTo: 99)
            let refused = answers.first { String($0.id) == vector.refused?.request_id }
            #expect(refused?.refusal?.reason.rawValue == vector.refused?.reason, "\(vector.name)")
            #expect(refused?.result == vector.refused?.result, "\(vector.name)")
            #expect(answers.last?.result == 0, "\(vector.name)")
        }
        #expect(site.gateway.counters.violations == 0)
    }
}

extension [UInt8] {
    fileprivate init(hexadecimal text: String) {
        let digits = Array<UInt8>(text.utf8).map { $0 <= 0x39 ? $0 - 0x30 : $0 - 0x57 }
        self = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
