import RingProtocol

/// Writes one argument as docs/protocol.md lays it out: a block, then for each of its elements in order what its
/// pointers refer to.
///
/// What was given is written first, then counts and selectors that were not, so that what is given always wins.
/// Positions are those of a proven shape; only sizes and counts, which depend on values, are checked here.
struct ArgumentEncoder {
    private let shape: ArgumentShape
    private var code = SubOpcode(0)
    private var bytes: [UInt8] = []

    private init(_ shape: ArgumentShape) { self.shape = shape }

    static func encode(
        _ given: ArgumentNode, as shape: ArgumentShape
    ) throws(FieldError) -> (code: SubOpcode, argument: [UInt8]) {
        var encoder = Self(shape)
        try encoder.encode(given)
        return (encoder.code, encoder.bytes)
    }

    private mutating func encode(_ whole: ArgumentNode) throws(FieldError) {
        var given = whole
        let number = try shape.family.number(takeChoice(CodeChoice.numberName, from: &given))
        let size = try takeChoice(CodeChoice.sizeName, from: &given)
        let sizeBits = if let size { try shape.family.size(size) } else { try impliedSize(given) }
        code = shape.family.code(size: sizeBits, number: number)
        guard let root = shape.blocks.first, case .fixed(let direction) = root.route, direction.isFromClient
        else {
            if let name = given.members.keys.min() { throw .unknown(name, known: shape.argumentPaths) }
            return
        }
        let rootSize = root.elementSize ?? sizeBits
        try append(rootSize)
        try fill(0, given, "", at: 0, size: rootSize)
    }

    /// The text under `name` when it chooses the code.
    private func takeChoice(_ name: String, from given: inout ArgumentNode) throws(FieldError) -> String? {
        guard shape.family.names(besides: shape.blocks.first).contains(name),
            let node = given.members.removeValue(forKey: name)
        else { return nil }
        guard let text = node.text, node.members.isEmpty else { throw .unknown(name + ".", known: [name]) }
        return text
    }

    /// The code's size bits when they are not given: room for what is given; for a reply, the greatest.
    private func impliedSize(_ given: ArgumentNode) throws(FieldError) -> Int {
        guard let sizes = shape.family.sizes, let root = shape.blocks.first else { return 0 }
        for index in root.children {
            if case .codeSize(let unit) = shape.blocks[index].amount {
                let name = shape.blocks[index].name
                let count = try explicitCount(index, given.members[name] ?? ArgumentNode(), name)
                return shape.family.size(for: (count ?? 0) * unit)
            }
        }
        guard case .fixed(.input) = root.route else { return shape.family.size(for: sizes.upperBound) }
        var end = 0
        for field in root.fields {
            guard let text = given.members[field.name]?.text else { continue }
            end = max(
                end,
                field.isNumber ? field.end : field.offset + (try content(text, of: field, field.name)).count)
        }
        return shape.family.size(for: end)
    }

    private mutating func append(_ count: Int) throws(FieldError) {
        guard bytes.count + count <= Limits.payload else {
            throw .tooLarge(size: bytes.count + count, maximum: Limits.payload)
        }
        bytes.append(contentsOf: repeatElement(0, count: count))
    }
}

// One element and what it holds.
extension ArgumentEncoder {
    private mutating func fill(
        _ index: Int, _ node: ArgumentNode, _ path: String, at base: Int, size: Int
    ) throws(FieldError) {
        try checkNames(of: node, in: index, path)
        let block = shape.blocks[index]
        for field in block.fields {
            let member = field.name.isEmpty ? node : node.members[field.name]
            guard let member, !member.isEmpty else { continue }
            let name = fieldPath(path, field.name)
            guard let text = member.text, field.name.isEmpty || member.members.isEmpty else {
                throw .unwanted(name, why: "it is one value, nothing lies inside")
            }
            try write(text, to: field, name, at: base, size: size)
        }
        for selector in shape.selectors where selector.block == index && selector.field.end <= size {
            if node.members[selector.field.name] == nil {
                selector.field.store(selector.value, in: &bytes, at: base)
            }
        }
        for child in block.children { try writeCount(of: child, node, path, at: base, size: size) }
        for child in block.children {
            let name = shape.blocks[child].name
            let member = node.members[name] ?? ArgumentNode()
            try fillChild(child, member, fieldPath(path, name), at: base, size: size)
        }
    }

