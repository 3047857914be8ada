import RingPolicy
import RingProtocol

/// The argument of a command as its profile describes it.
struct Argument {
    var placement = Placement.none
    var direction = Direction.input
    /// The argument's own struct first; empty when there is none.
    var blocks: [Block] = []
}

/// The `argument` of a command: where it goes, and the tree of blocks it is.
enum ArgumentReader {
    static func read(
        _ value: Value, _ pattern: CodePattern, _ references: inout [ProfileReference], _ report: inout Report
    ) -> Argument? {
        guard var map = MapReader(value, "an argument", &report) else { return nil }
        let placement = map.required("as", &report)?.choice(
            "argument form",
            [
                "pointer": Placement.pointer, "value": .value, "sqe-range": .sqeRange,
                "sqe-command": .sqeCommand, "sqe-socket-option": .sqeSocketOption,
            ], &report)
        let direction = readDirection(&map, placement, &report)
        let size = readSize(&map, placement, &report)
        let fields = map.optional("fields")
        let extents = map.optional("extents")
        map.finish(&report)
        guard let placement, let direction, let size else { return nil }
        let before = report.diagnostics.count
        var builder = BlockBuilder(pattern, references)
        defer { references = builder.references }
        let isByCode = size == .code
        builder.addRoot(
            direction, size: isByCode ? nil : size.bytes, fields: fields, extents: extents, &report)
        guard report.diagnostics.count == before else { return nil }
        return Argument(placement: placement, direction: direction, blocks: builder.blocks)
    }

    /// Only a pointer has a choice of directions.
    private static func readDirection(
        _ map: inout MapReader, _ placement: Placement?, _ report: inout Report
    ) -> Direction? {
        let value = placement == .pointer ? map.required("direction", &report) : map.optional("direction")
        guard let value else { return placement == .pointer ? nil : .input }
        return value.choice("direction", ["in": Direction.input, "out": .output, "both": .both], &report)
    }

    private enum Size: Equatable {
        case number(Int)
        case code

        var bytes: Int { if case .number(let bytes) = self { bytes } else { 0 } }
    }

    /// Values, ranges and socket options have one size only, so it need not be written.
    private static func readSize(
        _ map: inout MapReader, _ placement: Placement?, _ report: inout Report
    ) -> Size? {
        let fixed: Int? =
            switch placement {
            case .value: 8
            case .sqeRange: 16
            case .sqeSocketOption: 24
            default: nil
            }
        let given = fixed == nil ? map.required("size", &report) : map.optional("size")
        guard let given else { return fixed.map { .number($0) } }
        if given.text == "code" { return .code }
        return given.number("size", in: 1...Int128(CommandShape.maximumSize), &report).map {
            .number(Int($0))
        }
    }
}
