/// The value of one field of a reply.
public enum FieldValue: Equatable, Sendable {
    case unsigned(UInt64)
    case signed(Int64)
    case bytes([UInt8])
    /// Characters up to the first NUL.
    case text(String)
    /// An array of values.
    case list([FieldValue])
}

/// As ``ArgumentCodec/encode(_:)`` takes it: decimal for integers, hexadecimal without prefix for bytes.
extension FieldValue: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unsigned(let value): String(value)
        case .signed(let value): String(value)
        case .bytes(let bytes): Hex.text(bytes)
        case .text(let text): text
        case .list(let values): "[" + values.map(\.description).joined(separator: ", ") + "]"
        }
    }
}

/// A field with its value, as decoded from a reply.
public struct DecodedField: Equatable, Sendable {
    /// Its path: `msgs.0.buf`.
    public let name: String
    public let value: FieldValue
    /// The value in the names of the description: one name, or flags joined by `|`. nil when it has none.
    public let words: String?
    /// The profile of the slot whose number the value is; nil for every other value.
    public let gives: String?

    public init(name: String, value: FieldValue, words: String? = nil, gives: String? = nil) {
        self.name = name
        self.value = value
        self.words = words
        self.gives = gives
    }
}

/// Bytes as pairs of hexadecimal digits.
public enum Hex {
    public static func text(_ bytes: [UInt8]) -> String {
        var digits: [UInt8] = []
        digits.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            for half in [byte >> 4, byte & 15] { digits.append(half < 10 ? 0x30 + half : 0x57 + half) }
        }
        return String(decoding: digits, as: UTF8.self)
    }

    /// nil when the text is not pairs of hexadecimal digits. An `0x` in front and spaces between are allowed.
    public static func bytes(_ text: String) -> [UInt8]? {
        var digits = text.filter { $0 != " " }
        if digits.hasPrefix("0x") { digits.removeFirst(2) }
        let values = digits.compactMap(\.hexDigitValue)
        guard values.count == digits.count, values.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
    }
}
