import RingProtocol

/// How a field's bytes are read: little-endian integers, or bytes without a number.
public enum FieldType: Sendable, Hashable {
    case unsigned(bytes: UInt8)
    case signed(bytes: UInt8)
    case bytes(Int)

    /// The type named as on the wire's descriptions: `u8` ... `s64`; nil for anything else.
    public init?(named name: String) {
        guard let letter = name.first, let bits = Int(name.dropFirst()), [8, 16, 32, 64].contains(bits) else {
            return nil
        }
        switch letter {
        case "u": self = .unsigned(bytes: UInt8(bits / 8))
        case "s": self = .signed(bytes: UInt8(bits / 8))
        default: return nil
        }
        // `Int` also reads "+8" and "08".
        guard self.name == name else { return nil }
    }

    public var size: Int {
        switch self {
        case .unsigned(let bytes), .signed(let bytes): Int(bytes)
        case .bytes(let count): count
        }
    }

    public var name: String {
        switch self {
        case .unsigned(let bytes): "u\(Int(bytes) * 8)"
        case .signed(let bytes): "s\(Int(bytes) * 8)"
        case .bytes: "bytes"
        }
    }

    public var isUnsigned: Bool {
        if case .unsigned = self { true } else { false }
    }

    /// The numbers the type can hold; nil for bytes.
    public var range: ClosedRange<Int128>? {
        switch self {
        case .unsigned(let bytes): 0...((Int128(1) << (Int128(bytes) * 8)) - 1)
        case .signed(let bytes):
            -(Int128(1) << (Int128(bytes) * 8 - 1))...((Int128(1) << (Int128(bytes) * 8 - 1)) - 1)
        case .bytes: nil
        }
    }
}

/// A named field at a byte offset of a block.
public struct Field: Sendable, Hashable {
    public let name: String
    public let type: FieldType
    public let offset: Int

    public init(name: String, type: FieldType, offset: Int) {
        self.name = name
        self.type = type
        self.offset = offset
    }

    public var size: Int { type.size }
}

/// Two unsigned fields that together name a range of positions: `start ..< start + length`.
public struct Extent: Sendable, Hashable {
    public let name: String
    public let start: Field
    public let length: Field

    public init(name: String, start: Field, length: Field) {
        self.name = name
        self.start = start
        self.length = length
    }
}
