import RingPolicy
import RingProtocol

/// One command of a profile.
enum CommandReader {
    static func read(_ value: Value, _ references: inout [ProfileReference], _ report: inout Report)
        -> CommandShape?
    {
        guard var map = MapReader(value, "a command", &report) else { return nil }
        let name = map.required("name", &report)?.symbol("command name", &report)
        let pattern = map.required("code", &report).flatMap { CodeReader.read($0, &report) }
        let engine = map.required("engine", &report)?.choice(
            "engine", ["call": Transport.call, "ring": .ring, "ring-wide": .wideRing], &report)
        let effect = map.required("effect", &report)?.choice(
            "effect", ["read": Effect.read, "write": .write, "destructive": .destructive], &report)
        let isGuarded = map.optional("guarded").map { $0.choice("guarded", ["true": true], &report) } ?? false
        let summary = map.required("summary", &report)?.line("summary", &report)
        let timeout = map.optional("timeout").map { $0.duration("timeout", &report) } ?? 0
        let capability = map.optional("capability").map { $0.capability(&report) }
        let result = readResult(map.optional("result"), &references, &report)
        let block = map.optional("argument")
        var argument: Argument? = Argument()
        if let block, let pattern {
            argument = ArgumentReader.read(block, pattern, &references, &report)
        }
        let when = map.optional("when")
        let ties = map.optional("ties")
        map.finish(&report)
        guard let name, let pattern, let engine, let effect, let isGuarded, let summary, let timeout,
            let result,
            let argument, let selectors = when.map({ readSelectors($0, argument.blocks, &report) }) ?? [],
            let ties = ties.map({ readTies($0, argument.blocks, &report) }) ?? []
        else { return nil }
        if let capability, capability == nil { return nil }
        let shape = CommandShape(
            name: name, pattern: pattern, transport: engine, effect: effect, isGuarded: isGuarded,
            placement: argument.placement, direction: argument.direction, blocks: argument.blocks,
            selectors: selectors, ties: ties, result: result, timeout: timeout,
            capability: capability ?? nil, summary: summary)
        if let flaw = shape.flaw {
            report.add(
                block?.place ?? value.place, "\(name): \(flaw)", "see the tables of docs/profiles.md")
            return nil
        }
        return shape
    }

    private static func readResult(
        _ value: Value?, _ references: inout [ProfileReference], _ report: inout Report
    ) -> ResultUse? {
        guard let value else { return .number }
        guard var map = MapReader(value, "a result", &report) else { return nil }
        let profile = map.required("gives", &report)?.reference(&references, &report)
        map.finish(&report)
        return profile.map { .gives(profile: $0) }
    }

    /// The `ties` of fields to sums of fields in another block.
    private static func readTies(_ value: Value, _ blocks: [Block], _ report: inout Report) -> [Condition]? {
        readFields(value, "ties", "{FIELD: \"2*BLOCK.FIELD + 1\"}", blocks, &report) {
            index, field, pair, report in
            SumReader.read(pair.value, blocks, &report).map { other, sum in
                Condition(field, in: blocks, index: index, is: sum, of: other)
            }
        }
    }

    /// The `when` that tells a command from others with its code: values of fields that come from the client.
    private static func readSelectors(
        _ value: Value, _ blocks: [Block], _ report: inout Report
    ) -> [Condition]? {
        readFields(value, "when", "{FIELD: N}", blocks, &report) { index, field, pair, report in
            FieldTestReader(field, pair.key.text ?? "").number(pair.value, &report).map {
                Condition(field, .equals($0), in: blocks[index], index: index)
            }
        }
    }

    /// A mapping of numbers anywhere in the argument to what is said about each.
    private static func readFields(
        _ value: Value, _ key: String, _ example: String, _ blocks: [Block], _ report: inout Report,
        _ read: (_ block: Int, Field, Value.Pair, inout Report) -> Condition?
    ) -> [Condition]? {
        guard case .map(let pairs) = value.content, !pairs.isEmpty, pairs.count <= FileLimits.selectors else {
            report.add(
                value.place,
                "`\(key)` is a mapping of 1 to \(FileLimits.selectors) fields, not \(value.words)",
                "write \(example)")
            return nil
        }
        var conditions: [Condition] = []
        for pair in pairs {
            let path = pair.key.text ?? ""
            guard let (index, field) = blocks.field(at: path), field.range != nil else {
                report.add(
                    pair.key.place, "there is no number `\(path)` in the argument",
                    Suggestion.hint(for: path, among: blocks.fieldPaths))
                return nil
            }
            guard let condition = read(index, field, pair, &report) else { return nil }
            conditions.append(condition)
        }
        return conditions
    }
}

