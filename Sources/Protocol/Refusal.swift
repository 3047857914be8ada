/// Why the gateway refused an entry. The raw value is the number on the wire.
public enum RefusalReason: UInt16, Sendable, CaseIterable {
    /// No rule allows it: unknown and unlisted look the same.
    case noRule = 1
    /// A rule that wins over everything forbids it.
    case never = 2
    /// A rule allows the sub-opcode, but not with this argument.
    case constraint = 3
    /// The slot is not open, or not open yet.
    case slotNotOpen = 4
    /// The slot is in use.
    case slotInUse = 5
    /// The entry or its argument does not have the shape of its operation or sub-opcode.
    case shape = 6
    /// The operation is unknown, or its feature was not granted.
    case unsupported = 7
    /// A queue or budget is full; nothing happened, try again later.
    case busy = 8
    /// The gateway is stopping and takes no new entries.
    case draining = 9
    /// What the policy names is not what is there: the node has another type or is a link.
    case identity = 10
    /// An operator has taken the device out of use, and the text carries the operator's reason; or the process that operates
    /// it has ended; or what would change something cannot be put on record.
    case unavailable = 11
}

/// The payload of a refused completion: `reason u16 @0, rule_length u16 @2, text_length u32 @4`, then the id
/// of the deciding rule and a sentence for people, both UTF-8, back to back.
public struct Refusal: Error, Equatable, Sendable {
    public let reason: RefusalReason
    /// Id of the deciding rule in the site's policy, `never/...` for a built-in one, empty when none decided.
    public let rule: String
    public let text: String
    /// Nanoseconds after which trying again makes sense, 0 when there is no telling. Not part of the payload:
    /// it is the completion's device time.
    public var retryAfter: UInt64

    public init(_ reason: RefusalReason, rule: String = "", _ text: String, retryAfter: UInt64 = 0) {
        self.reason = reason
        self.rule = rule
        self.text = text
        self.retryAfter = retryAfter
    }

    static let header = 8

    /// The result that goes with the reason, a negated errno.
    public var result: Int32 {
        switch reason {
        case .noRule, .never, .constraint: -13  // EACCES
        case .slotNotOpen: -9  // EBADF
        case .slotInUse, .busy, .unavailable: -16  // EBUSY
        case .shape: -22  // EINVAL
        case .unsupported: -95  // EOPNOTSUPP
        case .draining: -108  // ESHUTDOWN
        case .identity: -19  // ENODEV
        }
    }

    /// The completion flags that go with the reason.
    public var flags: CompletionFlags { result == -13 ? [.refused, .denied] : .refused }

    /// The payload's bytes. Rule and text are cut to `Limits.text` at a character boundary.
    public func encoded() -> [UInt8] {
        let rule = Self.cut(self.rule)
        let text = Self.cut(self.text)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.header + rule.utf8.count + text.utf8.count)
        withUnsafeBytes(of: reason.rawValue.littleEndian) { bytes += $0 }
        withUnsafeBytes(of: UInt16(rule.utf8.count).littleEndian) { bytes += $0 }
        withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian) { bytes += $0 }
        bytes += rule.utf8
        bytes += text.utf8
        return bytes
    }

    public static func decode(_ payload: WireBytes) throws(WireError) -> Refusal {
        guard payload.count >= header, let reason = RefusalReason(rawValue: payload.load(UInt16.self, at: 0))
        else {
            throw WireError(.malformed, rule: 25, "refusal too short or of unknown reason")
        }
        let ruleLength = Int(payload.load(UInt16.self, at: 2))
        let textLength = Int(payload.load(UInt32.self, at: 4))
        guard ruleLength <= Limits.text, textLength <= Limits.text,
            payload.count == header + ruleLength + textLength,
            let rule = payload.slice(header, ruleLength).text,
            let text = payload.slice(header + ruleLength, textLength).text
        else { throw WireError(.malformed, rule: 25, "refusal lengths do not fit its payload") }
        return Refusal(reason, rule: rule, text)
    }

    static func cut(_ text: String) -> String {
        guard text.utf8.count > Limits.text else { return text }
        var end = text.startIndex
        while end < text.endIndex {
            let next = text.index(after: end)
            guard text.utf8.distance(from: text.startIndex, to: next) <= Limits.text else { break }
            end = next
        }
        return String(text[..<end])
    }
}
