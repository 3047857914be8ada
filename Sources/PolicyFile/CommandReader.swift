import RingPolicy
import RingProtocol

/// One command of a profile.
enum CommandReader {
    private struct Argument {
        var placement = Placement.none
        var direction = Direction.input
        var size = 0
        var fields: [Field] = []
        var extents: [Extent] = []
    }

    static func read(_ value: Value, _ report: inout Report) -> CommandShape? {
        guard var map = MapReader(value, "a command", &report) else { return nil }
        let name = map.required("name", &report)?.symbol("command name", &report)
        let code = map.required("code", &report)?.number("code", in: 0...Int128(UInt32.max), &report)
        let engine = map.required("engine", &report)?.choice(
            "engine", ["call": Transport.call, "ring": .ring, "ring-wide": .wideRing], &report)
        let effect = map.required("effect", &report)?.choice(
            "effect", ["read": Effect.read, "write": .write, "destructive": .destructive], &report)
        let summary = map.required("summary", &report)?.line("summary", &report)
        let block = map.optional("argument")
        let argument = block.map { readArgument($0, &report) } ?? Argument()
        map.finish(&report)
        guard let name, let code, let engine, let effect, let summary, let argument else { return nil }
        let shape = CommandShape(
            name: name, code: SubOpcode(UInt32(code)), transport: engine, effect: effect,
            placement: argument.placement, direction: argument.direction, size: argument.size,
            fields: argument.fields, extents: argument.extents, summary: summary)
        if let flaw = shape.flaw {
            report.add(
                block?.place ?? value.place, "\(name): \(flaw)", "see the table of docs/profiles.md")
            return nil
        }
        return shape
    }

    private static func readArgument(_ value: Value, _ report: inout Report) -> Argument? {
        guard var map = MapReader(value, "an argument", &report) else { return nil }
        let placement = map.required("as", &report)?.choice(
            "argument form",
            [
                "pointer": Placement.pointer, "value": .value, "sqe-range": .sqeRange,
                "sqe-command": .sqeCommand,
            ], &report)
        let direction = readDirection(&map, placement, &report)
        let size = readSize(&map, placement, &report)
        let fields = map.optional("fields").map { readFields($0, &report) } ?? []
        let extent = map.optional("extents")
        map.finish(&report)
        guard let placement, let direction, let size, let fields,
            let extents = extent.map({ readExtents($0, fields, &report) }) ?? []
        else { return nil }
        return Argument(
            placement: placement, direction: direction, size: size, fields: fields, extents: extents)
    }

    /// Only a pointer has a choice of directions.
    private static func readDirection(
        _ map: inout MapReader, _ placement: Placement?, _ report: inout Report
    ) -> Direction? {
        let value = placement == .pointer ? map.required("direction", &report) : map.optional("direction")
        guard let value else { return placement == .pointer ? nil : .input }
        return value.choice("direction", ["in": Direction.input, "out": .output, "both": .both], &report)
    }

    /// Values and ranges have one size only, so it need not be written.
    private static func readSize(
        _ map: inout MapReader, _ placement: Placement?, _ report: inout Report
    ) -> Int? {
        let given: Value?
        switch placement {
        case .value, .sqeRange: given = map.optional("size")
        default: given = map.required("size", &report)
        }
        guard let given else {
            return placement == .value ? 8 : placement == .sqeRange ? 16 : nil
        }
        return given.number("size", in: 1...Int128(CommandShape.maximumSize), &report).map { Int($0) }
    }

    private static func readFields(_ value: Value, _ report: inout Report) -> [Field]? {
        guard let items = value.items("fields", maximum: FileLimits.fields, &report) else { return nil }
        let fields = items.map { readField($0, &report) }
        return fields.contains { $0 == nil } ? nil : fields.compactMap { $0 }
    }

    private static func readField(_ value: Value, _ report: inout Report) -> Field? {
        guard var map = MapReader(value, "a field", &report) else { return nil }
        let sizes = 1...Int128(CommandShape.maximumSize)
        let name = map.required("name", &report)?.symbol("field name", &report)
        let type = map.required("type", &report)
        let offset = map.required("at", &report)?.number("at", in: 0...sizes.upperBound, &report)
        let fieldType: FieldType?
        if type?.text == "bytes" {
            let size = map.required("size", &report)?.number("size", in: sizes, &report)
            fieldType = size.map { .bytes(Int($0)) }
        } else {
            fieldType = type.flatMap { readType($0, &report) }
        }
        map.finish(&report)
        guard let name, let fieldType, let offset else { return nil }
        return Field(name: name, type: fieldType, offset: Int(offset))
    }

    private static func readType(_ value: Value, _ report: inout Report) -> FieldType? {
        if let text = value.text, let type = FieldType(named: text) { return type }
        report.add(
            value.place, "\(value.words) is no field type",
            "write one of: u8, u16, u32, u64, s8, s16, s32, s64, bytes (with `size`)")
        return nil
    }

    private static func readExtents(
        _ value: Value, _ fields: [Field], _ report: inout Report
    ) -> [Extent]? {
        guard case .map(let pairs) = value.content, !pairs.isEmpty else {
            report.add(
                value.place, "extents are named in a mapping, not \(value.words)",
                "write `range: {start: FIELD, length: FIELD}`")
            return nil
        }
        var extents: [Extent] = []
        for pair in pairs {
            guard let name = pair.key.symbol("extent name", &report),
                var map = MapReader(pair.value, "an extent", &report)
            else { return nil }
            let start = map.required("start", &report).flatMap { find($0, fields, &report) }
            let length = map.required("length", &report).flatMap { find($0, fields, &report) }
            map.finish(&report)
            guard let start, let length else { return nil }
            extents.append(Extent(name: name, start: start, length: length))
        }
        return extents
    }

    private static func find(_ value: Value, _ fields: [Field], _ report: inout Report) -> Field? {
        guard let name = value.symbol("field name", &report) else { return nil }
        if let field = fields.first(where: { $0.name == name }) { return field }
        report.add(
            value.place, "there is no field `\(name)`", Suggestion.hint(for: name, among: fields.map(\.name)))
        return nil
    }
}
