import RingPolicy
import RingProtocol

/// Builds the blocks of an argument from the nested mappings of a profile.
///
/// Reads on after an error, so that all of a file are told; whoever uses it looks whether any was.
struct BlockBuilder {
    private let pattern: CodePattern
    private(set) var blocks: [Block] = []
    var references: [ProfileReference]

    init(_ pattern: CodePattern, _ references: [ProfileReference]) {
        self.pattern = pattern
        self.references = references
    }

    /// `size` in bytes; nil for what the code says.
    mutating func addRoot(
        _ direction: Direction, size: Int?, fields: Value?, extents: Value?, _ report: inout Report
    ) {
        let items = readItems(fields, &report)
        let plain = plainFields(of: items, &report)
        blocks.append(
            Block(
                direction: .fixed(direction), elementSize: size,
                amount: size == nil ? .codeSize(unit: 1) : .constant(1),
                maximum: size == nil ? pattern.sizes?.upperBound ?? 0 : 1, fields: plain,
                extents: extents.map { ExtentReader.read($0, plain, &report) } ?? []))
        for item in items { addChild(item, of: 0, &report) }
    }

    private mutating func readItems(_ value: Value?, _ report: inout Report) -> [FieldItem] {
        guard let value, let items = value.items("fields", maximum: FileLimits.fields, &report) else {
            return []
        }
        return items.compactMap { FieldItem.read($0, &references, &report) }
    }

    private func plainFields(of items: [FieldItem], _ report: inout Report) -> [Field] {
        let plain = items.compactMap(\.plain)
        return items.compactMap { $0.resolved(among: plain, &report) }
    }

    private mutating func addChild(_ item: FieldItem, of parent: Int, _ report: inout Report) {
        guard blocks.count <= CommandShape.maximumBlocks else { return }
        switch item.form {
        case .plain: return
        case .array(let count, let used, let field):
            add(item, parent, elementSize: field.size, count, used, fields: [field], &report)
        case .structs(let size, let count, let used, let fields):
            let index = blocks.count
            let items = readItems(fields, &report)
            add(
                item, parent, elementSize: size, count, used, fields: plainFields(of: items, &report), &report
            )
            guard blocks.count > index else { return }
            for item in items { addChild(item, of: index, &report) }
        case .pointer(let target):
            addTarget(target, item, parent, &report)
        }
    }

    /// An array inside its holder.
    private mutating func add(
        _ item: FieldItem, _ parent: Int, elementSize: Int, _ count: FieldItem.Count, _ used: Value?,
        fields: [Field], _ report: inout Report
    ) {
        let amount: Amount
        let maximum: Int
        switch count {
        case .code:
            amount = .codeSize(unit: elementSize)
            maximum = (pattern.sizes?.upperBound ?? 0) / elementSize
        case .number(let number):
            guard let counted = used.map({ find($0, parent, &report).map(Amount.field) }) ?? .constant(number)
            else { return }
            amount = counted
            maximum = number
        }
        blocks.append(
            Block(
                path: blocks[parent].path(of: item.name), parent: parent, place: .inline(at: item.offset),
                direction: blocks[parent].direction, elementSize: elementSize, amount: amount,
                maximum: maximum, fields: fields))
    }

    /// What a pointer refers to.
    private mutating func addTarget(
        _ value: Value, _ item: FieldItem, _ parent: Int, _ report: inout Report
    ) {
        guard var map = MapReader(value, "what a pointer refers to", &report) else { return }
        let direction = map.required("direction", &report).flatMap { readDirection($0, parent, &report) }
        let length = map.optional("length")
        let size = map.optional("size")
        let count = map.optional("count")
        let most = map.optional("max")
        let isNullable =
            map.optional("nullable").map { $0.choice("nullable", ["true": true], &report) } ?? false
        let fields = map.optional("fields"), extents = map.optional("extents")
        map.finish(&report)
        guard (length == nil) == (size != nil), length == nil || count == nil else {
            report.add(
                value.place, "`\(item.name)` has not exactly one of `length` and `size`",
                "write `length` for bytes, or `size` and `count` for elements")
            return
        }
        let elementSize = size.map { $0.number("size", in: 1...Int128(Limits.payload), &report) }
        guard let (amount, maximum) = readAmount(length ?? count, most, parent, &report), let direction,
            let isNullable, elementSize.map({ $0 != nil }) ?? true
        else { return }
        let index = blocks.count
        let items = readItems(fields, &report)
        let plain = plainFields(of: items, &report)
        blocks.append(
            Block(
                path: blocks[parent].path(of: item.name), parent: parent,
                place: .pointer(at: item.offset, isNullable: isNullable), direction: direction,
                elementSize: elementSize.flatMap { $0 }.map { Int($0) }, amount: amount, maximum: maximum,
                fields: plain, extents: extents.map { ExtentReader.read($0, plain, &report) } ?? []))
        for item in items { addChild(item, of: index, &report) }
    }

