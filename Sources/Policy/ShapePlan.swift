import RingProtocol

/// A shape compiled to flat values: laying out an argument and proving it copies and counts nothing.
final class ShapePlan: Sendable {
    enum Count: UInt8 {
        case constant
        case field
        case codeSize
    }
    enum Way: UInt8 {
        case input
        case output
        case both
        case selected

        init(_ direction: Direction) {
            self =
                switch direction {
                case .input: .input
                case .output: .output
                case .both: .both
                }
        }
    }

    /// A block without its names.
    struct Part {
        var isPointer = false
        var isNullable = false
        /// Position in each element of the holder.
        var at = 0
        /// Bytes of an element; 0 when the block is one element of as many bytes as counted.
        var elementSize = 0
        var count = Count.constant
        /// The constant, or the unit of a code's size.
        var amount = 1
        var counter = FieldReader.none
        var maximum = 1
        var way = Way.input
        var selector = FieldReader.none
        var mask: UInt64 = 0
        /// nil never occurs.
        var input: UInt64?
        var output: UInt64?
        var none: UInt64?
        /// Places in `children`.
        var firstChild = 0
        var endChild = 0
        var firstReserved = 0
        var endReserved = 0
    }

    /// Reserved bytes, or bits of a single one.
    struct Reserved {
        let offset: Int
        let count: Int
        let mask: UInt8
    }

    let parts: [Part]
    /// Indices of blocks.
    let children: [Int]
    let reserved: [Reserved]
    let selectors: ConditionList
    /// The fields' own.
    let checks: ConditionList
    private let name: String
    private let paths: [String]

    init(_ name: String, _ blocks: [Block], selectors: [Condition], ties: [Condition]) {
        self.name = name
        paths = blocks.map(\.path)
        self.selectors = ConditionList(selectors)
        checks = ConditionList(
            blocks.enumerated().flatMap { index, block in
                block.fields.flatMap { field in
                    field.checks.map { Condition(field, $0, in: block, index: index) }
                }
            } + ties)
        var parts: [Part] = []
        var children: [Int] = []
        var reserved: [Reserved] = []
        for (index, block) in blocks.enumerated() {
            var part = Part(block)
            part.firstChild = children.count
            children += blocks.children(of: index)
            part.endChild = children.count
            part.firstReserved = reserved.count
            reserved += Reserved.all(of: index, in: blocks)
            part.endReserved = reserved.count
            parts.append(part)
        }
        (self.parts, self.children, self.reserved) = (parts, children, reserved)
    }

    func path(_ block: Int) -> String { paths[block] }

    /// A refusal because of the argument's shape.
    func misfit(_ text: String) -> Refusal { Refusal(.shape, "\(name): \(text)") }

    // MARK: Proving

    /// What must be so whatever the rules say: reserved parts are zero, and the fields pass their own checks.
    func prove(_ argument: WireBytes, _ layout: borrowing Layout) throws(Refusal) {
        for index in 0..<layout.count {
            let span = layout[index]
            let block = Int(span.block)
            guard span.argument >= 0, parts[block].firstReserved < parts[block].endReserved else { continue }
            var base = Int(span.argument)
            for _ in 0..<span.count {
                try proveReserved(block, argument, at: base, end: base + Int(span.stride))
                base += Int(span.stride)
            }
        }
        if let (condition, _) = checks.violation(in: argument, layout) {
            throw Refusal(.shape, "\(name) needs \(condition.words)")
        }
    }

    /// Reserved parts of the element between `base` and `end` are zero.
    @inline(__always)
    func proveReserved(_ block: Int, _ argument: WireBytes, at base: Int, end: Int) throws(Refusal) {
        for index in parts[block].firstReserved..<parts[block].endReserved {
            let gap = reserved[index]
            let first = base + gap.offset
            guard first < end else { continue }
            let isZero =
                gap.mask == 0xff
                ? argument.slice(first, min(gap.count, end - first)).isZero(from: 0)
                : argument.load(UInt8.self, at: first) & gap.mask == 0
            if !isZero { throw reservedRefusal(block, gap) }
        }
    }

    private func reservedRefusal(_ block: Int, _ gap: Reserved) -> Refusal {
        let place =
            gap.mask == 0xff
            ? "bytes \(gap.offset)..<\(gap.offset + gap.count)"
            : "bits 0x\(String(gap.mask, radix: 16)) of byte \(gap.offset)"
        return misfit("reserved \(place)\(paths[block].isEmpty ? "" : " of \(paths[block])") must be zero")
    }
}

extension ShapePlan.Part {
    fileprivate init(_ block: Block) {
        switch block.place {
        case .root: break
        case .inline(let at): self.at = at
        case .pointer(let at, let isNullable):
            (self.at, self.isNullable, isPointer) = (at, isNullable, true)
        }
        elementSize = block.elementSize ?? 0
        maximum = block.maximum
        switch block.amount {
        case .constant(let number): amount = number
        case .field(let field): (count, counter) = (.field, field.reader ?? .none)
        case .codeSize(let unit): (count, amount) = (.codeSize, unit)
        }
        switch block.direction {
        case .fixed(let direction): way = ShapePlan.Way(direction)
        case .selected(let field, let mask, let input, let output, let none):
            (way, selector, self.mask) = (.selected, field.reader ?? .none, mask)
            (self.input, self.output, self.none) = (input, output, none)
        }
    }
}

extension [Block] {
    /// Indices of what the block's elements hold, by position.
    func children(of parent: Int) -> [Int] {
        let position = { (index: Int) in self[index].placeInParent?.lowerBound ?? 0 }
        return indices.filter { $0 > 0 && self[$0].parent == parent }.sorted { position($0) < position($1) }
    }
}

extension ShapePlan.Reserved {
    /// What nothing describes of a block's element. A client must send it as zeros. Total for shapes with flaws too,
    /// which are found afterwards.
    fileprivate static func all(of index: Int, in blocks: [Block]) -> [Self] {
        let block = blocks[index]
        let children = blocks.children(of: index)
        // Bytes without any field are the client's own; what a struct does not name is nobody's.
        guard block.elementSize != nil || !block.fields.isEmpty || !children.isEmpty else { return [] }
        var free = [UInt8](repeating: 0xff, count: max(0, block.elementSize ?? block.maximum))
        func clear(_ offset: Int, _ mask: UInt8) {
            if free.indices.contains(offset) { free[offset] &= ~mask }
        }
        for child in children { for offset in blocks[child].placeInParent ?? 0..<0 { clear(offset, 0xff) } }
        for field in block.fields { for (offset, mask) in field.masks { clear(offset, mask) } }
        var gaps: [Self] = []
        for (offset, mask) in free.enumerated() where mask != 0 {
            if mask == 0xff, let last = gaps.last, last.mask == 0xff, last.offset + last.count == offset {
                gaps[gaps.count - 1] = Self(offset: last.offset, count: last.count + 1, mask: 0xff)
            } else {
                gaps.append(Self(offset: offset, count: 1, mask: mask))
            }
        }
        return gaps
    }
}

extension Field {
    var isBigEndian: Bool { if case .bigEndian = type { true } else { false } }

    /// The bytes of the element it lies in, and which of their bits are its own.
    var masks: [(offset: Int, mask: UInt8)] {
        guard let bits else { return (0..<max(0, size)).map { (offset + $0, 0xff) } }
        return bits.map { bit in
            let byte = isBigEndian ? size - 1 - bit / 8 : bit / 8
            return (offset + byte, 1 << UInt8(bit % 8))
        }
    }
}
