import RingEngine
import RingPolicy
import RingProtocol

/// From an entry to the engine.
extension GatewayLoop {
    /// Decides one entry and starts it, or answers why not.
    @inline(__always)
    mutating func admit(_ entry: Entry, _ session: SessionPointer) {
        do throws(Refusal) {
            // Closes and cancels let a session with a waiting read end in order.
            guard mode == .serving || entry.operation == .close || entry.operation == .cancel else {
                throw Refusal(.draining, "the gateway is stopping")
            }
            try entry.requirePlausible()
            switch entry.operation {
            case .command, .read, .write, .sync: try run(entry, session)
            case .nop: try answerNop(entry, session)
            case .open: try open(entry, session)
            case .close: try close(entry, session)
            case .list: try answerList(entry, session)
            case .describe: try answerDescribe(entry, session)
            default: try admitOptional(entry, session)
            }
        } catch {
            noteDenial(error, of: entry, session)
            refuse(entry.requestID, error, session)
        }
    }

    /// Starts a command in which only policy and credit have a say, and those behind it that are like it in all but their
    /// request ids: what is decided for one is decided for all. False for all else, and for what is refused: nothing was
    /// done about that.
    @inline(__always)
    mutating func admitRow(
        _ entry: Entry, _ submission: inout Submission, _ session: SessionPointer
    ) -> Bool {
        guard entry.operation == .command, entry.flags.isEmpty, entry.timeout == 0, mode == .serving,
            !trace.isOn, let slot = session.pointee.state.slots.plain(entry.slot), slot.file.loop == number
        else { return false }
        // Not a retained reference: counting them would cost as much as deciding.
        return slot.grant._withUnsafeGuaranteedRef { grant in
            guard var row = grant.authorizeRow(entry, &submission, on: slot.file) else { return false }
            session.pointee.reads.add(.init(slot.device, .command, entry.subOpcode), UInt64(row.count))
            start(&row, of: entry, session)
            return true
        }
    }

    @inline(__always)
    private mutating func start(_ row: inout AuthorizedRow, of entry: Entry, _ session: SessionPointer) {
        let charge = entry.argument.count + row.command.replySize
        let tag = OperationTag(
            session: session.pointee.place.index, generation: session.pointee.tagGeneration,
            requestID: entry.requestID, slot: entry.slot, charge: UInt32(charge))
        while row.count > 0 {
            do throws(Refusal) {
                try session.pointee.state.charge(charge)
                do throws(Refusal) {
                    try engine.submit(&row, upTo: charge == 0 ? .max : 1, tag: tag)
                } catch {
                    session.pointee.state.refund(charge)
                    throw error
                }
            } catch {
                refuse(row.first, error, session)
                row.dropFirst()
            }
        }
    }

    /// Operations that need a feature.
    private mutating func admitOptional(_ entry: Entry, _ session: SessionPointer) throws(Refusal) {
        try entry.requireFeature(in: session.pointee.state.features)
        switch entry.operation {
        case .poll: try run(entry, session)
        case .timeout: try wait(entry, session)
        case .credit: try grantCredit(entry, session)
        case .cancel: try cancel(entry, session)
        case .lease: try lease(entry, session)
        case .context: try setContext(entry, session)
        default: throw Refusal(.unsupported, "the operation is unknown, or its feature was not granted")
        }
    }

    @inline(__always)
    private mutating func run(
        _ entry: Entry, _ session: SessionPointer
    ) throws(Refusal) {
        let slot = try session.pointee.state.slots.open(entry.slot)
        // Not a retained reference: counting them would cost as much as deciding.
        let refusal = slot.grant._withUnsafeGuaranteedRef { grant in
            do throws(Refusal) {
                try run(entry, on: slot, by: grant, session)
                return nil as Refusal?
            } catch {
                return error
            }
        }
        if let refusal { throw refusal }
    }

