import RingProtocol

/// One of the client's other slots, as a command that takes a descriptor needs it.
public struct HeldSlot: Sendable {
    public let file: OpenFileID
    /// Name of the profile of what is open there.
    public let profile: String

    public init(file: OpenFileID, profile: String) {
        self.file = file
        self.profile = profile
    }
}

extension Grant {
    /// What `authorize` would say of a command that changes nothing and of which every argument of its size is allowed,
    /// without limits: an index and a compare. nil for all else, and for what is refused.
    @inlinable @inline(__always)
    public func authorizePlain(_ entry: Entry, on file: OpenFileID) -> AuthorizedCommand? {
        let index = find(entry.subOpcode)
        guard index >= 0 else { return nil }
        let granted = command(index)
        guard granted.pointee.isUnconditional, granted.pointee.limit == 0, entry.operation == .command,
            entry.offset == 0, entry.argument.count == granted.pointee.argumentSize
        else { return nil }
        return AuthorizedCommand(
            granted, entry, on: file, limit: 0, timeout: granted.pointee.timeout, isMutating: false)
    }

    /// The same of `entry`, which `submission` gave last, and of those behind it that differ from it in nothing that is
    /// decided by: what is the same has the same answer. They are taken from the submission.
    @inlinable @inline(__always)
    public func authorizeRow(
        _ entry: Entry, _ submission: inout Submission, on file: OpenFileID
    ) -> AuthorizedRow? {
        guard let command = authorizePlain(entry, on: file) else { return nil }
        return AuthorizedRow(command, submission.row(from: entry))
    }

    /// Decides one entry on an open file: the only other way to an `AuthorizedCommand`.
    ///
    /// `layout` is the caller's to keep, so that deciding allocates nothing. `slots` tells what the client has open.
    public func authorize(
        _ entry: Entry, on file: OpenFileID, _ layout: inout Layout, slots: (FileSlot) -> HeldSlot?
    ) throws(Refusal) -> AuthorizedCommand {
        switch entry.operation {
        case .command: try authorizeCommand(entry, on: file, &layout, slots)
        case .read: try authorizeRead(entry, on: file)
        case .write: try authorizeWrite(entry, on: file)
        case .sync: try authorizeSync(entry, on: file)
        case .poll: try authorizePoll(entry, on: file)
        default: throw Refusal(.unsupported, "the operation is not one that runs on an open file")
        }
    }

    private func authorizeCommand(
        _ entry: Entry, on file: OpenFileID, _ layout: inout Layout, _ slots: (FileSlot) -> HeldSlot?
    ) throws(Refusal) -> AuthorizedCommand {
        let index = find(entry.subOpcode)
        guard index >= 0 else { throw notGranted(entry) }
        let granted = command(index)
        guard granted.pointee.isFlat else {
            return try authorizeBlocks(granted, entry, on: file, &layout, slots)
        }
        guard entry.argument.count == granted.pointee.argumentSize, entry.offset == 0 else {
            throw wrongShape(granted.pointee, entry)
        }
        let details = details[granted.pointee.details]
        let (limit, timeout) = try checkConditions(details, entry.argument)
        return AuthorizedCommand(
            granted, entry, on: file, limit: limit, timeout: timeout,
            isMutating: details.shape.effect != .read)
    }

    /// The bounds of the first alternative that allows this argument of one struct.
    private func checkConditions(
        _ details: Details, _ argument: WireBytes
    ) throws(Refusal) -> (limit: Int, timeout: UInt32) {
        if argument.count > 0 {
            try details.shape.plan.proveReserved(0, argument, at: 0, end: argument.count)
        }
        for index in details.alternatives.indices
        where details.alternatives[index].conditions.hold(in: argument) {
            return (details.alternatives[index].limit, details.alternatives[index].timeout)
        }
        throw constraintFailed(details, argument)
    }

    // MARK: Reading and writing

    private func authorizeRead(_ entry: Entry, on file: OpenFileID) throws(Refusal) -> AuthorizedCommand {
        guard let count = ReadArgument.decode(entry)?.count, entry.subOpcode.code == 0, count > 0,
            count <= Limits.payload
        else { throw Refusal(.shape, "a read has sub-opcode 0 and asks for 1 to \(Limits.payload) bytes") }
        let right = try checkTransfer(reads, "reading", readNever, observesReads, entry.offset, count)
        return AuthorizedCommand(
            .read, entry, on: file, replySize: count, limit: right ?? 0, isObserved: right == nil)
    }

