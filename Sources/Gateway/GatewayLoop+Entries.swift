import RingEngine
import RingPolicy
import RingProtocol

/// From an entry to the engine.
extension GatewayLoop {
    /// Decides one entry and starts it, or answers why not.
    @inline(__always)
    mutating func admit(_ entry: Entry, _ connection: ConnectionPointer, _ index: UInt32) {
        do throws(Refusal) {
            // A close lets a session with a waiting read end in order.
            guard mode == .serving || entry.operation == .close else {
                throw Refusal(.draining, "the gateway is stopping")
            }
            guard entry.timeout == 0 else {
                throw Refusal(.shape, "timeouts were not granted; timeout_ms must be 0")
            }
            switch entry.operation {
            case .command, .read, .write, .sync: try run(entry, connection, index)
            case .nop: try answerNop(entry, connection, index)
            case .open: try open(entry, connection, index)
            case .close: try close(entry, connection, index)
            case .list: try answerList(entry, connection, index)
            case .describe: try answerDescribe(entry, connection, index)
            case .poll, .timeout, .cancel, .lease, nil:
                throw Refusal(.unsupported, "the operation is unknown, or its feature was not granted")
            }
        } catch {
            noteDenial(error, of: entry, connection)
            refuse(entry.requestID, error, connection, index)
        }
    }

    @inline(__always)
    private mutating func run(
        _ entry: Entry, _ connection: ConnectionPointer, _ index: UInt32
    ) throws(Refusal) {
        let slot = try connection.pointee.state.slots.open(entry.slot)
        let command = try slot.grant.authorize(entry, on: slot.file, &layout) {
            connection.pointee.state.slots.held($0)
        }
        guard slot.file != .gateway else {
            return try administer(command, entry, connection, index)
        }
        guard command.transport != .procedure else {
            return try start(
                entry, on: slot.grant.device, limit: command.limit, isMetered: slot.isMetered, connection,
                index)
        }
        let isObserved = command.isObserved
        let charge = entry.argument.count + command.replySize
        try connection.pointee.state.charge(charge)
        var tag = OperationTag(
            session: index, generation: connection.pointee.generation, requestID: entry.requestID,
            slot: entry.slot, charge: UInt32(charge))
        do throws(Refusal) {
            if slot.isMetered || command.limit != 0 {
                tag = try count(tag, limit: command.limit, isMetered: slot.isMetered, connection)
            }
            if let gives = command.extras?.gives {
                tag = try reserve(gives.slot, handle: gives.handle, of: slot.grant, tag, connection)
            }
            try engine.submit(command, tag: tag)
        } catch {
            takeBack(tag, entry, connection)
            throw error
        }
        if isObserved { noteObserved(entry, connection) }
    }

    /// Undoes what was counted and set aside for an entry that did not start after all, or was answered at
    /// once.
    mutating func takeBack(_ tag: OperationTag, _ entry: Entry, _ connection: ConnectionPointer) {
        connection.pointee.state.refund(Int(tag.charge))
        let counted = Counted(bits: tag.meters)
        uncount(counted, connection)
        guard tag.slot != entry.slot else { return }
        connection.pointee.state.slots.free(tag.slot)
        devices.left(counted.device)
    }

    /// Refuses an entry that sets fields its operation does not use.
    func requireZero(_ entry: Entry, slot: Bool = false, argument: Bool = false) throws(Refusal) {
        guard entry.subOpcode.code == 0, entry.offset == 0, slot || entry.slot.index == 0,
            argument || entry.argument.count == 0
        else { throw Refusal(.shape, "a field that this operation does not use is not zero") }
    }

    // MARK: Limits

    /// Counts an entry against the limits of its rule and its device, or refuses it when either is reached.
    mutating func count(
        _ tag: OperationTag, limit: Int, isMetered: Bool, _ connection: ConnectionPointer
    ) throws(Refusal) -> OperationTag {
        let rule = try connection.pointee.state.checkRule(tag.slot, limit: limit, now: now)
        let device = connection.pointee.state.slots[tag.slot].device
        if isMetered {
            try devices.check(device, now: now)
            devices[device].meter.enter()
        }
        connection.pointee.state.meters.enter(rule)
        return tag.counted(Counted(device: isMetered ? device : 0, isMetered: isMetered, rule: rule))
    }

    /// The entry has come back, or never started.
    mutating func uncount(_ counted: Counted, _ connection: ConnectionPointer?) {
        if counted.isMetered { devices[counted.device].meter.leave() }
        connection?.pointee.state.meters.leave(counted.rule)
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
