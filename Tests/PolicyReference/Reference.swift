import RingPolicy
import RingProtocol

/// A second opinion on what the policy decides, written to be obviously right rather than fast: arguments are copied
/// into a tree of elements, and every rule is looked at in the plainest way.
public struct Reference {
    /// A condition in the form a test knows it, not in the form the policy compiles it to.
    public struct Condition {
        public enum Test {
            case value(Field, RingPolicy.Condition.Test)
            case window(Extent, Range<UInt64>)
            case length(Int)
        }
        public let block: Int
        public let test: Test

        public init(block: Int, _ test: Test) {
            self.block = block
            self.test = test
        }
    }

    public enum Verdict: Equatable {
        case allowed(replySize: Int)
        case denied
    }

    /// One element of a block, with its bytes if the client sent them; `size` counts in any case.
    private struct Element {
        let block: Int
        let bytes: [UInt8]?
        let size: Int
    }

    private struct Unfit: Error {}

    private let shape: CommandShape
    private let code: SubOpcode
    private var rest: ArraySlice<UInt8>
    private var elements: [Element] = []
    private var blocks: [(block: Int, size: Int)] = []
    private var spans = 0
    private var replySize = 0

    /// Decides `argument` under alternatives of conditions: all of one of them must hold.
    public static func decide(
        _ shape: CommandShape, _ code: SubOpcode, _ argument: [UInt8], _ alternatives: [[Condition]]
    ) -> Verdict {
        var reference = Reference(shape: shape, code: code, rest: argument[...])
        do { try reference.parse() } catch { return .denied }
        let own = shape.blocks.enumerated().flatMap { index, block in
            block.fields.flatMap { field in
                field.checks.map { Condition(block: index, .value(field, $0)) }
            }
        }
        guard own.allSatisfy(reference.holds),
            alternatives.contains(where: { $0.allSatisfy(reference.holds) })
        else { return .denied }
        return .allowed(replySize: reference.replySize)
    }

    private init(shape: CommandShape, code: SubOpcode, rest: ArraySlice<UInt8>) {
        self.shape = shape
        self.code = code
        self.rest = rest
    }

    private var codeSize: Int { Int(code.code >> 16) % 16_384 }

    private mutating func parse() throws {
        guard let root = shape.blocks.first else {
            if !rest.isEmpty { throw Unfit() }
            return
        }
        try addMemory(0, count: 1, size: root.elementSize ?? codeSize, shape.direction)
        if !rest.isEmpty { throw Unfit() }
    }

    /// A block with memory of its own: its bytes, then what its elements hold.
    private mutating func addMemory(_ block: Int, count: Int, size: Int, _ direction: Direction) throws {
        try countSpan()
        if count * size > 16_384 {
            let large = blocks.filter { $0.size > 16_384 }.count
            if large == 2 { throw Unfit() }
        }
        blocks.append((block, count * size))
        if direction != .input { replySize += count * size }
        if replySize > 1 << 20 { throw Unfit() }
        guard direction != .output else {
            for _ in 0..<count { elements.append(Element(block: block, bytes: nil, size: size)) }
            return
        }
        guard rest.count >= count * size else { throw Unfit() }
        let bytes = Array(rest.prefix(count * size))
        rest = rest.dropFirst(count * size)
        try addElements(block, count: count, size: size, bytes)
    }

    private mutating func addElements(_ block: Int, count: Int, size: Int, _ bytes: [UInt8]) throws {
        let parts = (0..<count).map { Array(bytes[$0 * size..<($0 + 1) * size]) }
        for part in parts { elements.append(Element(block: block, bytes: part, size: size)) }
        for part in parts {
            try proveReserved(block, part)
            for child in children(of: block) { try addChild(child, part) }
        }
    }

    private mutating func countSpan() throws {
        spans += 1
        if spans > 128 { throw Unfit() }
    }

    private func children(of block: Int) -> [Int] {
        shape.blocks.indices.filter { $0 > 0 && shape.blocks[$0].parent == block }
            .sorted { position(of: $0) < position(of: $1) }
    }

    private func position(of block: Int) -> Int {
        switch shape.blocks[block].place {
        case .root: 0
        case .inline(let at): at
        case .pointer(let at, _): at
        }
    }

