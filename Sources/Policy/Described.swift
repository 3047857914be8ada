import RingProtocol

/// Grants in the words of the wire.
extension Grant {
    /// What the grant allows, in the words of the wire.
    public var description: DeviceDescription {
        DeviceDescription(
            device: device.name, profile: device.profile.name, read: reads.first?.rights.described,
            write: writes.first?.rights.described, commands: details.map(\.described),
            handles: handles.isEmpty ? nil : handles.map(\.grant.description))
    }
}

extension Grant.Details {
    var described: CommandDescription {
        let free = isObserved || alternatives.contains { $0.conditions.isEmpty }
        let blocks = shape.blocks.dropFirst().map(\.described)
        return CommandDescription(
            name: shape.name, code: shape.code.code, engine: shape.transport.word, effect: "\(shape.effect)",
            argumentSize: shape.argumentSize, replySize: shape.replySize,
            fields: shape.blocks.first?.describedFields ?? [],
            constraints: free ? [] : alternatives.map { $0.conditions.conditions.map(\.words) },
            summary: shape.summary,
            codes: shape.pattern.described,
            selectors: shape.selectors.isEmpty ? nil : shape.selectors.compactMap(\.selector),
            blocks: blocks.isEmpty ? nil : Array(blocks), gives: shape.givenProfile,
            timeout: shape.timeout == 0 ? nil : shape.timeout)
    }
}

extension CodePattern {
    var described: CommandDescription.CodeFamily? {
        guard !isExact else { return nil }
        return .init(
            sizes: sizes.map { [$0.lowerBound, $0.upperBound] }, step: sizes == nil ? nil : step,
            numbers: numbers.map { [$0.lowerBound, $0.upperBound] })
    }
}

extension Condition {
    fileprivate var selector: CommandDescription.Selector? {
        guard case .field(_, .equals(let value)) = subject, let value = Int64(exactly: value) else {
            return nil
        }
        return .init(field: path, value: value)
    }
}

extension Direction {
    var word: String {
        switch self {
        case .input: "in"
        case .output: "out"
        case .both: "both"
        }
    }
}

extension Block {
    fileprivate var described: BlockDescription {
        var offset = 0, nullable = false, word = "inline"
        switch place {
        case .root: break
        case .inline(let at): offset = at
        case .pointer(let at, let isNullable): (offset, nullable, word) = (at, isNullable, "pointer")
        }
        var direction: String?
        var selects: BlockDescription.DirectionSelector?
        switch self.direction {
        case .fixed(let fixed): direction = fixed.word
        case .selected(let field, let mask, let input, let output, let none):
            selects = .init(field: field.name, mask: mask, input: input, output: output, none: none)
        }
        var count: Int?, countField: String?, unit: Int?
        switch amount {
        case .constant(let constant): count = constant
        case .field(let field): countField = field.name
        case .codeSize(let size): unit = size
        }
        return BlockDescription(
            path: path, parent: parent, place: word, offset: offset, nullable: nullable, direction: direction,
            selects: selects, elementSize: elementSize, count: count, countField: countField,
            countCodeUnit: unit, maximum: maximum, fields: describedFields)
    }

    fileprivate var describedFields: [FieldDescription] {
        fields.map { field in
            var gives: String?, takes: String?
            switch field.descriptor {
            case .gives(let profile): gives = profile
            case .takes(let profile): takes = profile
            case nil: break
            }
            let checks = field.checks.map { Condition(field, $0, in: self).words }
            return FieldDescription(
                name: field.name, type: field.type.name, offset: field.offset, size: field.size,
                bits: field.bits.map { [$0.lowerBound, $0.upperBound] }, values: field.names?.values,
                flags: field.names?.flags, checks: checks.isEmpty ? nil : checks, gives: gives, takes: takes)
        }
    }
}

extension ValueNames {
    fileprivate var values: [String: Int64]? {
        guard kind == .values else { return nil }
        return Dictionary(names.map { ($0.name, Int64(clamping: $0.value)) }) { first, _ in first }
    }

    fileprivate var flags: [String: UInt64]? {
        guard kind == .flags else { return nil }
        return Dictionary(names.map { ($0.name, UInt64(clamping: $0.value)) }) { first, _ in first }
    }
}

extension TransferRights {
    var described: DeviceDescription.Transfer {
        .init(maxLength: maxLength, window: window.map { [$0.lowerBound, $0.upperBound] })
    }
}
