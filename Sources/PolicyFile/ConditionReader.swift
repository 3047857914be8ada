import RingPolicy

/// The `where` of a rule's command: tests on fields, extents and blocks of its argument.
struct ConditionReader {
    private static let tests =
        "{equals: N}, {in: [N, ...]}, {range: [first, last]}, {mask: BITS}, {window: [first, end]}, "
        + "{max-length: N}"

    private static let testsOfNevers = ["equals", "in", "range"]

    private let shape: CommandShape
    private let profile: Profile
    private let purpose: RightsReader.Purpose
    /// Most elements that trying all conditions has to look at.
    private(set) var cost = 0

    init(_ shape: CommandShape, _ profile: Profile, _ purpose: RightsReader.Purpose) {
        self.shape = shape
        self.profile = profile
        self.purpose = purpose
    }

    mutating func read(_ value: Value, _ report: inout Report) -> [Condition] {
        guard case .map(let pairs) = value.content, !pairs.isEmpty else {
            report.add(
                value.place, "`where` is a mapping of conditions, not \(value.words)",
                "write {FIELD: {equals: N}}, or name the command without `where`")
            return []
        }
        guard shape.argumentSize > 0 else {
            report.add(
                value.place, "\(shape.name) takes no argument that could be tested",
                "name the command without `where`")
            return []
        }
        return pairs.flatMap { readPair($0, &report) }
    }

    private mutating func readPair(_ pair: Value.Pair, _ report: inout Report) -> [Condition] {
        let target = ConditionTarget(pair.key.text ?? "", in: shape)
        guard let target else {
            report.add(
                pair.key.place, "\(shape.name) has no field or extent \(pair.key.words)",
                Suggestion.hint(for: pair.key.text ?? "", among: ConditionTarget.names(in: shape)))
            return []
        }
        guard case .map(let tests) = pair.value.content else {
            reportTests(target, pair.value, &report)
            return []
        }
        // How long an array is, and what its numbers are, can be said together.
        let lengths = tests.filter { $0.key.text == "max-length" }
        let others = tests.filter { $0.key.text != "max-length" }
        guard others.count == 1 || (others.isEmpty && lengths.count == 1),
            others.isEmpty || lengths.isEmpty || (target.isArray && target.field != nil)
        else {
            reportTests(target, pair.value, &report)
            return []
        }
        return tests.compactMap { readTest($0, target, pair.key.place, &report) }
    }

    private func reportTests(_ target: ConditionTarget, _ value: Value, _ report: inout Report) {
        report.add(
            value.place, "the condition on `\(target.path)` is not one test", "write one of: \(Self.tests)")
    }

    private mutating func readTest(
        _ test: Value.Pair, _ target: ConditionTarget, _ place: Location, _ report: inout Report
    ) -> Condition? {
        let key = test.key.text ?? ""
        guard target.tests.contains(key) else {
            report.add(
                test.key.place, "`\(target.path)` is \(target.words), which has no test `\(key)`",
                target.hint)
            return nil
        }
        guard key == "max-length" || target.comesFromClient(shape) else {
            report.add(
                place, "`\(target.path)` does not always come from the client, so it cannot be tested",
                "remove the condition")
            return nil
        }
        let elements = shape.maximumElements(of: target.block)
        if purpose == .never, elements > 1 || !Self.testsOfNevers.contains(key) {
            // A second element, or one position outside the window, would be enough to get around it.
            report.add(
                place, "a never that tests `\(target.path)` so would miss what only partly matches",
                "test a field that occurs once with \(Self.testsOfNevers.joined(separator: ", ")), "
                    + "or narrow the rules"
            )
            return nil
        }
        cost += elements
        let block = shape.blocks[target.block]
        if key == "max-length" { return readLength(test.value, block, target.block, &report) }
        if let extent = target.extent {
            guard let window = test.value.window(&report) else { return nil }
            if !Satisfiable.holds(extent, within: window) {
                reportUnreachable(target, place, "its positions never lie there", &report)
            }
            return Condition(extent, within: window, in: block, index: target.block)
        }
        let before = report.diagnostics.count
        guard let field = target.field,
            let read = FieldTestReader(field, target.path).read(key, test.value, &report)
        else { return nil }
        if report.diagnostics.count == before, !Satisfiable.holds(field, field.checks + [read]) {
            let checks = field.checks.map { Condition(field, $0, in: block).words }
            let reason =
                checks.isEmpty
                ? "no value passes" : "profile `\(profile.name)` needs \(checks.joined(separator: " and "))"
            reportUnreachable(target, place, reason, &report)
        }
        return Condition(field, read, in: block, index: target.block)
    }

    private func readLength(
        _ value: Value, _ block: Block, _ index: Int, _ report: inout Report
    ) -> Condition? {
        let lengths = 0...Int128(block.maximumSize)
        guard let length = value.number("max-length", in: lengths, &report).map({ Int($0) }) else {
            return nil
        }
        if case .constant(let count) = block.amount, count * (block.elementSize ?? 1) > length {
            report.add(
                value.place, "`\(block.path)` always has \(count * (block.elementSize ?? 1)) bytes",
                "remove the condition, or the command")
        }
        return Condition(lengthOf: block, index: index, atMost: length)
    }

    private func reportUnreachable(
        _ target: ConditionTarget, _ place: Location, _ reason: String, _ report: inout Report
    ) {
        report.add(
            place, "the condition on `\(target.path)` can never hold: \(reason)",
            "correct it, or remove the command")
    }
}

/// What a dotted path in a `where` names: a field, an extent, or a block. The numbers of an array
/// have its path.
struct ConditionTarget {
    let path: String
    /// Index of the block.
    let block: Int
    let field: Field?
    let extent: Extent?
    /// Whether the path is that of a whole block.
    let isArray: Bool

    init?(_ path: String, in shape: CommandShape) {
        self.path = path
        for (index, block) in shape.blocks.enumerated() {
            let field = block.fields.first { block.path(of: $0.name) == path }
            let extent = block.extents.first { block.path(of: $0.name) == path }
            let isBlock = index > 0 && block.path == path
            guard field != nil || extent != nil || isBlock else { continue }
            (self.block, self.field, self.extent, isArray) = (index, field, extent, isBlock)
            return
        }
        return nil
    }

    static func names(in shape: CommandShape) -> [String] {
        shape.blocks.enumerated().flatMap { index, block in
            let names =
                block.fields.map { block.path(of: $0.name) } + block.extents.map { block.path(of: $0.name) }
            return names + (index > 0 && !names.contains(block.path) ? [block.path] : [])
        }
    }

    /// The tests that can be made.
    var tests: [String] {
        if extent != nil { return ["window"] }
        let length = isArray ? ["max-length"] : []
        guard let field, field.range != nil, field.descriptor == nil else { return length }
        return FieldTestReader.keys + length
    }

    var words: String {
        if extent != nil { return "an extent" }
        guard let field else { return "a block" }
        if field.descriptor != nil { return "a descriptor" }
        return field.range == nil ? field.type.name : isArray ? "an array" : "a field"
    }

    var hint: String {
        switch tests.count {
        case 0: "remove the condition"
        case 1: "write {\(tests[0]): \(extent == nil ? "N" : "[first, end]")}"
        default: "write one of: \(tests.joined(separator: ", "))"
        }
    }

    /// Whether every argument has it.
    func comesFromClient(_ shape: CommandShape) -> Bool {
        switch shape.blocks[block].direction {
        case .fixed(.input), .fixed(.both): true
        case .fixed(.output), .selected: false
        }
    }
}
