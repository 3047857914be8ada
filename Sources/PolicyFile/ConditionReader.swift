import RingPolicy

/// The `where` of a rule's command: tests on the fields and extents of its argument.
struct ConditionReader {
    private let shape: CommandShape

    init(_ shape: CommandShape) { self.shape = shape }

    func read(_ value: Value, _ report: inout Report) -> [Condition] {
        guard case .map(let pairs) = value.content, !pairs.isEmpty else {
            report.add(
                value.place, "`where` is a mapping of conditions, not \(value.words)",
                "write {FIELD: {equals: N}}, or name the command without `where`")
            return []
        }
        guard pairs.count <= FileLimits.conditions else {
            report.add(
                value.place, "`where` has \(pairs.count) conditions; at most \(FileLimits.conditions)",
                "use fewer")
            return []
        }
        guard shape.argumentSize > 0 else {
            report.add(
                value.place, "\(shape.name) takes no argument that could be tested",
                "name the command without `where`")
            return []
        }
        return pairs.compactMap { readPair($0, &report) }
    }

    private func readPair(_ pair: Value.Pair, _ report: inout Report) -> Condition? {
        let name = pair.key.text ?? ""
        guard case .map(let tests) = pair.value.content, tests.count == 1, let kind = tests[0].key.text else {
            report.add(
                pair.value.place, "the condition on `\(name)` is not one test",
                "write one of: {equals: N}, {in: [N, ...]}, {range: [first, last]}, {mask: BITS}, "
                    + "{window: [first, end]}")
            return nil
        }
        if let extent = shape.extents.first(where: { $0.name == name }) {
            return readExtent(extent, kind, tests[0], &report)
        }
        guard let field = shape.fields.first(where: { $0.name == name }) else {
            report.add(
                pair.key.place, "\(shape.name) has no field or extent `\(name)`",
                Suggestion.hint(for: name, among: shape.fields.map(\.name) + shape.extents.map(\.name)))
            return nil
        }
        guard let range = field.type.range else {
            report.add(
                pair.key.place, "field `\(name)` is bytes, which cannot be tested", "remove the condition")
            return nil
        }
        return readTest(kind, tests[0], field, range, &report).map { Condition(field, $0) }
    }

    private func readExtent(
        _ extent: Extent, _ kind: String, _ test: Value.Pair, _ report: inout Report
    ) -> Condition? {
        guard kind == "window" else {
            report.add(
                test.key.place, "`\(extent.name)` is an extent, which has no test `\(kind)`",
                "write {window: [first, end]}")
            return nil
        }
        return test.value.window(&report).map { Condition(extent, within: $0) }
    }

    private func readTest(
        _ kind: String, _ test: Value.Pair, _ field: Field, _ range: ClosedRange<Int128>,
        _ report: inout Report
    ) -> Condition.Test? {
        let name = field.name
        switch kind {
        case "equals":
            return test.value.number(name, in: range, &report).map { .equals($0) }
        case "in":
            return readChoices(test.value, name, range, &report)
        case "range":
            guard let (first, last) = test.value.bounds("range", in: range, &report) else { return nil }
            guard first <= last else {
                report.add(
                    test.value.place, "range \(first) to \(last) holds no number", "write the lower one first"
                )
                return nil
            }
            return .range(first...last)
        case "mask":
            let bits = (Int128(1) << (Int128(field.size) * 8)) - 1
            return test.value.number("mask", in: 0...bits, &report).map { .mask(UInt64($0)) }
        default:
            report.add(
                test.key.place, "`\(name)` is a field, which has no test `\(kind)`",
                "write one of: equals, in, range, mask")
            return nil
        }
    }

    private func readChoices(
        _ value: Value, _ name: String, _ range: ClosedRange<Int128>, _ report: inout Report
    ) -> Condition.Test? {
        guard let items = value.items("in", maximum: FileLimits.choices, &report) else { return nil }
        var choices: [Int128] = []
        for item in items {
            guard let number = item.number(name, in: range, &report) else { continue }
            if choices.contains(number) {
                report.add(item.place, "\(number) is listed twice", "remove one of the two")
            }
            choices.append(number)
        }
        return .oneOf(choices)
    }
}
