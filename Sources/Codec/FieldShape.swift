import RingProtocol

/// A field whose layout was proven to lie inside its block's element.
struct FieldShape: Sendable {
    enum Kind: Sendable {
        case unsigned
        case signed
        case bigEndian
        case bytes
        case text
    }

    let name: String
    let kind: Kind
    let offset: Int
    let size: Int
    let bits: ClosedRange<Int>?
    let values: [String: Int64]
    let flags: [String: UInt64]
    let gives: String?
    let takes: String?

    var end: Int { offset + size }
    var isNumber: Bool { kind != .bytes && kind != .text }

    private static let integers: [String: (Kind, size: Int)] = [
        "u8": (.unsigned, 1), "u16": (.unsigned, 2), "u32": (.unsigned, 4), "u64": (.unsigned, 8),
        "s8": (.signed, 1), "s16": (.signed, 2), "s32": (.signed, 4), "s64": (.signed, 8),
        "u16be": (.bigEndian, 2), "u32be": (.bigEndian, 4), "u64be": (.bigEndian, 8),
    ]

    /// nil when the field does not lie inside `room` bytes, or its size or bits do not fit its type.
    init?(_ description: FieldDescription, room: Int) {
        switch description.type {
        case "bytes": kind = .bytes
        case "text": kind = .text
        case let type:
            guard let integer = Self.integers[type], integer.size == description.size else { return nil }
            kind = integer.0
        }
        guard description.size > 0, (0...room).contains(description.offset),
            description.size <= room - description.offset
        else { return nil }
        if let bits = description.bits {
            guard bits.count == 2, bits[0] >= 0, bits[0] <= bits[1], bits[1] < description.size * 8,
                kind == .unsigned || kind == .bigEndian
            else { return nil }
            self.bits = bits[0]...bits[1]
        } else {
            bits = nil
        }
        name = description.name
        offset = description.offset
        size = description.size
        values = description.values ?? [:]
        flags = description.flags ?? [:]
        gives = description.gives
        takes = description.takes
    }

    /// The numbers the field can hold; of a field that is no number, none but 0.
    var range: ClosedRange<Int128> {
        let width = Int128(bits?.count ?? size * 8)
        switch kind {
        case .unsigned, .bigEndian: return 0...((Int128(1) << width) - 1)
        case .signed: return -(Int128(1) << (width - 1))...((Int128(1) << (width - 1)) - 1)
        case .bytes, .text: return 0...0
        }
    }

    /// The field's number in the element at `base`; 0 when it is no number or lies behind the end.
    func load(_ bytes: [UInt8], at base: Int) -> Int128 {
        guard isNumber, base >= 0, end <= bytes.count - base else { return 0 }
        let word = word(bytes[base + offset..<base + end])
        if let bits { return Int128((word >> UInt64(bits.lowerBound)) & mask) }
        guard kind == .signed else { return Int128(word) }
        let unused = Int64(64 - size * 8)
        return Int128(Int64(bitPattern: word << UInt64(unused)) >> unused)
    }

    /// Puts a number of the field's range into the element at `base`, which holds the field.
    func store(_ number: Int128, in bytes: inout [UInt8], at base: Int) {
        var word = UInt64(truncatingIfNeeded: number)
        if let bits {
            let shift = UInt64(bits.lowerBound)
            let others = self.word(bytes[base + offset..<base + end]) & ~(mask << shift)
            word = others | (word & mask) << shift
        }
        for index in 0..<size {
            let place = kind == .bigEndian ? size - 1 - index : index
            bytes[base + offset + place] = UInt8(truncatingIfNeeded: word >> (UInt64(index) * 8))
        }
    }

    private var mask: UInt64 { .max >> UInt64(64 - (bits?.count ?? size * 8)) }

    private func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        let isBigEndian = kind == .bigEndian
        return isBigEndian
            ? bytes.reduce(0) { $0 << 8 | UInt64($1) } : bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