    /// A number, or a field with the most it may say.
    private func readAmount(
        _ value: Value?, _ most: Value?, _ parent: Int, _ report: inout Report
    ) -> (Amount, Int)? {
        let numbers = 1...Int128(Limits.payload)
        guard let value else { return (.constant(1), 1) }
        if value.text?.first?.isNumber ?? false {
            if let most { report.add(most.place, "`max` beside a number says it twice", "remove `max`") }
            return value.number("length or count", in: numbers, &report).map { (.constant(Int($0)), Int($0)) }
        }
        guard let field = find(value, parent, &report) else { return nil }
        guard let most else {
            report.add(value.place, "`\(field.name)` has no bound", "add `max: N` beside it")
            return nil
        }
        return most.number("max", in: numbers, &report).map { (.field(field), Int($0)) }
    }

    private func readDirection(_ value: Value, _ parent: Int, _ report: inout Report) -> DirectionRule? {
        guard case .map = value.content else {
            return value.choice("direction", ["in": Direction.input, "out": .output, "both": .both], &report)
                .map { .fixed($0) }
        }
        guard var map = MapReader(value, "a direction", &report) else { return nil }
        let field = map.required("from", &report).flatMap { find($0, parent, &report) }
        let width = field.map { UInt64.max >> UInt64(64 - min($0.size, 8) * 8) } ?? .max
        func number(_ key: String) -> UInt64?? {
            guard let value = map.optional(key) else { return .some(nil) }
            // A signed field's value is compared by its bits.
            let numbers = -(Int128(1) << 63)...Int128(UInt64.max)
            return value.number(key, in: numbers, &report).map { UInt64(truncatingIfNeeded: $0) & width }
        }
        let mask = number("mask")
        let input = number("in"), output = number("out"), none = number("none")
        map.finish(&report)
        guard let field, let mask, let input, let output, let none else { return nil }
        guard input != nil || output != nil else {
            report.add(value.place, "the direction is never in nor out", "add `in: N` or `out: N`")
            return nil
        }
        return .selected(by: field, mask: mask ?? width, input: input, output: output, none: none)
    }

    /// A plain field of the block.
    private func find(_ value: Value, _ block: Int, _ report: inout Report) -> Field? {
        guard let name = value.symbol("field name", &report) else { return nil }
        if let field = blocks[block].fields.first(where: { $0.name == name }) { return field }
        report.add(
            value.place, "there is no field `\(name)` beside it",
            Suggestion.hint(for: name, among: blocks[block].fields.map(\.name)))
        return nil
    }
}

/// The `extents` of an argument.
enum ExtentReader {
    static func read(_ value: Value, _ fields: [Field], _ report: inout Report) -> [Extent] {
        guard case .map(let pairs) = value.content, !pairs.isEmpty else {
            report.add(
                value.place, "extents are named in a mapping, not \(value.words)",
                "write `range: {start: FIELD, length: FIELD}`")
            return []
        }
        return pairs.compactMap { pair in
            guard let name = pair.key.symbol("extent name", &report),
                var map = MapReader(pair.value, "an extent", &report)
            else { return nil }
            let start = map.required("start", &report).flatMap { SumReader.read($0, fields, &report) }
            let length = map.required("length", &report).flatMap { SumReader.read($0, fields, &report) }
            map.finish(&report)
            guard let start, let length else { return nil }
            return Extent(name: name, start: start, length: length)
        }
    }
}
