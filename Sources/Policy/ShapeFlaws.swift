import RingProtocol

/// What makes a shape unusable. Whoever builds shapes from a file reports it with its place.
extension CommandShape {
    /// The first flaw in words, or nil.
    public var flaw: String? {
        if let flaw = rootFlaw ?? placementFlaw ?? patternFlaw { return flaw }
        guard blocks.count <= Self.maximumBlocks else { return "more than \(Self.maximumBlocks) blocks" }
        for index in blocks.indices {
            if let flaw = treeFlaw(index) ?? fieldFlaw(index) ?? amountFlaw(index) { return flaw }
        }
        let names = blocks.flatMap { block in
            (block.fields.map(\.name) + block.extents.map(\.name)).map { block.path(of: $0) }
        }
        let named =
            names + blocks.dropFirst().filter { $0.fields.allSatisfy { !$0.name.isEmpty } }.map(\.path)
        if Set(named).count != named.count { return "two fields, blocks or extents have one name" }
        return descriptorFlaw
    }

    private var rootFlaw: String? {
        guard blocks.isEmpty == (placement == .none) else {
            return "a block needs both a placement and a size"
        }
        guard let root = blocks.first else {
            return selectors.isEmpty && direction == .input
                ? nil : "without an argument nothing selects the command"
        }
        guard size > 0 else { return "a block needs both a placement and a size" }
        guard placement == .document || size <= Self.maximumSize else {
            return "block of \(size) bytes; at most \(Self.maximumSize)"
        }
        guard root.place == .root, root.direction == .fixed(direction) else {
            return "the first block is no root"
        }
        if root.elementSize == nil, placement != .document {
            guard root.amount == .codeSize(unit: 1), let sizes = pattern.sizes,
                sizes.upperBound <= root.maximum
            else {
                return "size `code` needs a code with `sizes`"
            }
        }
        return nil
    }

    private var placementFlaw: String? {
        switch placement {
        case .none, .document: nil
        case .parameters:
            transport == .procedure && direction == .input && blocks.count == 1
                ? nil : "parameters are one struct of input for a procedure"
        case .pointer: transport == .call ? nil : "a pointer needs the engine `call`"
        case .value:
            transport == .call && size == 8 && direction == .input
                ? nil : "a value is 8 bytes of input for the engine `call`"
        case .sqeRange:
            transport != .call && size == 16 && direction == .input && blocks.count == 1
                ? nil : "an sqe-range is 16 bytes of input for a ring engine"
        case .sqeCommand:
            transport != .call && direction == .input && size <= (transport == .ring ? 16 : 80)
                ? nil : "an sqe-command is at most 16 bytes of input, 80 on the wide ring"
        case .sqeSocketOption:
            transport == .ring && size == 24 && direction == .input && blocks.count == 2
                && blocks[1].place == .pointer(at: 16, isNullable: false)
                ? nil
                : "an sqe-socket-option is 24 bytes of input with one pointer at 16, for the engine `ring`"
        }
    }

    private var patternFlaw: String? {
        let never =
            transport == .call ? BuiltInNevers.name(in: pattern) : BuiltInNevers.ringNames[pattern.base.code]
        if let never, transport != .gateway {
            return "\(never) is never allowed, so it cannot be described"
        }
        guard pattern.base.code & ~pattern.mask == 0 else {
            return "the code must have zeros where it varies"
        }
        if let sizes = pattern.sizes {
            guard sizes.lowerBound > 0, sizes.upperBound <= 0x3fff, pattern.step > 0 else {
                return "sizes of a code are 1 to 16383, and step at least 1"
            }
            // Clients tell by the size how long the struct is.
            guard blocks.first?.elementSize == nil else {
                return "a code with `sizes` has a struct of size `code`"
            }
        }
        if let numbers = pattern.numbers, numbers.lowerBound < 0 || numbers.upperBound > 255 {
            return "numbers of a code are 0 to 255"
        }
        return nil
    }

    private func treeFlaw(_ index: Int) -> String? {
        guard index > 0 else { return nil }
        let block = blocks[index]
        guard block.parent >= 0, block.parent < index, block.place != .root else {
            return "`\(block.path)` has no holder"
        }
        guard depth(of: index) <= Self.maximumDepth else {
            return "`\(block.path)` lies deeper than \(Self.maximumDepth) levels"
        }
        let parent = blocks[block.parent]
        guard case .fixed(let direction) = parent.direction, direction.isFromClient else {
            return "`\(block.path)` needs a holder that comes from the client"
        }
        return nil
    }

