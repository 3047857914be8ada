import RingPolicy
import RingProtocol

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a set of principals may do, with the answers to `list` and `describe` once they were asked for:
/// encoding one takes a hundred times as long as a command, and a client may ask a thousand times in one
/// frame.
final class PeerRights {
    let policy: PeerPolicy
    private var list: [UInt8]?
    private var descriptions: [String: [UInt8]] = [:]

    init(_ policy: PeerPolicy) { self.policy = policy }

    func encodedList() throws(Refusal) -> [UInt8] {
        if let list { return list }
        let bytes = try Self.json(policy.list)
        list = bytes
        return bytes
    }

    func encodedDescription(of name: WireBytes) throws(Refusal) -> [UInt8] {
        if let text = name.text, let bytes = descriptions[text] { return bytes }
        let description = try policy.describe(name)
        let bytes = try Self.json(description)
        descriptions[description.device] = bytes
        return bytes
    }

    private static func json(_ value: some Encodable) throws(Refusal) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let json = try? encoder.encode(value), json.count <= Limits.payload else {
            throw Refusal(.busy, "the answer is longer than \(Limits.payload) bytes")
        }
        return Array(json)
    }
}
