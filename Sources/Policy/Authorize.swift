import RingProtocol

extension Grant {
    /// Decides one entry on an open file: the only way to an `AuthorizedCommand`.
    public func authorize(_ entry: Entry, on file: OpenFileID) throws(Refusal) -> AuthorizedCommand {
        switch entry.operation {
        case .command: try authorizeCommand(entry, on: file)
        case .read: try authorizeRead(entry, on: file)
        case .write: try authorizeWrite(entry, on: file)
        case .sync: try authorizeSync(entry, on: file)
        default: throw Refusal(.unsupported, "the operation is not one that runs on an open file")
        }
    }

    private func authorizeCommand(_ entry: Entry, on file: OpenFileID) throws(Refusal) -> AuthorizedCommand {
        guard let granted = find(entry.subOpcode) else { throw notGranted(entry.subOpcode) }
        guard entry.argument.count == granted.argumentSize, entry.offset == 0 else {
            throw wrongShape(granted, entry)
        }
        if !granted.isUnconditional { try checkConditions(granted, entry.argument) }
        return AuthorizedCommand(granted, entry, on: file)
    }

    private func checkConditions(_ granted: GrantedCommand, _ block: WireBytes) throws(Refusal) {
        let details = details[granted.details]
        if granted.argumentSize > 0 {
            for gap in details.gaps where !block.slice(gap.lowerBound, gap.count).isZero(from: 0) {
                throw Refusal(
                    .shape,
                    "\(details.shape.name): reserved bytes \(gap.lowerBound)..<\(gap.upperBound) must be zero"
                )
            }
        }
        for alternative in details.alternatives
        where alternative.conditions.allSatisfy({ $0.holds(in: block) }) {
            return
        }
        throw constraintFailed(details, block)
    }

    private func authorizeRead(_ entry: Entry, on file: OpenFileID) throws(Refusal) -> AuthorizedCommand {
        guard let count = ReadArgument.decode(entry.argument), entry.subOpcode.code == 0, count > 0,
            count <= Limits.payload
        else { throw Refusal(.shape, "a read has sub-opcode 0 and asks for 1 to \(Limits.payload) bytes") }
        try checkTransfer(reads, "reading", entry.offset, count)
        return AuthorizedCommand(.read, entry, on: file, replySize: count)
    }

    private func authorizeWrite(_ entry: Entry, on file: OpenFileID) throws(Refusal) -> AuthorizedCommand {
        guard entry.argument.count > 0, entry.subOpcode.code == 0 else {
            throw Refusal(.shape, "a write has sub-opcode 0 and carries at least one byte")
        }
        try checkTransfer(writes, "writing", entry.offset, entry.argument.count)
        return AuthorizedCommand(.write, entry, on: file)
    }

    private func authorizeSync(_ entry: Entry, on file: OpenFileID) throws(Refusal) -> AuthorizedCommand {
        guard entry.argument.count == 0, entry.offset == 0, entry.subOpcode.code == 0 else {
            throw Refusal(.shape, "a sync has no argument, offset or sub-opcode")
        }
        guard !writes.isEmpty else { throw Refusal(.noRule, "no rule allows writing to `\(device.name)`") }
        return AuthorizedCommand(.sync, entry, on: file)
    }

    private func checkTransfer(
        _ transfers: [Transfer], _ verb: String, _ offset: UInt64, _ count: Int
    ) throws(Refusal) {
        for transfer in transfers where transfer.rights.allows(offset: offset, count: count) { return }
        guard let nearest = transfers.first else {
            throw Refusal(.noRule, "no rule allows \(verb) `\(device.name)`")
        }
        throw Refusal(.constraint, rule: nearest.rule, "\(verb) is allowed for \(nearest.rights.words)")
    }
}

/// The words of a refusal; never on the way of a command that runs.
extension Grant {
    private func notGranted(_ code: SubOpcode) -> Refusal {
        if let name = BuiltInNevers.name(of: code) {
            return Refusal(.never, rule: "never/\(name)", "\(name) (\(code)) is never allowed on any device")
        }
        guard let shape = device.profile.command(code) else {
            return Refusal(.noRule, "profile `\(device.profile.name)` describes no sub-opcode \(code)")
        }
        return Refusal(.noRule, "no rule allows \(shape.name) (\(code)) on `\(device.name)`")
    }

    private func wrongShape(_ granted: GrantedCommand, _ entry: Entry) -> Refusal {
        let name = details[granted.details].shape.name
        guard entry.offset == 0 else { return Refusal(.shape, "\(name): a command has no offset") }
        return Refusal(
            .shape, "\(name) takes \(granted.argumentSize) bytes of argument, not \(entry.argument.count)")
    }

    private func constraintFailed(_ details: Details, _ block: WireBytes) -> Refusal {
        let nearest = details.alternatives[0]
        let failed = nearest.conditions.filter { !$0.holds(in: block) }.map(\.words)
        return Refusal(
            .constraint, rule: nearest.rule,
            "\(details.shape.name) needs \(failed.joined(separator: " and "))")
    }
}