    private func depth(of index: Int) -> Int {
        let block = blocks[index]
        if index == 0 { return 1 }
        return depth(of: block.parent) + (block.place.isInline ? 0 : 1)
    }

    private func fieldFlaw(_ index: Int) -> String? {
        let block = blocks[index]
        let size = block.elementSize ?? block.maximum
        // Nothing can overlap in bytes without fields, of which there may be a million.
        guard !block.fields.isEmpty || !blocks.children(of: index).isEmpty else { return nil }
        var taken = [UInt8](repeating: 0, count: max(0, size))
        for child in blocks.children(of: index) where !isSizedByCode(child) {
            for offset in blocks[child].placeInParent ?? 0..<0 {
                guard taken.indices.contains(offset) else {
                    return "field `\(blocks[child].path)` lies outside the block"
                }
                guard taken[offset] == 0 else { return "`\(blocks[child].path)` overlaps the one before it" }
                taken[offset] = 0xff
            }
        }
        for field in block.fields {
            guard field.size > 0, field.offset >= 0, field.offset <= size - field.size else {
                return "field `\(field.name)` lies outside the block"
            }
            if let bits = field.bits {
                guard field.type.isUnsigned, bits.lowerBound >= 0, bits.upperBound < field.size * 8 else {
                    return "field `\(field.name)` has bits outside its unsigned integer"
                }
            }
            for (offset, mask) in field.masks {
                guard taken[offset] & mask == 0 else {
                    return "field `\(field.name)` overlaps the one before it"
                }
                taken[offset] |= mask
            }
            if !field.checks.isEmpty {
                guard field.type.isInteger, case .fixed(let direction) = block.direction,
                    direction.isFromClient
                else {
                    return "field `\(field.name)` is not a number from the client, so it cannot be checked"
                }
            }
        }
        return nil
    }

    private func amountFlaw(_ index: Int) -> String? {
        let block = blocks[index]
        guard index > 0 else { return nil }
        guard block.maximum > 0, block.elementSize.map({ $0 > 0 }) ?? true,
            block.maximumSize <= Limits.payload
        else {
            return "`\(block.path)` has 1 to \(Limits.payload) bytes"
        }
        switch block.amount {
        case .constant(let count) where count < 1 || count > block.maximum:
            return "`\(block.path)` has a count outside 1 to \(block.maximum)"
        case .field(let field):
            guard field.type.isUnsigned, blocks[block.parent].fields.contains(field) else {
                return "`\(block.path)` is counted by an unsigned field of its holder"
            }
        case .codeSize(let unit) where unit < 1 || pattern.sizes == nil || pattern.step % unit != 0:
            return "`\(block.path)` is counted by a code with `sizes` in steps of \(unit)"
        default: break
        }
        if case .selected(let field, _, _, _, _) = block.direction {
            guard field.type.isInteger, blocks[block.parent].fields.contains(field) else {
                return "the direction of `\(block.path)` is told by a field of its holder"
            }
        }
        return nil
    }

    /// Descriptors occur in the root only, one of them, and only where ioctl(2) runs.
    private var descriptorFlaw: String? {
        let uses = fields.compactMap(\.descriptor)
        guard blocks.dropFirst().allSatisfy({ $0.fields.allSatisfy { $0.descriptor == nil } }) else {
            return "a descriptor lies in the argument's own struct"
        }
        guard usesDescriptors else { return nil }
        guard transport == .call, uses.count + (result == .number ? 0 : 1) == 1 else {
            return "a command gives or takes one descriptor, on the engine `call`"
        }
        for field in fields where field.descriptor != nil {
            guard field.type.size == 4, field.bits == nil else {
                return "descriptor `\(field.name)` has 4 bytes"
            }
            if case .gives = field.descriptor, !direction.isToClient || placement != .pointer {
                return "`\(field.name)` gives a descriptor, so the block must come back"
            }
            if case .takes = field.descriptor, !direction.isFromClient {
                return "`\(field.name)` takes a descriptor, so the block must come from the client"
            }
        }
        return nil
    }
}

extension Block.Place {
    var isInline: Bool { if case .inline = self { true } else { false } }
}
