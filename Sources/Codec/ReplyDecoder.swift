import RingProtocol

/// Reads the values of a reply whose size was checked.
///
/// How long blocks are follows from the argument; how many elements of an array inside a struct are in use, from
/// the reply itself.
struct ReplyDecoder {
    private let shape: ArgumentShape
    private let code: SubOpcode
    private let reply: [UInt8]
    private var fields: [DecodedField] = []

    /// Values of one reply: more than anybody reads, fewer than could fill a memory.
    static let maximumFields = 1 << 16

    private init(_ shape: ArgumentShape, _ code: SubOpcode, _ reply: [UInt8]) {
        self.shape = shape
        self.code = code
        self.reply = reply
    }

    static func decode(
        _ reply: [UInt8], of layout: ArgumentLayout, _ shape: ArgumentShape, _ code: SubOpcode
    ) throws(FieldError) -> [DecodedField] {
        var decoder = Self(shape, code, reply)
        for span in layout.spans {
            try decoder.decode(span.block, span.path, span.count, at: span.reply, stride: span.stride)
        }
        return decoder.fields
    }

    private mutating func add(_ field: DecodedField) throws(FieldError) {
        guard fields.count < Self.maximumFields else {
            throw .tooMany(field: field.name, count: fields.count + 1, maximum: Self.maximumFields)
        }
        fields.append(field)
    }

    private mutating func decode(
        _ index: Int, _ path: String, _ count: Int, at base: Int, stride: Int
    ) throws(FieldError) {
        let block = shape.blocks[index]
        if block.isValues, block.isList {
            let values = (0..<count).map { value(of: block.fields[0], at: base + $0 * stride, stride) }
            return try add(DecodedField(name: path, value: .list(values.compactMap { $0 })))
        }
        if block.fields.isEmpty, block.children.isEmpty, block.elementSize == nil {
            return try add(DecodedField(name: path, value: .bytes(Array(reply[base..<base + stride]))))
        }
        for element in 0..<count {
            let holder = block.isList ? fieldPath(path, String(element)) : path
            try decodeElement(block, holder, at: base + element * stride, size: stride)
        }
    }

    private mutating func decodeElement(
        _ block: BlockShape, _ path: String, at base: Int, size: Int
    ) throws(FieldError) {
        for field in block.fields {
            guard let value = value(of: field, at: base, size) else { continue }
            try add(
                DecodedField(
                    name: fieldPath(path, field.name), value: value, words: field.words(reply, at: base),
                    gives: field.gives))
        }
        for index in block.children {
            let child = shape.blocks[index]
            guard case .inline = child.place else { continue }
            let stride = child.elementSize ?? 1
            let room = min(child.maximum, max(0, size - child.offset) / stride)
            let count = Int(min(max(0, child.amount.value(reply, at: base, code)), Int128(room)))
            let (elements, step) = child.elementSize == nil ? (1, count) : (count, stride)
            try decode(index, fieldPath(path, child.name), elements, at: base + child.offset, stride: step)
        }
    }

    /// nil when the field lies behind the end of a block that is cut short.
    private func value(of field: FieldShape, at base: Int, _ size: Int) -> FieldValue? {
        switch field.kind {
        case .unsigned, .bigEndian:
            return field.end <= size
                ? .unsigned(UInt64(truncatingIfNeeded: field.load(reply, at: base))) : nil
        case .signed:
            return field.end <= size ? .signed(Int64(truncatingIfNeeded: field.load(reply, at: base))) : nil
        case .bytes, .text:
            guard field.offset < size else { return nil }
            let bytes = reply[base + field.offset..<base + min(field.end, size)]
            guard field.kind == .text else { return .bytes(Array(bytes)) }
            return .text(String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self))
        }
    }
}

extension FieldShape {
    /// The number in the field's names; nil when it has none or they do not fit.
    fileprivate func words(_ bytes: [UInt8], at base: Int) -> String? {
        guard !values.isEmpty || !flags.isEmpty, isNumber else { return nil }
        let number = load(bytes, at: base)
        if flags.isEmpty { return values.filter { Int128($0.value) == number }.keys.min() }
        var rest = UInt64(truncatingIfNeeded: number)
        var parts: [String] = []
        for (name, bits) in flags.sorted(by: { ($0.value, $0.key) < ($1.value, $1.key) })
        where bits != 0 && UInt64(truncatingIfNeeded: number) & bits == bits {
            parts.append(name)
            rest &= ~bits
        }
        if parts.isEmpty { return nil }
        return (parts + (rest == 0 ? [] : ["0x" + String(rest, radix: 16)])).joined(separator: "|")
    }
}