    private mutating func run(
        _ entry: Entry, on slot: SlotTable.OpenSlot, by grant: Grant, _ session: SessionPointer
    ) throws(Refusal) {
        let command = try grant.authorize(entry, on: slot.file, &layout) {
            session.pointee.state.slots.held($0)
        }
        guard !audit.mustRecord(command) else { return try holdForRecord(entry, by: grant, session) }
        if command.isMutating {
            started(entry, session)
        } else if grant.limits[command.limit].recordsEach, audit.log != nil {
            awaitRead(entry, by: grant, session)
        } else if let operation = entry.operation {
            session.pointee.reads.add(.init(slot.device, operation, entry.subOpcode))
        }
        guard slot.file != .gateway else {
            try entry.requireNoDeadline()
            return try administer(command, entry, session)
        }
        guard slot.file != .replay else { return try replay(command, entry, by: grant, session) }
        if slot.isConsole {
            let device = session.pointee.state.slots[entry.slot].device
            if command.action == .read { return try readConsole(entry, device, session) }
            if command.action != .poll { try requireWriter(device, session) }
        }
        guard !entry.isStream else {
            return try begin(entry, limit: command.limit, isMetered: slot.isMetered, session)
        }
        guard command.transport != .procedure else {
            try entry.requireNoDeadline()
            return try start(
                entry, on: grant.device, limit: command.limit, isMetered: slot.isMetered, session)
        }
        let isObserved = command.isObserved
        let charge = entry.argument.count + command.replySize
        try session.pointee.state.charge(charge)
        var tag = OperationTag(
            session: session.pointee.place.index, generation: session.pointee.tagGeneration,
            requestID: entry.requestID,
            slot: entry.slot, charge: UInt32(charge))
        do throws(Refusal) {
            if slot.isMetered || command.limit != 0 {
                tag = try count(tag, limit: command.limit, isMetered: slot.isMetered, session)
            }
            if command.hasBlocks, let gives = command.extras?.gives {
                tag = try reserve(gives.slot, handle: gives.handle, of: grant, tag, session)
            }
            try submit(command, entry, by: grant, tag: tag, of: session)
        } catch {
            takeBack(tag, entry, session)
            throw error
        }
        if entry.timeout != 0 { watchDeadline(entry, session) }
        if isObserved { noteObserved(entry, session) }
    }

    /// Undoes what was counted and set aside for an entry that did not start after all, or was answered at
    /// once.
    mutating func takeBack(_ tag: OperationTag, _ entry: Entry, _ session: SessionPointer) {
        session.pointee.state.refund(Int(tag.charge))
        let counted = Counted(bits: tag.meters)
        uncount(counted, session)
        guard tag.slot != entry.slot else { return }
        session.pointee.state.slots.free(tag.slot)
        left(counted.device, session.pointee.number)
    }

    // MARK: Limits

    /// Counts an entry against the limits of its rule and its device, or refuses it when either is reached.
    mutating func count(
        _ tag: OperationTag, limit: Int, isMetered: Bool, _ session: SessionPointer
    ) throws(Refusal) -> OperationTag {
        let rule = try session.pointee.state.checkRule(tag.slot, limit: limit, now: now)
        let device = session.pointee.state.slots[tag.slot].device
        if isMetered {
            commons.enter()
            defer { commons.leave() }
            try devices.check(device, now: now)
            devices[device].meter.enter()
        }
        session.pointee.state.meters.enter(rule)
        return tag.counted(Counted(device: isMetered ? device : 0, isMetered: isMetered, rule: rule))
    }

    /// The entry has come back, or never started.
    mutating func uncount(_ counted: Counted, _ session: SessionPointer?) {
        if counted.isMetered {
            commons.enter()
            devices[counted.device].meter.leave()
            commons.leave()
        }
        session?.pointee.state.meters.leave(counted.rule)
    }
}

extension OperationTag {
    /// The same, counted by something else.
    func counted(_ counted: Counted, slot: FileSlot? = nil) -> OperationTag {
        OperationTag(
            session: session, generation: generation, requestID: requestID, slot: slot ?? self.slot,
            charge: charge, meters: counted.bits)
    }
}
