import RingProtocol

/// One test on the values of an argument. All conditions of a rule's command must hold.
///
/// A condition on a field of an array holds when it holds for every element; on elements that are not there it holds
/// as well, so a profile says with its own checks how many there must be.
public struct Condition: Sendable {
    public enum Test: Sendable, Hashable {
        case equals(Int128)
        case oneOf([Int128])
        case range(ClosedRange<Int128>)
        /// Only these bits may be set.
        case mask(UInt64)
        /// The value is what this sum of other fields of the same element is.
        case sum(Linear)
    }

    enum Subject: Sendable {
        case field(Field, Test)
        case window(Extent, Range<UInt64>)
        /// Bytes of the block.
        case length(Int)
        /// What a sum of fields of another block is, of which there is one element.
        case tie(Field, Linear, other: Int)
    }

    let subject: Subject
    /// Index of the block whose elements are tested.
    let block: Int
    /// The condition, as `describe` and refusals show it.
    public let words: String
    /// The full name of what is tested.
    public let path: String

    /// A test on the value of an integer field of `block`, the command's `index`-th.
    public init(_ field: Field, _ test: Test, in block: Block? = nil, index: Int = 0) {
        path = block?.path(of: field.name) ?? field.name
        words = Self.words(path, test, field.names)
        self.block = index
        subject = .field(field, test)
    }

    /// The positions an extent names must lie inside `window`.
    public init(_ extent: Extent, within window: Range<UInt64>, in block: Block? = nil, index: Int = 0) {
        path = block?.path(of: extent.name) ?? extent.name
        words = "\(path) within [\(window.lowerBound), \(window.upperBound))"
        self.block = index
        subject = .window(extent, window)
    }

    /// A field of the `index`-th block is what a sum of fields of the `other`-th is, of which there is one element.
    public init(_ field: Field, in blocks: [Block], index: Int, is sum: Linear, of other: Int) {
        path = blocks[index].path(of: field.name)
        words = "\(path) = \(sum.words(in: blocks[other]))"
        block = index
        subject = .tie(field, sum, other: other)
    }

    /// The `index`-th block has at most `length` bytes.
    public init(lengthOf block: Block, index: Int, atMost length: Int) {
        path = block.path
        words = "\(block.path) at most \(length) bytes"
        self.block = index
        subject = .length(length)
    }
}

extension Condition {
    private static func words(_ path: String, _ test: Test, _ names: ValueNames?) -> String {
        let name = { (value: Int128) in names?.words(value) ?? String(value) }
        switch test {
        case .equals(let value): return "\(path) = \(name(value))"
        case .oneOf(let values): return "\(path) in [\(values.map(name).joined(separator: ", "))]"
        case .range(let range): return "\(path) in \(range.lowerBound)..\(range.upperBound)"
        case .mask(let mask):
            let bits = names?.kind == .flags ? names?.words(Int128(mask)) : nil
            return "\(path) only bits \(bits ?? "0x" + String(mask, radix: 16))"
        case .sum(let sum): return "\(path) = \(sum.words)"
        }
    }
}

extension ValueNames {
    /// The value by its names, or as a number where they do not suffice.
    func words(_ value: Int128) -> String {
        switch kind {
        case .values: return names.first { $0.value == value }?.name ?? String(value)
        case .flags:
            var rest = value
            var parts: [String] = []
            for name in names where name.value != 0 && value & name.value == name.value {
                parts.append(name.name)
                rest &= ~name.value
            }
            if rest != 0 || parts.isEmpty { parts.append(rest == 0 ? "0" : "0x" + String(rest, radix: 16)) }
            return parts.joined(separator: "|")
        }
    }
}
