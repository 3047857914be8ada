import RingEngine
import RingPolicy
import RingProtocol

/// How the slots of a session are filled and emptied.
extension GatewayLoop {
    mutating func open(
        _ entry: Entry, _ connection: ConnectionPointer, _ index: UInt32
    ) throws(Refusal) {
        try requireZero(entry, slot: true, argument: true)
        guard let rights = connection.pointee.rights else { throw Refusal(.noRule, "nobody is recognized") }
        let authorized = try rights.policy.authorizeOpen(entry.argument)
        try connection.pointee.state.slots.checkFree(entry.slot)
        let grant = authorized.grant
        let device = try devices.enter(grant.device, session: connection.pointee.session, now: now)
        let meters = connection.pointee.state.meters.indices(for: grant, now: now)
        connection.pointee.state.slots.reserve(
            entry.slot, grant, device: device, isMetered: grant.device.limits.needsMeter, meters: meters)
        guard grant.device.kind != .gateway else {
            _ = connection.pointee.state.slots.fill(entry.slot, .gateway)
            return answer(entry, with: [], connection, index)
        }
        do throws(Refusal) {
            try engine.open(
                authorized, tag: fileTag(entry.slot, device, connection, index, answering: entry.requestID))
        } catch {
            connection.pointee.state.slots.free(entry.slot)
            devices.left(device)
            throw error
        }
    }

    /// Sets the slot aside that a command's file is to fill; it belongs to the slot the command runs on.
    mutating func reserve(
        _ slot: FileSlot, handle: Int, of grant: Grant, _ tag: OperationTag, _ connection: ConnectionPointer
    ) throws(Refusal) -> OperationTag {
        try connection.pointee.state.slots.checkFree(slot)
        let owner = connection.pointee.state.slots[tag.slot]
        let given = grant.handles[handle].grant
        let meters = connection.pointee.state.meters.indices(for: given, now: now)
        connection.pointee.state.slots.reserve(
            slot, given, device: owner.device, isMetered: owner.isMetered, meters: meters, owner: tag.slot)
        devices.enterAgain(owner.device)
        var counted = Counted(bits: tag.meters)
        counted.device = owner.device
        return tag.counted(counted, slot: slot)
    }

    mutating func close(
        _ entry: Entry, _ connection: ConnectionPointer, _ index: UInt32
    ) throws(Refusal) {
        try requireZero(entry, slot: true)
        for closing in try connection.pointee.state.slots.beginClose(entry.slot) {
            let isAskedFor = closing.slot == entry.slot
            close(closing, connection, index, answering: isAskedFor ? entry.requestID : .none)
        }
    }

    /// Closes a file whose slot has been told; nobody is answered unless somebody asked.
    mutating func close(
        _ closing: SlotTable.Closing, _ connection: ConnectionPointer, _ index: UInt32,
        answering requestID: RequestID = .none
    ) {
        guard closing.file != .gateway else {
            connection.pointee.state.slots.free(closing.slot)
            devices.left(closing.device)
            if requestID != .none { answer(requestID, with: [], connection, index) }
            return
        }
        engine.close(
            closing.file,
            tag: fileTag(closing.slot, closing.device, connection, index, answering: requestID))
    }

    private func fileTag(
        _ slot: FileSlot, _ device: DeviceTable.Index, _ connection: ConnectionPointer, _ index: UInt32,
        answering requestID: RequestID
    ) -> OperationTag {
        OperationTag(
            session: index, generation: connection.pointee.generation, requestID: requestID, slot: slot,
            meters: Counted(device: device).bits)
    }

    // MARK: What became of it

    /// A file has come. The result says why it goes at once, when its end was decided while it was on its
    /// way.
    mutating func fill(
        _ file: OpenFileID, _ tag: OperationTag, _ connection: ConnectionPointer?
    ) -> SlotEnding? {
        // A session that is on its way out has given up its slots; the file goes the same way.
        guard let connection, connection.pointee.isServed else {
            closeUnasked(file, tag)
            return nil
        }
        let ending = connection.pointee.state.slots.fill(tag.slot, file)
        if ending != nil { closeUnasked(file, tag) }
        return ending
    }

    private mutating func closeUnasked(_ file: OpenFileID, _ tag: OperationTag) {
        engine.close(
            file,
            tag: OperationTag(
                session: tag.session, generation: tag.generation, requestID: .none, slot: tag.slot,
                meters: Counted(device: Counted(bits: tag.meters).device).bits))
    }

    /// A file is closed, or did not come.
    mutating func empty(_ tag: OperationTag, _ connection: ConnectionPointer?) {
        devices.left(Counted(bits: tag.meters).device)
        guard let connection, connection.pointee.isServed else { return }
        connection.pointee.state.slots.free(tag.slot)
    }
}

extension RequestID {
    /// No entry: what it ends up in is answered to nobody. Clients cannot use the number.
    static var none: RequestID { RequestID(0) }
}
