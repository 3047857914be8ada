import RingPolicy
import RingProtocol

/// A shape with conditions, made from random numbers: every form that profiles can describe occurs.
public struct RandomShape {
    public private(set) var shape: CommandShape
    public private(set) var code: SubOpcode
    public private(set) var alternatives: [[Reference.Condition]] = []
    private var blocks: [Block] = []

    /// nil when the numbers made a shape that has a flaw.
    public init?(_ random: inout RandomSource) {
        // Small, without conditions and changing nothing: what goes the short way.
        let isBare = random.once(in: 10)
        let isSizedByCode = !isBare && random.once(in: 6)
        let elementSize = 8 * random.number(1...6)
        let size = random.number(1...8) * elementSize
        var pattern = CodePattern(SubOpcode(0x4000_7f01))
        if isSizedByCode {
            pattern = CodePattern(
                SubOpcode(0x4000_7f01), sizes: elementSize...elementSize * 8, step: elementSize)
        }
        let direction: Direction = random.once(in: 3) ? .both : .input
        let rootSize = isSizedByCode ? nil : 8 * (isBare ? 1 : random.number(1...12))
        code = isSizedByCode ? SubOpcode(0x4000_7f01 | UInt32(size) << 16) : pattern.base
        shape = CommandShape(name: "EMPTY", pattern: pattern, transport: .call, effect: .read)
        if let rootSize {
            addElement(
                Block(direction: .fixed(direction), elementSize: rootSize), rootSize, depth: 1, &random)
        } else {
            blocks.append(
                Block(
                    direction: .fixed(direction), elementSize: nil, amount: .codeSize(unit: 1),
                    maximum: elementSize * 8))
            let items = Block(
                path: "items", parent: 0, place: .inline(at: 0), direction: .fixed(direction),
                elementSize: elementSize, amount: .codeSize(unit: elementSize), maximum: 8)
            addElement(items, elementSize, depth: 1, &random)
        }
        shape = CommandShape(
            name: "RANDOM", pattern: pattern, transport: .call,
            effect: isBare || random.once(in: 2) ? .read : .write,
            placement: .pointer, direction: direction, blocks: blocks)
        guard shape.flaw == nil else { return nil }
        for _ in 0..<random.number(1...2) {
            alternatives.append(
                (0..<(isBare ? 0 : random.number(0...3))).compactMap { _ in condition(&random) })
        }
    }

    /// Fills a block's elements with fields, arrays and pointers, front to back, and adds it with what it holds.
    private mutating func addElement(_ template: Block, _ size: Int, depth: Int, _ random: inout RandomSource)
    {
        var fields: [Field] = []
        var children: [Block] = []
        let index = blocks.count
        var position = 0
        while position + 8 <= size {
            let counters = fields.filter { $0.type.isUnsigned && $0.size <= 4 && $0.checks.isEmpty }
            if depth < 3, random.once(in: 3), let counter = random.pick(counters) {
                children.append(pointer(index, position, template.path, counter, fields, &random))
                position += 8
            } else if random.once(in: 6), position + 16 <= size {
                children.append(array(index, position, template.path, counters, &random))
                position += 16
            } else {
                position = addField(&fields, position, &random)
            }
        }
        blocks.append(
            Block(
                path: template.path, parent: template.parent, place: template.place,
                direction: template.direction,
                elementSize: template.elementSize, amount: template.amount, maximum: template.maximum,
                fields: template.elementSize == nil ? [] : fields))
        for child in children {
            let isFromClient = child.direction == .fixed(.input) || child.direction == .fixed(.both)
            let isStruct = (child.elementSize ?? 0) >= 8 && child.fields.isEmpty
            if isStruct, isFromClient, let size = child.elementSize {
                addElement(child, size, depth: depth + 1, &random)
            } else {
                blocks.append(child)
            }
        }
    }

