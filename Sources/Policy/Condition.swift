import RingProtocol

/// One test on the values of an argument block. All conditions of a rule's command must hold.
public struct Condition: Sendable {
    public enum Test: Sendable, Hashable {
        case equals(Int128)
        case oneOf([Int128])
        case range(ClosedRange<Int128>)
        /// Only these bits may be set.
        case mask(UInt64)
    }

    enum Subject: Sendable {
        case field(Field, Test)
        case extent(Extent, Range<UInt64>)
    }

    let subject: Subject

    /// A test on the value of an integer field.
    public init(_ field: Field, _ test: Test) { subject = .field(field, test) }

    /// The positions an extent names must lie inside `window`.
    public init(_ extent: Extent, within window: Range<UInt64>) { subject = .extent(extent, window) }

    /// Whether the block passes. Total: every value of the full width is decided, sums cannot wrap.
    func holds(in block: WireBytes) -> Bool {
        switch subject {
        case .field(let field, let test):
            guard let value = block.value(of: field) else { return false }
            return Self.passes(value, test, width: field.size)
        case .extent(let extent, let window):
            guard let start = block.value(of: extent.start), let length = block.value(of: extent.length)
            else {
                return false
            }
            return start >= Int128(window.lowerBound) && start + length <= Int128(window.upperBound)
        }
    }

    private static func passes(_ value: Int128, _ test: Test, width: Int) -> Bool {
        switch test {
        case .equals(let wanted): value == wanted
        case .oneOf(let values): values.contains(value)
        case .range(let range): range.contains(value)
        // Of the field's own bits: above them there is only the sign of a signed field.
        case .mask(let mask):
            UInt64(truncatingIfNeeded: value) & ~mask & (.max >> UInt64(64 - width * 8)) == 0
        }
    }

    /// The condition in words, as `describe` and refusals show it.
    public var words: String {
        switch subject {
        case .field(let field, .equals(let value)): "\(field.name) = \(value)"
        case .field(let field, .oneOf(let values)):
            "\(field.name) in [\(values.map(String.init).joined(separator: ", "))]"
        case .field(let field, .range(let range)): "\(field.name) in \(range.lowerBound)..\(range.upperBound)"
        case .field(let field, .mask(let mask)): "\(field.name) only bits 0x\(String(mask, radix: 16))"
        case .extent(let extent, let window):
            "\(extent.start.name) and \(extent.length.name) within [\(window.lowerBound), \(window.upperBound))"
        }
    }
}

extension WireBytes {
    /// The number in `field`, sign-extended; nil for fields without one, or outside these bytes.
    func value(of field: Field) -> Int128? {
        guard field.offset <= count - field.size else { return nil }
        return switch field.type {
        case .unsigned(1): Int128(load(UInt8.self, at: field.offset))
        case .unsigned(2): Int128(load(UInt16.self, at: field.offset))
        case .unsigned(4): Int128(load(UInt32.self, at: field.offset))
        case .unsigned(8): Int128(load(UInt64.self, at: field.offset))
        case .signed(1): Int128(load(Int8.self, at: field.offset))
        case .signed(2): Int128(load(Int16.self, at: field.offset))
        case .signed(4): Int128(load(Int32.self, at: field.offset))
        case .signed(8): Int128(load(Int64.self, at: field.offset))
        default: nil
        }
    }
}
