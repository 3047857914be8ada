import RingProtocol

/// Commands whose argument is more than one struct: pointers, arrays, descriptors, families of codes, and several
/// commands under one code.
extension Grant {
    func authorizeBlocks(
        _ granted: UnsafePointer<GrantedCommand>, _ entry: Entry, on file: OpenFileID, _ layout: inout Layout,
        _ slots: (FileSlot) -> HeldSlot?
    ) throws(Refusal) -> AuthorizedCommand {
        if granted.pointee.transport == .gateway { return try authorizeDocument(granted, entry, on: file) }
        let details = try select(granted, entry, &layout)
        try details.shape.plan.prove(entry.argument, layout)
        let bounds = try decide(details, entry, layout)
        if details.shape.usesDescriptors || !details.redactions.isEmpty {
            layout.storage.extras = try extras(details, entry, slots)
        } else if entry.offset != 0 {
            throw Refusal(.shape, "\(details.shape.name): a command has no offset")
        }
        return AuthorizedCommand(
            granted, entry, on: file, limit: bounds?.limit ?? 0,
            timeout: bounds?.timeout ?? details.shape.timeout, layout,
            isMutating: details.shape.effect != .read, isObserved: bounds == nil)
    }

    /// The one of the commands with this code that the argument means, laid out.
    private func select(
        _ granted: UnsafePointer<GrantedCommand>, _ entry: Entry, _ layout: inout Layout
    ) throws(Refusal) -> Details {
        var index = granted.pointee.details
        var misfit: Refusal?
        var fits = false
        while index >= 0 {
            let candidate = details[index]
            if candidate.shape.couldBeMeant(by: entry) {
                do throws(Refusal) {
                    try layout.lay(candidate.shape, code: entry.subOpcode, entry.argument)
                    fits = true
                    if candidate.shape.plan.selectors.hold(in: entry.argument, layout) { return candidate }
                } catch {
                    misfit = misfit ?? error
                }
            }
            index = candidate.next
        }
        // An argument that fits some command, but means none of those granted, is not one of theirs that is ill-formed.
        if let misfit, !fits, !device.commands(entry.subOpcode).contains(where: { $0.isWellFormed(entry) }) {
            throw misfit
        }
        throw notGranted(entry)
    }

    /// The bounds of the first alternative that allows the argument; nil when it runs only under observation.
    private func decide(
        _ details: Details, _ entry: Entry, _ layout: borrowing Layout
    ) throws(Refusal) -> (limit: Int, timeout: UInt32)? {
        let name = details.shape.name
        for index in details.nevers.indices
        where details.nevers[index].conditions.hold(in: entry.argument, layout) {
            let rule = details.nevers[index].rule
            throw Refusal(.never, rule: rule, "\(name) with these values is never allowed")
        }
        for index in details.alternatives.indices
        where details.alternatives[index].conditions.hold(in: entry.argument, layout) {
            return (details.alternatives[index].limit, details.alternatives[index].timeout)
        }
        if details.isObserved { return nil }
        guard let nearest = details.alternatives.first else { throw notGranted(entry) }
        let failed = nearest.conditions.violations(in: entry.argument, layout).map(\.0.words)
        throw Refusal(.constraint, rule: nearest.rule, "\(name) needs \(failed.joined(separator: " and "))")
    }

    private func extras(
        _ details: Details, _ entry: Entry, _ slots: (FileSlot) -> HeldSlot?
    ) throws(Refusal) -> AuthorizedCommand.Extras? {
        let shape = details.shape
        var extras = AuthorizedCommand.Extras(redactions: details.redactions)
        guard shape.usesDescriptors else {
            guard entry.offset == 0 else { throw Refusal(.shape, "\(shape.name): a command has no offset") }
            return extras
        }
        let field = shape.fields.first { $0.descriptor != nil }
        extras.descriptorAt = field?.offset ?? -1
        if case .takes(let profile) = field?.descriptor {
            guard entry.offset == 0 else { throw Refusal(.shape, "\(shape.name): a command has no offset") }
            extras.takes = try taken(profile, field?.reader, shape, entry, slots)
            return extras
        }
        if let reader = field?.reader, shape.argumentSize > 0, reader.read(entry.argument) != 0 {
            throw Refusal(
                .shape,
                "\(shape.name): \(field?.name ?? "") is where the kernel puts a descriptor; it must be 0")
        }
        guard let slot = UInt16(exactly: entry.offset), details.handle >= 0 else {
            throw Refusal(.shape, "\(shape.name): the offset is the slot to fill, not \(entry.offset)")
        }
        extras.gives = (FileSlot(slot), details.handle, handles[details.handle].grant.device.profile)
        return extras
    }

    private func taken(
        _ profile: String, _ reader: FieldReader?, _ shape: CommandShape, _ entry: Entry,
        _ slots: (FileSlot) -> HeldSlot?
    ) throws(Refusal) -> OpenFileID {
        let value = reader?.read(entry.argument) ?? -1
        guard let number = UInt16(exactly: value), let held = slots(FileSlot(number)) else {
            throw Refusal(.slotNotOpen, "\(shape.name): \(value) is no slot that is open")
        }
        guard held.profile == profile else {
            throw Refusal(
                .shape, "\(shape.name): slot \(number) has profile `\(held.profile)`; it needs `\(profile)`")
        }
        return held.file
    }

    private func authorizeDocument(
        _ granted: UnsafePointer<GrantedCommand>, _ entry: Entry, on file: OpenFileID
    ) throws(Refusal) -> AuthorizedCommand {
        guard entry.offset == 0 else { throw Refusal(.shape, "a command of the gateway has no offset") }
        let details = details[granted.pointee.details]
        guard let free = details.alternatives.first(where: { $0.conditions.isEmpty }) else {
            throw notGranted(entry)
        }
        return AuthorizedCommand(
            granted, entry, on: file, limit: free.limit, timeout: 0, isMutating: details.shape.effect != .read
        )
    }
}

extension CommandShape {
    /// Whether the selectors on the argument's own struct hold, so that it is worth laying out.
    func couldBeMeant(by entry: Entry) -> Bool {
        guard !plan.selectors.isEmpty, let root = plan.parts.first, entry.argument.count >= root.elementSize
        else {
            return true
        }
        return plan.selectors.holdOnRoot(entry.argument)
    }

    /// Whether the entry means this command, for refusals: it may be ill-formed.
    func isMeant(by entry: Entry) -> Bool {
        guard !selectors.isEmpty else { return true }
        guard couldBeMeant(by: entry) else { return false }
        return isWellFormed(entry) || selectors.allSatisfy { $0.block == 0 }
    }

    /// Whether the entry's argument is laid out as one of this command, and means it.
    func isWellFormed(_ entry: Entry) -> Bool {
        var layout = Layout()
        do throws(Refusal) { try layout.lay(self, code: entry.subOpcode, entry.argument) } catch {
            return false
        }
        return plan.selectors.hold(in: entry.argument, layout)
    }
}
