import RingPolicy

/// The tests that can be written on the value of a field, in profiles and in rules: names may stand for numbers.
struct FieldTestReader {
    /// The tests by their keys.
    static let keys = ["equals", "in", "range", "mask"]

    private let field: Field
    /// The field's name, as the file has it.
    private let name: String

    init(_ field: Field, _ name: String) {
        self.field = field
        self.name = name
    }

    /// The test called `key`, or nil after reporting.
    func read(_ key: String, _ value: Value, _ report: inout Report) -> Condition.Test? {
        guard field.range != nil else {
            report.add(value.place, "`\(name)` is bytes, which cannot be tested", "remove the test")
            return nil
        }
        switch key {
        case "equals": return number(value, &report).map { .equals($0) }
        case "in": return readChoices(value, &report)
        case "range": return readRange(value, &report)
        case "mask": return readMask(value, &report)
        default:
            report.add(
                value.place, "`\(name)` is a field, which has no test `\(key)`",
                "write one of: equals, in, range, mask")
            return nil
        }
    }

    /// A number the field can hold, or one of its names; flags may be joined by `|`.
    func number(_ value: Value, _ report: inout Report) -> Int128? {
        let range = field.range ?? 0...0
        if let text = value.text, !(text.first?.isNumber ?? true), text.first != "-", let names = field.names
        {
            let parts = names.kind == .flags ? text.split(separator: "|").map(String.init) : [text]
            var number: Int128 = 0
            for part in parts {
                guard let found = names.names.first(where: { $0.name == part }) else {
                    report.add(
                        value.place, "`\(name)` has no value `\(part)`",
                        Suggestion.hint(for: part, among: names.names.map(\.name)))
                    return nil
                }
                number |= found.value
            }
            return number
        }
        return value.number(name, in: range, &report)
    }

    private func readChoices(_ value: Value, _ report: inout Report) -> Condition.Test? {
        guard let items = value.items("in", maximum: FileLimits.choices, &report) else { return nil }
        var choices: [Int128] = []
        for item in items {
            guard let number = number(item, &report) else { continue }
            if choices.contains(number) {
                report.add(item.place, "\(item.text ?? "\(number)") is listed twice", "remove one of the two")
            }
            choices.append(number)
        }
        return .oneOf(choices)
    }

    private func readRange(_ value: Value, _ report: inout Report) -> Condition.Test? {
        guard let (first, last) = value.bounds("range", in: field.range ?? 0...0, &report) else { return nil }
        guard first <= last else {
            report.add(value.place, "range \(first) to \(last) holds no number", "write the lower one first")
            return nil
        }
        return .range(first...last)
    }

    /// Bits as a number, or as a list of flags and numbers.
    private func readMask(_ value: Value, _ report: inout Report) -> Condition.Test? {
        let bits = (Int128(1) << (Int128(field.bits?.count ?? field.size * 8))) - 1
        guard case .list = value.content else {
            if field.names?.kind == .flags, !(value.text?.first?.isNumber ?? true) {
                return number(value, &report).map { .mask(UInt64(truncatingIfNeeded: $0)) }
            }
            return value.number("mask", in: 0...bits, &report).map { .mask(UInt64($0)) }
        }
        guard let items = value.items("mask", maximum: FileLimits.choices, &report) else { return nil }
        var mask: UInt64 = 0
        for item in items { mask |= UInt64(truncatingIfNeeded: number(item, &report) ?? 0) }
        return .mask(mask)
    }
}

/// A sum of fields: `4*numdl + 262144*numdu + 4`, or a field alone.
enum SumReader {
    static func read(_ value: Value, _ fields: [Field], _ report: inout Report) -> Linear? {
        guard let text = value.text, !text.isEmpty else {
            report.add(value.place, "a sum is text, not \(value.words)", "write \"2*FIELD + 1\" in quotes")
            return nil
        }
        var terms: [Linear.Term] = []
        var constant: Int128 = 0
        for part in text.split(separator: "+", omittingEmptySubsequences: false) {
            let factors = part.split(separator: "*", omittingEmptySubsequences: false).map(trimmed)
            guard let term = readTerm(factors, fields, value, &report) else { return nil }
            switch term {
            case .number(let number): constant += number
            case .field(let term): terms.append(term)
            }
        }
        if let constant = Int64(exactly: constant), let sum = Linear(terms, plus: constant) { return sum }
        report.add(
            value.place, "the sum \(value.words) may be too large",
            "use at most \(Linear.maximumTerms) fields and factors up to \(Linear.maximumFactor)")
        return nil
    }

    /// A sum of fields of one block that has one element, under their full names; and the block's index.
    static func read(_ value: Value, _ blocks: [Block], _ report: inout Report) -> (block: Int, sum: Linear)?
    {
        let whole = blocks.map { block in
            block.fields.map { field in
                Field(
                    name: block.path(of: field.name), type: field.type, offset: field.offset, bits: field.bits
                )
            }
        }
        guard let sum = read(value, whole.flatMap { $0 }, &report) else { return nil }
        let names = Set(sum.terms.map(\.field.name))
        guard let index = whole.firstIndex(where: { names.isSubset(of: $0.map(\.name)) }),
            blocks[index].elementSize == nil || blocks[index].maximum == 1
        else {
            report.add(
                value.place, "the sum \(value.words) is not of fields of one block with one element",
                "use fields of the argument's own struct, or of one buffer")
            return nil
        }
        let own = sum.terms.map { term in
            let place = whole[index].firstIndex(of: term.field) ?? 0
            return Linear.Term(blocks[index].fields[place], times: term.factor)
        }
        return Linear(own, plus: sum.constant).map { (index, $0) }
    }

    private enum Part {
        case number(Int128)
        case field(Linear.Term)
    }

    private static func readTerm(
        _ factors: [String], _ fields: [Field], _ value: Value, _ report: inout Report
    ) -> Part? {
        let number = factors.compactMap(Value.integer)
        let names = factors.filter { Value.integer($0) == nil }
        guard (1...2).contains(factors.count), names.count <= 1, number.count <= 1 else {
            report.add(
                value.place, "`\(factors.joined(separator: "*"))` is no part of a sum",
                "write a number, a field, or NUMBER*FIELD")
            return nil
        }
        guard let name = names.first else { return .number(number[0]) }
        guard let field = fields.first(where: { $0.name == name }), field.range != nil else {
            report.add(
                value.place, "there is no number `\(name)` beside it",
                Suggestion.hint(for: name, among: fields.filter { $0.range != nil }.map(\.name)))
            return nil
        }
        return .field(Linear.Term(field, times: Int64(clamping: number.first ?? 1)))
    }

    private static func trimmed(_ text: Substring) -> String {
        let start = text.drop { $0 == " " }
        return String(start.reversed().drop { $0 == " " }.reversed())
    }
}
