/// The value of one field of an argument or reply block.
public enum FieldValue: Equatable, Sendable {
    case unsigned(UInt64)
    case signed(Int64)
    case bytes([UInt8])
}

/// Decimal for integers, hexadecimal without prefix for bytes.
extension FieldValue: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unsigned(let value): String(value)
        case .signed(let value): String(value)
        case .bytes(let bytes): Hex.text(bytes)
        }
    }
}

/// A field with its value, as decoded from a reply.
public struct DecodedField: Equatable, Sendable {
    public let name: String
    public let value: FieldValue
}

/// Bytes as pairs of hexadecimal digits.
public enum Hex {
    public static func text(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
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