    private func authorizeWrite(_ entry: Entry, on file: OpenFileID) throws(Refusal) -> AuthorizedCommand {
        guard entry.argument.count > 0, entry.subOpcode.code == 0 else {
            throw Refusal(.shape, "a write has sub-opcode 0 and carries at least one byte")
        }
        let right = try checkTransfer(
            writes, "writing", writeNever, observesWrites, entry.offset, entry.argument.count)
        return AuthorizedCommand(.write, entry, on: file, limit: right ?? 0, isObserved: right == nil)
    }

    private func authorizeSync(_ entry: Entry, on file: OpenFileID) throws(Refusal) -> AuthorizedCommand {
        guard entry.argument.count == 0, entry.offset == 0, entry.subOpcode.code == 0 else {
            throw Refusal(.shape, "a sync has no argument, offset or sub-opcode")
        }
        guard let right = writes.first else {
            throw Refusal(.noRule, "no rule allows writing to `\(device.name)`")
        }
        return AuthorizedCommand(.sync, entry, on: file, limit: right.limit)
    }

    /// Waiting for room to write needs the right to write, all else the right to read.
    private func authorizePoll(_ entry: Entry, on file: OpenFileID) throws(Refusal) -> AuthorizedCommand {
        guard let events = entry.pollEvents else {
            throw Refusal(.shape, "a poll has a set of events as its sub-opcode, and no offset")
        }
        var limit = 0
        var isObserved = false
        if events.contains(.writable) {
            let right = try checkTransfer(writes, "writing", writeNever, observesWrites, nil, 0)
            (limit, isObserved) = (right ?? 0, right == nil)
        }
        if events != .writable {
            let right = try checkTransfer(reads, "reading", readNever, observesReads, nil, 0)
            (limit, isObserved) = (right ?? limit, isObserved || right == nil)
        }
        return AuthorizedCommand(.poll, entry, on: file, limit: limit, isObserved: isObserved)
    }

    /// The limits of the rule that allows it; nil when it runs only because the device is observed. Without an offset
    /// no bytes are moved.
    private func checkTransfer(
        _ transfers: [Transfer], _ verb: String, _ never: String?, _ isObserved: Bool, _ offset: UInt64?,
        _ count: Int
    ) throws(Refusal) -> Int? {
        for transfer in transfers
        where offset.map({ transfer.rights.allows(offset: $0, count: count) }) ?? true {
            return transfer.limit
        }
        if let never { throw Refusal(.never, rule: never, "\(verb) `\(device.name)` is never allowed") }
        if isObserved { return nil }
        guard let nearest = transfers.first else {
            throw Refusal(.noRule, "no rule allows \(verb) `\(device.name)`")
        }
        throw Refusal(.constraint, rule: nearest.rule, "\(verb) is allowed for \(nearest.rights.words)")
    }

    // MARK: The words of a refusal; never on the way of a command that runs

    func notGranted(_ entry: Entry) -> Refusal {
        let code = entry.subOpcode
        let shapes = device.commands(code)
        // What a profile describes is a ring command or the gateway's own, with a number that ioctl(2) has as well.
        if shapes.isEmpty, let name = BuiltInNevers.anyName(of: code) {
            return Refusal(.never, rule: "never/\(name)", "\(name) (\(code)) is never allowed on any device")
        }
        guard let shape = shapes.first(where: { $0.isMeant(by: entry) }) ?? shapes.first else {
            return Refusal(.noRule, "profile `\(device.profile.name)` describes no sub-opcode \(code)")
        }
        guard shapes.count == 1 || shape.isMeant(by: entry) else {
            return Refusal(
                .noRule, "profile `\(device.profile.name)` describes no sub-opcode \(code) with this argument"
            )
        }
        if shape.isGuarded {
            return Refusal(
                .never, rule: "never/\(shape.name)",
                "\(shape.name) (\(code)) destroys, and no rule names it under `destructive`")
        }
        return Refusal(.noRule, "no rule allows \(shape.name) (\(code)) on `\(device.name)`")
    }

    private func wrongShape(_ granted: GrantedCommand, _ entry: Entry) -> Refusal {
        let name = details[granted.details].shape.name
        guard entry.offset == 0 else { return Refusal(.shape, "\(name): a command has no offset") }
        return Refusal(
            .shape, "\(name) takes \(granted.argumentSize) bytes of argument, not \(entry.argument.count)")
    }

    private func constraintFailed(_ details: Details, _ argument: WireBytes) -> Refusal {
        let nearest = details.alternatives[0]
        let failed = nearest.conditions.failedWords(in: argument)
        return Refusal(
            .constraint, rule: nearest.rule,
            "\(details.shape.name) needs \(failed.joined(separator: " and "))")
    }
}