extension [Block] {
    /// The field with this full name, and the index of its block. An array of numbers is known by its own name.
    func field(at path: String) -> (block: Int, field: Field)? {
        for (index, block) in enumerated() {
            if let field = block.fields.first(where: { block.path(of: $0.name) == path }) {
                return (index, field)
            }
        }
        return nil
    }

    /// Full names of all fields.
    var fieldPaths: [String] { flatMap { block in block.fields.map { block.path(of: $0.name) } } }
}

/// The code of a command: a number, or a family.
enum CodeReader {
    private static let codes = 0...Int128(UInt32.max)

    static func read(_ value: Value, _ report: inout Report) -> CodePattern? {
        guard case .map = value.content else {
            return value.number("code", in: codes, &report).map { CodePattern(SubOpcode(UInt32($0))) }
        }
        guard var map = MapReader(value, "a family of codes", &report) else { return nil }
        let base = map.required("base", &report)?.number("base", in: codes, &report)
        let sizes = map.optional("sizes").map { range($0, "sizes", 1...0x3fff, &report) }
        let step = map.optional("step").map { $0.number("step", in: 1...0x3fff, &report) } ?? 1
        let numbers = map.optional("numbers").map { range($0, "numbers", 0...255, &report) }
        map.finish(&report)
        guard let base, let step else { return nil }
        if sizes == nil, numbers == nil {
            report.add(value.place, "the family has neither `sizes` nor `numbers`", "write the code alone")
            return nil
        }
        if let sizes, sizes == nil { return nil }
        if let numbers, numbers == nil { return nil }
        return CodePattern(
            SubOpcode(UInt32(base)), sizes: sizes ?? nil, step: Int(step), numbers: numbers ?? nil)
    }

    private static func range(
        _ value: Value, _ what: String, _ bounds: ClosedRange<Int128>, _ report: inout Report
    ) -> ClosedRange<Int>? {
        guard let (first, last) = value.bounds(what, in: bounds, &report) else { return nil }
        guard first <= last else {
            report.add(value.place, "\(what) \(first) to \(last) hold no number", "write the lower one first")
            return nil
        }
        return Int(first)...Int(last)
    }
}

/// A profile that another one names, to be looked for once all are read.
struct ProfileReference {
    let name: String
    let place: Location
}

extension Value {
    /// The name of a capability, as capabilities(7) has it.
    fileprivate func capability(_ report: inout Report) -> String? {
        let isName = text.map { text in
            text.hasPrefix("CAP_") && text.utf8.allSatisfy { (65...90).contains($0) || $0 == 95 }
        }
        if isName == true { return text }
        report.add(
            place, "\(words) is no capability", "write it as capabilities(7) does, such as CAP_SYS_TIME")
        return nil
    }

    /// The name of a profile that must exist.
    func reference(_ references: inout [ProfileReference], _ report: inout Report) -> String? {
        guard let name = name("profile", &report) else { return nil }
        references.append(ProfileReference(name: name, place: place))
        return name
    }

    /// A time such as `500ms`, `2s`, `5min` or `1h`, at most a day unless `range` says otherwise, in milliseconds.
    func duration(
        _ what: String, in range: ClosedRange<UInt32> = FileLimits.duration, _ report: inout Report
    ) -> UInt32? {
        let units: [(suffix: String, milliseconds: Int128)] = [
            ("ms", 1), ("min", 60_000), ("s", 1_000), ("h", 3_600_000),
        ]
        if case .text(let text, isQuoted: false) = content,
            let unit = units.first(where: { text.hasSuffix($0.suffix) }),
            let number = Value.integer(String(text.dropLast(unit.suffix.count)))
        {
            if let time = UInt32(exactly: number * unit.milliseconds), range.contains(time) { return time }
        }
        report.add(
            place, "\(words) is no \(what)",
            "write a time such as 500ms, 2s, 5min or 1h, \(Self.words(range.lowerBound)) to "
                + Self.words(range.upperBound))
        return nil
    }

    /// Milliseconds in the greatest unit that is no longer than they are and divides them.
    private static func words(_ time: UInt32) -> String {
        let units: [(suffix: String, milliseconds: UInt32)] = [
            ("h", 3_600_000), ("min", 60_000), ("s", 1_000),
        ]
        let unit = time == 0 ? units.last : units.first { time % $0.milliseconds == 0 }
        return unit.map { "\(time / $0.milliseconds)\($0.suffix)" } ?? "\(time)ms"
    }
}
