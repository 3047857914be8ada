import RingProtocol

/// Grants in the words of the wire.
extension Grant {
    /// What the grant allows, in the words of the wire.
    var description: DeviceDescription {
        DeviceDescription(
            device: device.name, profile: device.profile.name, read: reads.first?.rights.described,
            write: writes.first?.rights.described, commands: details.map(\.described))
    }
}

extension Grant.Details {
    var described: CommandDescription {
        let free = alternatives.contains { $0.conditions.isEmpty }
        return CommandDescription(
            name: shape.name, code: shape.code.code, engine: shape.transport == .call ? "call" : "ring",
            effect: "\(shape.effect)", argumentSize: shape.argumentSize, replySize: shape.replySize,
            fields: shape.fields.map {
                FieldDescription(name: $0.name, type: $0.type.name, offset: $0.offset, size: $0.size)
            },
            constraints: free ? [] : alternatives.map { $0.conditions.map(\.words) }, summary: shape.summary)
    }
}

extension TransferRights {
    var described: DeviceDescription.Transfer {
        .init(maxLength: maxLength, window: window.map { [$0.lowerBound, $0.upperBound] })
    }
}
