import RingPolicy

/// What a profile claims about the kernel's headers.
struct KernelClaims {
    typealias Claim = KernelFacts.Claim

    let profile: Profile
    let names: KernelNames
    /// Blocks that no table gives a type.
    private(set) var untyped: [String] = []
    private(set) var facts: [KernelFacts] = []

    init(_ profile: Profile, _ names: KernelNames) {
        self.profile = profile
        self.names = names
        for command in profile.commands { add(command) }
        addValueNames()
    }

    private mutating func add(_ command: CommandShape) {
        let symbol = names.symbol(of: command.name)
        var fact = KernelFacts(symbol: symbol, condition: names.condition(of: symbol))
        fact.claims = codeClaims(command, symbol, expression: nil)
        if let substitute = names.substitutes[symbol] {
            fact.substitutes = codeClaims(command, symbol, expression: substitute)
        }
        for index in command.blocks.indices {
            guard let type = type(of: index, in: command, symbol), type != "-" else { continue }
            var claims: [Claim] = []
            let block = command.blocks[index]
            if let size = block.elementSize ?? constantSize(block) {
                claims.append(
                    .init(
                        label: label(command, block, "size"), value: Int64(size), expression: "sizeof block"))
            }
            describe(index, of: command, type: type, at: "block", &claims)
            fact.scopes.append(KernelFacts.Scope(type: type, claims: claims))
        }
        facts.append(fact)
    }

    /// The C type of a block that is not part of another's memory; nil when there is none to compare.
    private mutating func type(of index: Int, in command: CommandShape, _ symbol: String) -> String? {
        let block = command.blocks[index]
        if index == 0 {
            if command.placement == .value { return nil }
            let type = names.types[command.name] ?? names.types[symbol]
            if type == nil { untyped.append(command.name) }
            return type
        }
        if let type = names.blocks[block.path] { return type }
        if case .pointer = block.place, !block.fields.isEmpty { untyped.append(label(command, block, "")) }
        return nil
    }

    private func constantSize(_ block: Block) -> Int? {
        if case .constant(let size) = block.amount { size } else { nil }
    }

    private func codeClaims(_ command: CommandShape, _ symbol: String, expression: String?) -> [Claim] {
        let pattern = command.pattern
        guard pattern.sizes != nil || pattern.numbers != nil else {
            return [
                .init(
                    label: "\(command.name) code", value: Int64(pattern.base.code),
                    expression: "(unsigned)(\(expression ?? symbol))")
            ]
        }
        let ends = [
            (pattern.sizes?.lowerBound, pattern.numbers?.lowerBound),
            (pattern.sizes?.upperBound, pattern.numbers?.upperBound),
        ]
        return ends.map { size, number in
            let template = names.families[symbol] ?? "\(symbol)(SIZE)"
            let call = template.replacing("SIZE", with: "\(size ?? 0)")
                .replacing("NUMBER", with: "\(number ?? 0)")
            let code = pattern.base.code | UInt32(size ?? 0) << 16 | UInt32(number ?? 0)
            return .init(
                label: "\(command.name) \(call)", value: Int64(code), expression: "(unsigned)(\(call))")
        }
    }

    /// Claims about the fields of a block and of those inside its memory. `place` is its C expression.
    private func describe(
        _ index: Int, of command: CommandShape, type: String, at place: String,
        _ claims: inout [Claim]
    ) {
        let block = command.blocks[index]
        for field in block.fields {
            let label = label(command, block, field.name)
            let parts = members(field.name, of: type, in: command).map { place + $0 }
            claims += position(label, parts, at: place, offset: field.offset, size: field.size)
            guard let range = field.type.range, parts.count == 1 else { continue }
            claims.append(
                .init(
                    label: "\(label) signed", value: range.lowerBound < 0 ? 1 : 0,
                    expression: "(__typeof__(\(parts[0])))-1 < 0"))
        }
        for child in command.blocks.indices.dropFirst() where command.blocks[child].parent == index {
            describeChild(child, of: command, type: type, at: place, &claims)
        }
    }

    /// Claims about where a block, or its address, lies in the struct that holds it; and about the elements
    /// of one that is part of it, unless a table gives it a type of its own.
    private func describeChild(
        _ child: Int, of command: CommandShape, type: String, at place: String, _ claims: inout [Claim]
    ) {
        let block = command.blocks[child]
        guard let bytes = block.range, names.blocks[block.path] == nil || block.isPointer else { return }
        let name = block.path.split(separator: ".").last.map(String.init) ?? ""
        let whole = place + members(name, of: type, in: command)[0]
        claims += position(
            label(command, block, "place"), [whole], at: place, offset: bytes.lowerBound, size: bytes.count)
        guard !block.isPointer else { return }
        let element = block.maximum > 1 ? "\(whole)[0]" : whole
        claims.append(
            .init(
                label: label(command, block, "element"), value: Int64(block.elementSize ?? 0),
                expression: "sizeof \(element)"))
        describe(child, of: command, type: "", at: element, &claims)
    }

    private func position(
        _ label: String, _ parts: [String], at place: String, offset: Int, size: Int
    ) -> [Claim] {
        let first = parts[0], last = parts[parts.count - 1]
        return [
            .init(
                label: "\(label) offset", value: Int64(offset),
                expression: "(char *)&\(first) - (char *)&\(place)"),
            .init(
                label: "\(label) bytes", value: Int64(size),
                expression: "(char *)&\(last) + sizeof \(last) - (char *)&\(first)"),
        ]
    }

    /// What stands behind the struct's expression for a field: one member, or several that it covers.
    private func members(_ field: String, of type: String, in command: CommandShape) -> [String] {
        let members = names.members[type]
        if let members = members?["\(command.name).\(field)"] ?? members?[field] {
            return members.split(separator: "+").map { part in
                let part = part.filter { $0 != " " }
                return part.hasPrefix("[") ? part : ".\(part)"
            }
        }
        let isStruct = type.isEmpty || type.hasPrefix("struct ")
        return [isStruct && !field.isEmpty ? ".\(field)" : ""]
    }

    private func label(_ command: CommandShape, _ block: Block, _ name: String) -> String {
        "\(command.name).\(block.path(of: name))"
    }

    /// Each name of a value or flag once.
    private mutating func addValueNames() {
        guard !names.isSpecified else { return }
        var seen: [String: Int128] = [:]
        for field in profile.commands.flatMap(\.blocks).flatMap(\.fields) {
            for name in field.names?.names ?? [] where !names.specified.contains(name.name) {
                if let other = seen[name.name], other == name.value { continue }
                seen[name.name] = name.value
                var fact = KernelFacts(symbol: name.name, condition: names.condition(of: name.name))
                fact.claims = [
                    .init(
                        label: name.name, value: Int64(truncatingIfNeeded: name.value), expression: name.name)
                ]
                facts.append(fact)
            }
        }
    }
}

extension Block {
    fileprivate var isPointer: Bool { if case .pointer = place { true } else { false } }

    /// Where it, or its address, lies in an element of its holder.
    fileprivate var range: Range<Int>? {
        switch place {
        case .root: nil
        case .inline(let at): at..<at + maximumSize
        case .pointer(let at, _): at..<at + 8
        }
    }
}
