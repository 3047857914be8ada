import RingPolicy
import RingProtocol

/// One entry of a `fields` list: a plain field, or one that holds a block.
struct FieldItem {
    enum Count {
        case number(Int)
        case code
    }
    enum Form {
        case plain(Field)
        /// An array of numbers; the field has no name.
        case array(Count, used: Value?, Field)
        case structs(size: Int, Count, used: Value?, fields: Value)
        case pointer(Value)
    }

    let name: String
    let offset: Int
    let form: Form
    /// The sum that the field's value must be; of fields that are known once the whole list is read.
    var sum: Value?

    var plain: Field? { if case .plain(let field) = form { field } else { nil } }

    static func read(_ value: Value, _ references: inout [ProfileReference], _ report: inout Report)
        -> FieldItem?
    {
        guard var map = MapReader(value, "a field", &report) else { return nil }
        let offsets = 0...Int128(Limits.payload)
        let name = map.required("name", &report)?.symbol("field name", &report)
        let offset = map.required("at", &report)?.number("at", in: offsets, &report)
        let type = map.required("type", &report)
        let form: Form?
        var sum: Value?
        switch type?.text {
        case "pointer": form = map.required("to", &report).map { .pointer($0) }
        case "struct": form = readStructs(&map, &report)
        case "bytes", "text":
            form = readBytes(&map, name ?? "", offset, isText: type?.text == "text", &report)
        default:
            form = type.flatMap { readNumber($0, &map, name ?? "", offset, &references, &report) }
            sum = map.optional("equals").flatMap { $0.isQuoted ? $0 : nil }
        }
        map.finish(&report)
        guard let name, let offset, let form else { return nil }
        if case .array = form, let sum {
            report.add(sum.place, "an array's numbers cannot be sums", "test them with a number or a name")
            return nil
        }
        return FieldItem(name: name, offset: Int(offset), form: form, sum: sum)
    }

    /// The plain field, with its sum of `others` put in.
    func resolved(among others: [Field], _ report: inout Report) -> Field? {
        guard let plain, let sum else { return plain }
        guard let total = SumReader.read(sum, others, &report) else { return nil }
        return Field(
            name: plain.name, type: plain.type, offset: plain.offset, bits: plain.bits, names: plain.names,
            checks: plain.checks + [.sum(total)], descriptor: plain.descriptor, isRedacted: plain.isRedacted)
    }

    private static func readStructs(_ map: inout MapReader, _ report: inout Report) -> Form? {
        let size = map.required("size", &report)?.number(
            "size", in: 1...Int128(CommandShape.maximumSize), &report)
        let count = map.optional("count").map { readCount($0, &report) } ?? .number(1)
        let used = map.optional("used")
        let fields = map.required("fields", &report)
        guard let size, let count, let fields else { return nil }
        return .structs(size: Int(size), count, used: used, fields: fields)
    }

    private static func readBytes(
        _ map: inout MapReader, _ name: String, _ offset: Int128?, isText: Bool, _ report: inout Report
    ) -> Form? {
        let size = map.required("size", &report)?.number(
            "size", in: 1...Int128(CommandShape.maximumSize), &report)
        let isRedacted = readRedact(&map, &report)
        guard let size, let offset, let isRedacted else { return nil }
        return .plain(
            Field(
                name: name, type: isText ? .text(Int(size)) : .bytes(Int(size)), offset: Int(offset),
                isRedacted: isRedacted))
    }

    private static func readNumber(
        _ type: Value, _ map: inout MapReader, _ name: String, _ offset: Int128?,
        _ references: inout [ProfileReference], _ report: inout Report
    ) -> Form? {
        let count = map.optional("count").map { readCount($0, &report) }
        let used = map.optional("used")
        let bits = map.optional("bits").map { readBits($0, &report) }
        let names = readNames(&map, &report)
        let isRedacted = readRedact(&map, &report)
        let gives = map.optional("gives").map { $0.reference(&references, &report) }
        let takes = map.optional("takes").map { $0.reference(&references, &report) }
        let tests = FieldTestReader.keys.compactMap { key in map.optional(key).map { (key, $0) } }
            .filter { !($0 == "equals" && $1.isQuoted) }
        guard let text = type.text, let fieldType = FieldType(named: text) else {
            let known = FieldType.integers.map(\.name) + ["bytes", "text", "struct", "pointer"]
            report.add(
                type.place, "\(type.words) is no field type", "write one of: \(known.joined(separator: ", "))"
            )
            return nil
        }
        if let gives, gives == nil { return nil }
        if let takes, takes == nil { return nil }
        if let bits, bits == nil { return nil }
        guard let isRedacted, let names else { return nil }
        var descriptor: DescriptorUse?
        if let profile = gives ?? nil { descriptor = .gives(profile: profile) }
        if let profile = takes ?? nil { descriptor = .takes(profile: profile) }
        let isArray = count != nil
        let bare = Field(
            name: isArray ? "" : name, type: fieldType, offset: isArray ? 0 : Int(offset ?? 0),
            bits: bits ?? nil,
            names: names, descriptor: descriptor, isRedacted: isRedacted)
        let reader = FieldTestReader(bare, name)
        let checks = tests.compactMap { key, value in reader.read(key, value, &report) }
        let field = Field(
            name: bare.name, type: bare.type, offset: bare.offset, bits: bare.bits, names: bare.names,
            checks: checks, descriptor: descriptor, isRedacted: isRedacted)
        guard let count else { return .plain(field) }
        guard let count, bits == nil, descriptor == nil else {
            report.add(type.place, "an array has neither `bits` nor descriptors", "remove them or `count`")
            return nil
        }
        return .array(count, used: used, field)
    }

    private static func readCount(_ value: Value, _ report: inout Report) -> Count? {
        if value.text == "code" { return .code }
        return value.number("count", in: 1...Int128(CommandShape.maximumSize), &report).map {
            .number(Int($0))
        }
    }

    private static func readBits(_ value: Value, _ report: inout Report) -> ClosedRange<Int>? {
        guard let (first, last) = value.bounds("bits", in: 0...63, &report) else { return nil }
        guard first <= last else {
            report.add(value.place, "bits \(first) to \(last) are none", "write [first, last]")
            return nil
        }
        return Int(first)...Int(last)
    }

    private static func readRedact(_ map: inout MapReader, _ report: inout Report) -> Bool? {
        map.optional("redact").map { $0.choice("redact", ["true": true], &report) } ?? false
    }

    /// The names of a field's values; nil after an error.
    static func readNames(
        _ map: inout MapReader, _ report: inout Report
    ) -> ValueNames?? {
        let values = map.optional("values"), flags = map.optional("flags")
        guard let value = values ?? flags else { return .some(nil) }
        if values != nil, let flags {
            report.add(flags.place, "a field has `values` or `flags`, not both", "remove one of them")
            return nil
        }
        guard case .map(let pairs) = value.content, !pairs.isEmpty, pairs.count <= FileLimits.valueNames
        else {
            report.add(
                value.place, "names are a mapping of 1 to \(FileLimits.valueNames), not \(value.words)",
                "write {NAME: N, ...}")
            return nil
        }
        let range = -(Int128(1) << 63)...Int128(UInt64.max)
        let names = pairs.compactMap { pair -> ValueNames.Name? in
            guard let name = pair.key.symbol("value name", &report),
                let number = pair.value.number(name, in: range, &report)
            else { return nil }
            return ValueNames.Name(name, number)
        }
        guard names.count == pairs.count else { return nil }
        return ValueNames(flags == nil ? .values : .flags, names)
    }
}
