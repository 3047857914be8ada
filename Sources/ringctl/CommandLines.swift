import RingProtocol

// Commands in words, as `describe` shows them.

extension CommandDescription {
    var lines: [String] {
        let head =
            "\(name) \(SubOpcode(code)) (\(effect), argument \(argumentSize), reply \(replySize))  \(summary)"
        return [head] + (codes?.lines ?? []) + members(of: 0, indent: 1)
            + (selectors ?? []).map { "    means this command with \($0.field) = \($0.value)" }
            + constraints.map { "    allowed: " + $0.joined(separator: " and ") }
            + (gives.map { ["    gives a file: \($0)"] } ?? [])
            + (timeout.map { ["    given up after \($0) ms"] } ?? [])
    }

    /// Fields and blocks of a block, by position; 0 is the argument's own struct.
    private func members(of block: Int, indent: Int) -> [String] {
        let blocks = (blocks ?? []).prefix(32)
        let fields = block == 0 ? fields : blocks[block - 1].fields
        let margin = String(repeating: "    ", count: indent)
        var members = fields.filter { !$0.name.isEmpty }.map { (at: $0.offset, lines: [margin + $0.words]) }
        // A parent comes before its children, so this ends even for a description that is nonsense.
        for (index, child) in blocks.enumerated() where child.parent == block && index + 1 > block {
            let head = margin + child.words(in: block == 0 ? "" : blocks[block - 1].path)
            members.append((child.offset, [head] + self.members(of: index + 1, indent: indent + 1)))
        }
        return members.enumerated().sorted { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }
            .flatMap(\.element.lines)
    }
}

extension CommandDescription.CodeFamily {
    fileprivate var lines: [String] {
        var lines: [String] = []
        if let sizes, sizes.count == 2 {
            let steps = (step ?? 1) == 1 ? "" : " in steps of \(step ?? 1)"
            lines.append("    size: \(sizes[0]) to \(sizes[1])\(steps), chooses the code")
        }
        if let numbers, numbers.count == 2 {
            lines.append("    number: \(numbers[0]) to \(numbers[1]), chooses the code")
        }
        return lines
    }
}

extension BlockDescription {
    /// `msgs: nmsgs elements of 16 bytes, at most 42, behind a pointer, in`.
    fileprivate func words(in holder: String) -> String {
        let name = holder.isEmpty ? path : String(path.dropFirst(holder.count + 1))
        let isValues = fields.count == 1 && fields[0].name.isEmpty
        let unit =
            elementSize.map { isValues ? "of \(fields[0].type)" : "elements of \($0) bytes" } ?? "bytes"
        let amount = count.map(String.init) ?? countField ?? "as many as the code says"
        var parts = ["\(amount) \(unit)"]
        if count == nil { parts.append("at most \(maximum)") }
        if place == "pointer" { parts.append(nullable ? "behind a pointer, or none" : "behind a pointer") }
        if place == "pointer", let route = direction ?? selects?.words { parts.append(route) }
        if isValues { parts += fields[0].meanings }
        return "\(name): " + parts.joined(separator: ", ")
    }
}

extension BlockDescription.DirectionSelector {
    fileprivate var words: String {
        let ways = [("in", input), ("out", output), ("none", none)].compactMap { way, value in
            value.map { "\(way) when it is \($0)" }
        }
        let bits = mask == .max ? field : "\(field) & 0x\(String(mask, radix: 16))"
        return "\(bits) tells which way: " + ways.joined(separator: ", ")
    }
}

extension FieldDescription {
    /// `ws_row u16`, and what its values mean and must be.
    fileprivate var words: String {
        let size = type == "bytes" || type == "text" ? " \(size)" : ""
        let bits = bits.map { " bits \($0.map(String.init).joined(separator: " to "))" } ?? ""
        return (["\(name) \(type)\(size)\(bits)"] + meanings).joined(separator: "; ")
    }

    fileprivate var meanings: [String] {
        var parts: [String] = []
        if let values {
            let names = values.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map {
                "\($0.key)=\($0.value)"
            }
            parts.append(names.joined(separator: " "))
        }
        if let flags {
            let names = flags.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
                .map { "\($0.key)=0x\(String($0.value, radix: 16))" }
            parts.append("any of " + names.joined(separator: "|"))
        }
        parts += checks ?? []
        if let gives { parts.append("the reply has the slot with the \(gives) given") }
        if let takes { parts.append("slot with a \(takes), or a device's name") }
        return parts
    }
}
