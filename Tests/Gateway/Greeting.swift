import RingProtocol
import TestSupport

extension Features {
    /// All that this release knows.
    static let all = Features(rawValue: 0xff)
}

extension RawClient {
    /// The error frame that ends the session; completions before it are passed over.
    func ending() throws -> SessionError? {
        while let (type, _, payload) = try frame() {
            if type == .error {
                return try payload.withUnsafeBytes { try SessionError.decode(WireBytes($0)) }
            }
        }
        return nil
    }
}

extension Site {
    /// A raw peer of the allowed agent with all features.
    func greeted(_ features: Features) throws -> RawClient {
        let client = try raw(agent)
        _ = try client.greet(features)
        return client
    }
}

extension RawEntry {
    func linked(_ flags: EntryFlags = .link) -> RawEntry {
        var entry = self
        entry.flags |= flags.rawValue
        return entry
    }

    static func delay(milliseconds: UInt64, id: UInt64) -> RawEntry {
        RawEntry(.timeout, id: id, offset: milliseconds * 1_000_000)
    }

    static func nop(_ id: UInt64) -> RawEntry { RawEntry(.nop, id: id) }
    static func close(slot: UInt16, id: UInt64) -> RawEntry { RawEntry(.close, id: id, slot: slot) }
    static func command(_ code: UInt32 = 0, slot: UInt16 = 0, id: UInt64) -> RawEntry {
        RawEntry(.command, id: id, slot: slot, code: code)
    }
    static func write(_ text: String, slot: UInt16 = 0, id: UInt64) -> RawEntry {
        RawEntry(.write, id: id, slot: slot, offset: .max, argument: Array(text.utf8))
    }
}