    private func addField(_ fields: inout [Field], _ position: Int, _ random: inout RandomSource) -> Int {
        let name = "f\(position)"
        let width = random.pick([1, 2, 4, 8]) ?? 4
        if random.once(in: 6) { return position + width }  // a gap
        if random.once(in: 6) {
            fields.append(Field(name: name, type: .bytes(width), offset: position))
            return position + width
        }
        let type: FieldType =
            random.once(in: 4)
            ? .signed(bytes: UInt8(width))
            : random.once(in: 4) && width > 1
                ? .bigEndian(bytes: UInt8(width)) : .unsigned(bytes: UInt8(width))
        if type.isUnsigned, random.once(in: 4) {
            let cut = random.number(1...width * 8 - 1)
            fields.append(Field(name: name + "l", type: type, offset: position, bits: 0...cut - 1))
            if random.once(in: 2) {
                fields.append(
                    Field(name: name + "h", type: type, offset: position, bits: cut...width * 8 - 1))
            }
            return position + width
        }
        let plain = Field(name: name, type: type, offset: position)
        let checks = random.once(in: 8) ? [test(plain, fields, &random)] : []
        fields.append(Field(name: name, type: type, offset: position, checks: checks))
        return position + width
    }

    private func pointer(
        _ parent: Int, _ position: Int, _ path: String, _ counter: Field, _ fields: [Field],
        _ random: inout RandomSource
    ) -> Block {
        var direction = DirectionRule.fixed(random.pick(Direction.allCases) ?? .input)
        if random.once(in: 3), let field = random.pick(fields.filter { $0.type.isInteger }) {
            direction = .selected(by: field, mask: 3, input: 0, output: 1, none: random.once(in: 2) ? 2 : nil)
        }
        let isBytes = random.once(in: 2)
        let elementSize = isBytes ? nil : 8 * random.number(1...3)
        let amount: Amount = random.once(in: 4) ? .constant(random.number(1...4)) : .field(counter)
        var fields: [Field] = []
        if isBytes, random.once(in: 2) { fields = [Field(name: "op", type: .unsigned(bytes: 1), offset: 0)] }
        return Block(
            path: path.isEmpty ? "p\(position)" : "\(path).p\(position)", parent: parent,
            place: .pointer(at: position, isNullable: random.once(in: 3)), direction: direction,
            elementSize: elementSize, amount: amount, maximum: isBytes ? 24 : 5, fields: fields)
    }

    private func array(
        _ parent: Int, _ position: Int, _ path: String, _ counters: [Field], _ random: inout RandomSource
    ) -> Block {
        let counter = random.once(in: 2) ? nil : random.pick(counters)
        return Block(
            path: path.isEmpty ? "a\(position)" : "\(path).a\(position)", parent: parent,
            place: .inline(at: position), elementSize: 4, amount: counter.map { .field($0) } ?? .constant(4),
            maximum: 4, fields: [Field(name: "", type: .unsigned(bytes: 4), offset: 0)])
    }

    private func test(
        _ field: Field, _ others: [Field], _ random: inout RandomSource
    ) -> Condition.Test {
        let low = Int128(random.number(-2...5))
        switch random.number(0...4) {
        case 0: return .equals(low)
        case 1: return .oneOf([low, low + 2, low + 3])
        case 2: return .range(low...low + Int128(random.number(0...200)))
        case 3: return .mask(random.next() | 0xf)
        default:
            guard let other = random.pick(others.filter { $0.type.isInteger }),
                let sum = Linear([Linear.Term(other, times: Int64(random.number(1...3)))], plus: 1)
            else { return .equals(low) }
            return .sum(sum)
        }
    }

    private func condition(_ random: inout RandomSource) -> Reference.Condition? {
        let index = random.number(0...blocks.count - 1)
        let block = blocks[index]
        if block.elementSize == nil, index > 0, random.once(in: 2) {
            return Reference.Condition(block: index, .length(random.number(0...24)))
        }
        let numbers = block.fields.filter { $0.type.isInteger }
        guard let field = random.pick(numbers) else { return nil }
        if random.once(in: 5), let other = random.pick(numbers), let start = Linear(field),
            let length = Linear(other)
        {
            return Reference.Condition(
                block: index,
                .window(Extent(name: "x", start: start, length: length), 0..<UInt64(random.number(1...300))))
        }
        return Reference.Condition(block: index, .value(field, test(field, numbers, &random)))
    }

    /// The conditions as the policy takes them.
    public var compiled: [[Condition]] {
        alternatives.map { conditions in
            conditions.map { condition in
                let block = shape.blocks[condition.block]
                switch condition.test {
                case .value(let field, let test):
                    return Condition(field, test, in: block, index: condition.block)
                case .window(let extent, let window):
                    return Condition(extent, within: window, in: block, index: condition.block)
                case .length(let most):
                    return Condition(lengthOf: block, index: condition.block, atMost: most)
                }
            }
        }
    }
}
