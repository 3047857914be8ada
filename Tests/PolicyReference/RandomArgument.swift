import RingPolicy
import RingProtocol

/// Arguments for a shape: mostly well-formed, with values around every bound, and then often spoilt a little.
struct RandomArgument {
    private let shape: CommandShape
    private let code: SubOpcode
    /// Numbers that conditions and checks speak of, and their neighbours.
    private let interesting: [Int128]
    private var bytes: [UInt8] = []

    static func make(_ subject: RandomShape, _ random: inout RandomSource) -> [UInt8] {
        var argument = RandomArgument(subject)
        argument.addMemory(0, count: 1, &random)
        var bytes = argument.bytes
        if random.once(in: 3) { spoil(&bytes, &random) }
        return bytes
    }

    private init(_ subject: RandomShape) {
        shape = subject.shape
        code = subject.code
        let own = subject.shape.blocks.flatMap { $0.fields.flatMap(\.checks) }
        let ruled = subject.alternatives.joined().compactMap { condition -> Condition.Test? in
            if case .value(_, let test) = condition.test { test } else { nil }
        }
        interesting = (own + ruled).flatMap { test -> [Int128] in
            switch test {
            case .equals(let value): [value]
            case .oneOf(let values): values
            case .range(let range): [range.lowerBound, range.upperBound]
            case .mask(let mask): [Int128(mask)]
            case .sum: [1, 2]
            }
        }.flatMap { [$0 - 1, $0, $0 + 1] }
    }

    private static func spoil(_ bytes: inout [UInt8], _ random: inout RandomSource) {
        switch random.number(0...3) {
        case 0: if !bytes.isEmpty { bytes.removeLast() }
        case 1: bytes.append(UInt8(random.number(0...1)))
        default:
            guard !bytes.isEmpty else { return }
            bytes[random.number(0...bytes.count - 1)] = UInt8(random.number(0...255))
        }
    }

    private mutating func addMemory(_ block: Int, count: Int, _ random: inout RandomSource) {
        let size = shape.blocks[block].elementSize ?? (block == 0 ? Int(code.code >> 16) & 0x3fff : count)
        let start = bytes.count
        let elements = shape.blocks[block].elementSize == nil ? 1 : count
        bytes += [UInt8](repeating: 0, count: size * elements)
        for element in 0..<elements { fill(block, at: start + element * size, &random) }
        for element in 0..<elements { addChildren(block, at: start + element * size, &random) }
    }

    private mutating func fill(_ block: Int, at base: Int, _ random: inout RandomSource) {
        for field in shape.blocks[block].fields {
            var value = UInt64(truncatingIfNeeded: random.pick(interesting) ?? 0)
            switch random.number(0...5) {
            case 0: value = random.next()
            case 1...3: value = UInt64(random.number(0...5))
            default: break
            }
            store(value, field, at: base)
        }
        for (child, part) in shape.blocks.enumerated() where child > 0 && part.parent == block {
            guard case .inline(let at) = part.place, let size = part.elementSize else { continue }
            for element in 0..<min(count(of: child, at: base), part.maximum) {
                fill(child, at: base + at + element * size, &random)
            }
        }
    }

    private mutating func store(_ value: UInt64, _ field: Field, at base: Int) {
        var value = value
        var old: UInt64 = 0
        if let bits = field.bits {
            let mask = (UInt64.max >> UInt64(64 - bits.count)) << UInt64(bits.lowerBound)
            for index in 0..<field.size { old |= UInt64(byte(field, index, base)) << UInt64(index * 8) }
            value = (value << UInt64(bits.lowerBound)) & mask | old & ~mask
        }
        for index in 0..<field.size where base + field.offset + field.size <= bytes.count {
            bytes[place(field, index, base)] = UInt8(truncatingIfNeeded: value >> UInt64(min(index, 7) * 8))
        }
    }

    private func place(_ field: Field, _ index: Int, _ base: Int) -> Int {
        if case .bigEndian = field.type { return base + field.offset + field.size - 1 - index }
        return base + field.offset + index
    }

    private func byte(_ field: Field, _ index: Int, _ base: Int) -> UInt8 {
        let position = place(field, index, base)
        return position < bytes.count ? bytes[position] : 0
    }

    private func number(_ field: Field, at base: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<min(field.size, 8) { value |= UInt64(byte(field, index, base)) << UInt64(index * 8) }
        guard let bits = field.bits else { return value }
        return (value >> UInt64(bits.lowerBound)) & (UInt64.max >> UInt64(64 - bits.count))
    }

    private func count(of child: Int, at base: Int) -> Int {
        switch shape.blocks[child].amount {
        case .constant(let count): count
        case .field(let field): Int(clamping: number(field, at: base))
        case .codeSize(let unit): (Int(code.code >> 16) & 0x3fff) / unit
        }
    }

    private mutating func addChildren(_ block: Int, at base: Int, _ random: inout RandomSource) {
        let children = shape.blocks.indices.filter { $0 > 0 && shape.blocks[$0].parent == block }
            .sorted { position(of: $0) < position(of: $1) }
        for child in children {
            let part = shape.blocks[child]
            let count = min(count(of: child, at: base), part.maximum)
            switch part.place {
            case .root: continue
            case .inline(let at):
                for element in 0..<count {
                    addChildren(child, at: base + at + element * (part.elementSize ?? 1), &random)
                }
            case .pointer(let at, let isNullable):
                let isAbsent = count == 0 || (isNullable && random.once(in: 3)) || random.once(in: 30)
                guard !isAbsent, base + at + 8 <= bytes.count else { continue }
                bytes[base + at] = random.once(in: 40) ? 2 : 1
                if isFromClient(part, at: base) { addMemory(child, count: count, &random) }
            }
        }
    }

    private func position(of block: Int) -> Int {
        switch shape.blocks[block].place {
        case .root: 0
        case .inline(let at), .pointer(let at, _): at
        }
    }

    private func isFromClient(_ block: Block, at base: Int) -> Bool {
        switch block.direction {
        case .fixed(let direction): direction != .output
        case .selected(let field, let mask, let input, _, _): number(field, at: base) & mask == input
        }
    }
}