    private mutating func addChild(_ child: Int, _ holder: [UInt8]) throws {
        let block = shape.blocks[child]
        let amount: Int128 =
            switch block.amount {
            case .constant(let number): Int128(number)
            case .field(let field): Self.number(field, holder) ?? -1
            case .codeSize(let unit): Int128(codeSize / unit)
            }
        guard amount >= 0, amount <= Int128(block.maximum) else { throw Unfit() }
        let count = Int(amount)
        switch block.place {
        case .root: return
        case .inline(let at):
            let size = block.elementSize ?? 1
            try countSpan()
            blocks.append((child, count * size))
            let end = at + block.maximum * size
            if holder[min(at + count * size, holder.count)..<min(end, holder.count)].contains(where: {
                $0 != 0
            }) {
                throw Unfit()
            }
            guard at + count * size <= holder.count else { throw Unfit() }
            try addElements(child, count: count, size: size, Array(holder[at..<at + count * size]))
        case .pointer(let at, let isNullable):
            let word = holder[at..<at + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            try addTarget(child, count, word, isNullable, direction(of: block, holder))
        }
    }

    private mutating func addTarget(
        _ child: Int, _ count: Int, _ word: UInt64, _ isNullable: Bool, _ direction: Direction?
    ) throws {
        let block = shape.blocks[child]
        switch (word, count, direction) {
        case (0, 0, nil): return
        case (0, 0, _): if isNullable { return } else { throw Unfit() }
        case (0, _, .some): if isNullable { return } else { throw Unfit() }
        case (1, 1..., let direction?):
            try addMemory(
                child, count: block.elementSize == nil ? 1 : count, size: block.elementSize ?? count,
                direction)
        default: throw Unfit()
        }
    }

    private func direction(of block: Block, _ holder: [UInt8]) throws -> Direction? {
        switch block.direction {
        case .fixed(let direction): return direction
        case .selected(let field, let mask, let input, let output, let none):
            let value = UInt64(truncatingIfNeeded: Self.number(field, holder) ?? 0) & mask
            if value == input { return .input }
            if value == output { return .output }
            if value == none { return nil }
            throw Unfit()
        }
    }

    /// Every bit of the element belongs to a field or a child, or is zero.
    private func proveReserved(_ block: Int, _ bytes: [UInt8]) throws {
        let shape = self.shape.blocks[block]
        let children = children(of: block)
        if shape.elementSize == nil, shape.fields.isEmpty, children.isEmpty { return }
        for (offset, byte) in bytes.enumerated() {
            for bit in 0..<8 where byte >> UInt8(bit) & 1 == 1 {
                let isField = shape.fields.contains { Self.covers($0, offset, bit) }
                let isChild = children.contains { child in
                    let at = position(of: child)
                    let block = self.shape.blocks[child]
                    let size: Int
                    if case .pointer = block.place {
                        size = 8
                    } else {
                        size = (block.elementSize ?? 1) * block.maximum
                    }
                    return offset >= at && offset < at + size
                }
                if !isField && !isChild { throw Unfit() }
            }
        }
    }

    private static func covers(_ field: Field, _ offset: Int, _ bit: Int) -> Bool {
        guard offset >= field.offset, offset < field.offset + field.size else { return false }
        guard let bits = field.bits else { return true }
        let byte = isBigEndian(field) ? field.offset + field.size - 1 - offset : offset - field.offset
        return bits.contains(byte * 8 + bit)
    }

    private static func isBigEndian(_ field: Field) -> Bool {
        if case .bigEndian = field.type { true } else { false }
    }

    /// The field's value in an element; nil when it is not there.
    private static func number(_ field: Field, _ bytes: [UInt8]) -> Int128? {
        guard field.type.range != nil, field.offset + field.size <= bytes.count else { return nil }
        var digits = Array(bytes[field.offset..<field.offset + field.size])
        if !isBigEndian(field) { digits.reverse() }
        var value = digits.reduce(Int128(0)) { $0 * 256 + Int128($1) }
        if let bits = field.bits {
            return (value >> Int128(bits.lowerBound)) % (Int128(1) << Int128(bits.count))
        }
        if case .signed = field.type, value >= Int128(1) << Int128(field.size * 8 - 1) {
            value -= Int128(1) << Int128(field.size * 8)
        }
        return value
    }

    private static func sum(_ linear: Linear, _ bytes: [UInt8]) -> Int128? {
        var total = Int128(linear.constant)
        for term in linear.terms {
            guard let value = number(term.field, bytes) else { return nil }
            total += value * Int128(term.factor)
        }
        return total
    }

    private func holds(_ condition: Condition) -> Bool {
        if case .length(let most) = condition.test {
            return blocks.filter { $0.block == condition.block }.allSatisfy { $0.size <= most }
        }
        return elements.filter { $0.block == condition.block }.allSatisfy { element in
            guard let bytes = element.bytes else { return false }
            switch condition.test {
            case .value(let field, let test): return Self.passes(field, test, bytes)
            case .window(let extent, let window):
                guard let start = Self.sum(extent.start, bytes), let length = Self.sum(extent.length, bytes)
                else { return false }
                return length >= 0 && start >= Int128(window.lowerBound)
                    && start + length <= Int128(window.upperBound)
            case .length: return false
            }
        }
    }

    private static func passes(_ field: Field, _ test: RingPolicy.Condition.Test, _ bytes: [UInt8]) -> Bool {
        guard let value = number(field, bytes) else { return false }
        switch test {
        case .equals(let wanted): return value == wanted
        case .oneOf(let wanted): return wanted.contains { $0 == value }
        case .range(let range): return value >= range.lowerBound && value <= range.upperBound
        case .mask(let mask):
            let width = field.bits?.count ?? field.size * 8
            return (0..<width).allSatisfy { value >> Int128($0) & 1 == 0 || mask >> UInt64($0) & 1 == 1 }
        case .sum(let linear): return sum(linear, bytes).map { $0 == value } ?? false
        }
    }
}