    private func checkNames(of node: ArgumentNode, in index: Int, _ path: String) throws(FieldError) {
        guard !node.isEmpty else { return }
        let known = shape.known(in: index)
        if node.text != nil, !shape.blocks[index].isValues {
            throw .unwanted(path, why: "it is a struct; give its fields: \(known.joined(separator: ", "))")
        }
        if let unknown = node.members.keys.filter({ !known.contains($0) }).min() {
            throw .unknown(fieldPath(path, unknown), known: index == 0 ? shape.argumentPaths : known)
        }
    }

    private mutating func write(
        _ text: String, to field: FieldShape, _ path: String, at base: Int, size: Int
    ) throws(FieldError) {
        guard field.isNumber else {
            let content = try content(text, of: field, path)
            // Of a block that is cut short, a run of bytes may be cut short too.
            let room = max(0, min(field.size, size - field.offset))
            guard content.count <= room else { throw .tooLong(field: path, count: content.count, size: room) }
            let start = base + field.offset
            if !content.isEmpty { bytes.replaceSubrange(start..<start + content.count, with: content) }
            return
        }
        guard field.end <= size else { throw .outside(field: path, end: field.end, size: size) }
        field.store(try FieldText(path).value(text, of: field), in: &bytes, at: base)
    }

    private func content(_ text: String, of field: FieldShape, _ path: String) throws(FieldError) -> [UInt8] {
        field.kind == .text ? try FieldText(path).characters(text) : try FieldText(path).bytes(text)
    }
}

// What an element holds.
extension ArgumentEncoder {
    /// Elements, or bytes, that were given outright; nil when that says nothing about how many there are.
    private func explicitCount(_ index: Int, _ node: ArgumentNode, _ path: String) throws(FieldError) -> Int?
    {
        let block = shape.blocks[index]
        if node.isEmpty || node.text == Self.none { return nil }
        if block.isList { return try node.elements(path, maximum: block.maximum).count }
        guard block.elementSize == nil, let text = node.text else { return nil }
        return try FieldText(path).bytes(text).count
    }

    /// As pointers are left out that may be.
    private static let none = "none"

    /// Fills in the field that counts the child, unless it was given.
    private mutating func writeCount(
        of index: Int, _ node: ArgumentNode, _ holder: String, at base: Int, size: Int
    ) throws(FieldError) {
        let block = shape.blocks[index]
        guard case .field(let field) = block.amount, node.members[field.name] == nil, field.end <= size else {
            return
        }
        let path = fieldPath(holder, block.name)
        let member = node.members[block.name] ?? ArgumentNode()
        var count = try explicitCount(index, member, path)
        if count == nil, !member.members.isEmpty || shape.isSelecting[index] && !block.isList {
            // Its fields are given, not its bytes: as long as all of them.
            count = block.elementSize == nil ? block.fields.map(\.end).max() ?? 0 : 1
        }
        guard let count, Int128(count) > field.load(bytes, at: base) else { return }
        try check(count, of: block, path)
        guard field.range.contains(Int128(count)) else {
            throw .tooMany(field: path, count: count, maximum: Int(clamping: field.range.upperBound))
        }
        field.store(Int128(count), in: &bytes, at: base)
    }

    private func check(_ count: Int, of block: BlockShape, _ path: String, most: Int? = nil)
        throws(FieldError)
    {
        let most = min(most ?? block.maximum, block.maximum)
        guard count > most else { return }
        throw block.elementSize == nil
            ? .tooLong(field: path, count: count, size: most)
            : .tooMany(field: path, count: count, maximum: most)
    }

