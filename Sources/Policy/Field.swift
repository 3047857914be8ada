import RingProtocol

/// How a field's bytes are read: integers, or bytes without a number.
public enum FieldType: Sendable, Hashable {
    /// Little-endian, as on every 64-bit ABI the gateway runs on.
    case unsigned(bytes: UInt8)
    case signed(bytes: UInt8)
    /// Unsigned big-endian, as SCSI command blocks have it.
    case bigEndian(bytes: UInt8)
    case bytes(Int)
    /// Characters up to the first NUL.
    case text(Int)

    /// The type named as on the wire's descriptions: `u8` ... `s64`, `u16be` ...; nil for anything else.
    public init?(named name: String) {
        guard let type = Self.integers.first(where: { $0.name == name }) else { return nil }
        self = type
    }

    /// All integer types.
    public static let integers: [FieldType] =
        [1, 2, 4, 8].flatMap { [.unsigned(bytes: $0), .signed(bytes: $0)] }
        + [2, 4, 8].map { .bigEndian(bytes: $0) }

    public var size: Int {
        switch self {
        case .unsigned(let bytes), .signed(let bytes), .bigEndian(let bytes): Int(bytes)
        case .bytes(let count), .text(let count): count
        }
    }

    public var name: String {
        switch self {
        case .unsigned(let bytes): "u\(Int(bytes) * 8)"
        case .signed(let bytes): "s\(Int(bytes) * 8)"
        case .bigEndian(let bytes): "u\(Int(bytes) * 8)be"
        case .bytes: "bytes"
        case .text: "text"
        }
    }

    public var isUnsigned: Bool {
        switch self {
        case .unsigned, .bigEndian: true
        case .signed, .bytes, .text: false
        }
    }

    public var isInteger: Bool { range != nil }

    /// The numbers the type can hold; nil for bytes and text.
    public var range: ClosedRange<Int128>? {
        switch self {
        case .unsigned(let bytes), .bigEndian(let bytes): 0...((Int128(1) << (Int128(bytes) * 8)) - 1)
        case .signed(let bytes):
            -(Int128(1) << (Int128(bytes) * 8 - 1))...((Int128(1) << (Int128(bytes) * 8 - 1)) - 1)
        case .bytes, .text: nil
        }
    }
}

/// Names for the values of a field.
public struct ValueNames: Sendable, Hashable {
    public enum Kind: Sendable, Hashable {
        /// Each name is one value.
        case values
        /// Each name is a set of bits; a value is any union of them.
        case flags
    }
    public struct Name: Sendable, Hashable {
        public let name: String
        public let value: Int128

        public init(_ name: String, _ value: Int128) {
            self.name = name
            self.value = value
        }
    }

    public let kind: Kind
    public let names: [Name]

    public init(_ kind: Kind, _ names: [Name]) {
        self.kind = kind
        self.names = names
    }
}

/// What a field that holds a file descriptor does with it. On the wire it is never a descriptor.
public enum DescriptorUse: Sendable, Hashable {
    /// The kernel puts one there; the client gets a slot with this profile instead.
    case gives(profile: String)
    /// The client names one of its slots with this profile; the kernel gets that slot's descriptor.
    case takes(profile: String)
}

/// A named field at a byte offset of a block's element.
public struct Field: Sendable, Hashable {
    public let name: String
    public let type: FieldType
    /// In the element.
    public let offset: Int
    /// First and last bit of the integer when the field is only some of them; bit 0 is the least significant.
    public let bits: ClosedRange<Int>?
    public let names: ValueNames?
    /// What every value must pass, whatever the rules say.
    public let checks: [Condition.Test]
    public let descriptor: DescriptorUse?
    /// Whether replies carry zeros in its place.
    public let isRedacted: Bool

    public init(
        name: String, type: FieldType, offset: Int, bits: ClosedRange<Int>? = nil, names: ValueNames? = nil,
        checks: [Condition.Test] = [], descriptor: DescriptorUse? = nil, isRedacted: Bool = false
    ) {
        self.name = name
        self.type = type
        self.offset = offset
        self.bits = bits
        self.names = names
        self.checks = checks
        self.descriptor = descriptor
        self.isRedacted = isRedacted
    }

    /// Bytes.
    public var size: Int { type.size }

    /// The numbers the field can hold; nil for bytes and text.
    public var range: ClosedRange<Int128>? {
        guard let bits else { return type.range }
        return 0...((Int128(1) << Int128(bits.count)) - 1)
    }

    /// How to get at its number; nil for bytes and text.
    var reader: FieldReader? { FieldReader(self) }
}

/// A field boiled down to what reading its number takes.
struct FieldReader: Sendable, Hashable {
    let offset: Int32
    let width: UInt8
    let isSigned: Bool
    let isBigEndian: Bool
    let shift: UInt8
    /// Of the shifted value.
    let mask: UInt64

    init?(_ field: Field) {
        switch field.type {
        case .unsigned: (isSigned, isBigEndian) = (false, false)
        case .signed: (isSigned, isBigEndian) = (field.bits == nil, false)
        case .bigEndian: (isSigned, isBigEndian) = (false, true)
        case .bytes, .text: return nil
        }
        offset = Int32(clamping: field.offset)
        width = UInt8(field.type.size)
        shift = UInt8(clamping: field.bits?.lowerBound ?? 0)
        mask = .max >> UInt64(clamping: 64 - (field.bits?.count ?? field.type.size * 8))
    }

    /// Reads nothing.
    static let none = FieldReader()

    private init() {
        (offset, width, isSigned, isBigEndian, shift, mask) = (0, 0, false, false, 0, 0)
    }

    /// The number in the element at `base`, sign-extended; nil when it does not lie inside `bytes`.
    @inline(__always)
    func read(_ bytes: WireBytes, at base: Int = 0) -> Int128? {
        let position = base + Int(offset)
        guard width > 0, position >= 0, position <= bytes.count - Int(width) else { return nil }
        let raw: UInt64 =
            switch width {
            case 1: UInt64(bytes.load(UInt8.self, at: position))
            case 2: UInt64(swapped(bytes.load(UInt16.self, at: position)))
            case 4: UInt64(swapped(bytes.load(UInt32.self, at: position)))
            default: swapped(bytes.load(UInt64.self, at: position))
            }
        guard isSigned else { return Int128((raw >> UInt64(shift)) & mask) }
        let unused = Int64(64 - Int(width) * 8)
        return Int128(Int64(bitPattern: raw << UInt64(unused)) >> unused)
    }

    @inline(__always)
    private func swapped<T: FixedWidthInteger>(_ value: T) -> T { isBigEndian ? value.byteSwapped : value }
}