    private mutating func fillChild(
        _ index: Int, _ node: ArgumentNode, _ path: String, at base: Int, size: Int
    ) throws(FieldError) {
        let block = shape.blocks[index]
        if case .pointer(let isNullable) = block.place {
            guard let direction = try direction(of: block, node, path, at: base, isNullable) else { return }
            return try fillPointer(index, node, path, at: base, direction, isNullable)
        }
        let count = try count(index, node, path, at: base)
        let end = block.offset + count * (block.elementSize ?? 1)
        guard end <= size else { throw .outside(field: path, end: end, size: size) }
        try fillElements(index, node, path, count, at: base + block.offset)
    }

    /// Which way what the pointer refers to goes; nil when there is nothing.
    private func direction(
        of block: BlockShape, _ node: ArgumentNode, _ path: String, at base: Int, _ isNullable: Bool
    ) throws(FieldError) -> BlockShape.Direction? {
        if node.text == Self.none {
            guard isNullable else { throw .unwanted(path, why: "it cannot be left out") }
            return nil
        }
        switch block.route.way(bytes, at: base) {
        case .goes(let direction): return direction
        case .nowhere:
            guard node.isEmpty else { throw .unwanted(path, why: "another field says that there is none") }
            return nil
        case .unsaid:
            throw .missing(path, why: "\(block.route.selector ?? "a field") does not say which way it goes")
        }
    }

    private mutating func fillPointer(
        _ index: Int, _ node: ArgumentNode, _ path: String, at base: Int, _ direction: BlockShape.Direction,
        _ isNullable: Bool
    ) throws(FieldError) {
        let block = shape.blocks[index]
        let count = try count(index, node, path, at: base)
        guard count > 0 else {
            guard node.members.isEmpty else { throw .unwanted(path, why: "its length is 0") }
            guard isNullable else { throw .missing(path, why: block.amount.hint(direction)) }
            return
        }
        if direction == .output {
            guard node.isEmpty else { throw .unwanted(path, why: "it comes back; give only its length") }
        } else if isNullable, node.isEmpty, !shape.isSelecting[index] {
            return
        }
        bytes[base + block.offset] = 1
        guard direction.isFromClient else { return }
        let start = bytes.count
        try append(count * (block.elementSize ?? 1))
        try fillElements(index, node, path, count, at: start)
    }

    /// As many as the argument's bytes say now, and no fewer than were given.
    private func count(_ index: Int, _ node: ArgumentNode, _ path: String, at base: Int) throws(FieldError)
        -> Int
    {
        let block = shape.blocks[index]
        let count = Int(clamping: block.amount.value(bytes, at: base, code))
        try check(count, of: block, path)
        if let given = try explicitCount(index, node, path) { try check(given, of: block, path, most: count) }
        return max(count, 0)
    }

    private mutating func fillElements(
        _ index: Int, _ node: ArgumentNode, _ path: String, _ count: Int, at base: Int
    ) throws(FieldError) {
        let block = shape.blocks[index]
        guard let stride = block.elementSize else {
            guard let text = node.text else { return try fill(index, node, path, at: base, size: count) }
            let content = try FieldText(path).bytes(text)
            if !content.isEmpty { bytes.replaceSubrange(base..<base + content.count, with: content) }
            return
        }
        guard block.isList else { return try fill(index, node, path, at: base, size: stride) }
        let given = try node.elements(path, maximum: block.maximum)
        let isMore = !block.children.isEmpty || shape.isSelecting[index]
        for element in 0..<(isMore ? count : given.count) {
            let node = element < given.count ? given[element] : ArgumentNode()
            try fill(index, node, fieldPath(path, String(element)), at: base + element * stride, size: stride)
        }
    }
}
