import RingEngine
import RingPolicy
import RingProtocol

/// How the slots of a session are filled and emptied.
extension GatewayLoop {
    mutating func open(
        _ entry: Entry, _ session: SessionPointer
    ) throws(Refusal) {
        try entry.requireZero(slot: true, offset: true, argument: true)
        let authorized = try session.pointee.rights.policy.authorizeOpen(entry.argument)
        try session.pointee.state.slots.checkFree(entry.slot)
        let grant = authorized.grant
        awaitOpen(entry, grant.device.name, session)
        let device = try enter(grant.device, session.pointee.number, epoch: entry.offset)
        let meters = session.pointee.state.meters.indices(for: grant, now: now)
        session.pointee.state.slots.reserve(
            entry.slot, grant, device: device, isMetered: grant.device.limits.needsMeter, meters: meters)
        guard grant.device.kind != .gateway else {
            _ = session.pointee.state.slots.fill(entry.slot, .gateway)
            return answer(entry, with: [], session)
        }
        guard !isReplayed(grant.device) else {
            _ = session.pointee.state.slots.fill(entry.slot, .replay)
            answer(entry, with: [], session)
            return greet(device)
        }
        do throws(Refusal) {
            try openFile(
                authorized, on: device, tag: fileTag(entry.slot, device, session, answering: entry.requestID),
                of: session)
        } catch {
            session.pointee.state.slots.free(entry.slot)
            left(device, session.pointee.number)
            throw error
        }
        if entry.timeout != 0 { watchDeadline(entry, session) }
    }

    /// Sets the slot aside that a command's file is to fill; it belongs to the slot the command runs on.
    mutating func reserve(
        _ slot: FileSlot, handle: Int, of grant: Grant, _ tag: OperationTag, _ session: SessionPointer
    ) throws(Refusal) -> OperationTag {
        try session.pointee.state.slots.checkFree(slot)
        let owner = session.pointee.state.slots[tag.slot]
        let given = grant.handles[handle].grant
        let meters = session.pointee.state.meters.indices(for: given, now: now)
        session.pointee.state.slots.reserve(
            slot, given, device: owner.device, isMetered: owner.isMetered, meters: meters, owner: tag.slot)
        enterAgain(owner.device, session.pointee.number)
        var counted = Counted(bits: tag.meters)
        counted.device = owner.device
        return tag.counted(counted, slot: slot)
    }

    mutating func close(
        _ entry: Entry, _ session: SessionPointer
    ) throws(Refusal) {
        try entry.requireZero(slot: true)
        for closing in try session.pointee.state.slots.beginClose(entry.slot) {
            let isAskedFor = closing.slot == entry.slot
            close(closing, session, answering: isAskedFor ? entry.requestID : .none)
        }
    }

    /// Closes a file whose slot has been told; nobody is answered unless somebody asked.
    mutating func close(
        _ closing: SlotTable.Closing, _ session: SessionPointer,
        answering requestID: RequestID = .none
    ) {
        endRestingStreams(on: closing.slot, session)
        guard closing.file != .gateway, closing.file != .replay else {
            session.pointee.state.slots.free(closing.slot)
            left(closing.device, session.pointee.number)
            if requestID != .none { answer(requestID, with: [], session) }
            return
        }
        closeFile(
            closing.file,
            tag: fileTag(closing.slot, closing.device, session, answering: requestID))
    }

    private func fileTag(
        _ slot: FileSlot, _ device: DeviceTable.Index, _ session: SessionPointer,
        answering requestID: RequestID
    ) -> OperationTag {
        OperationTag(
            session: session.pointee.place.index, generation: session.pointee.tagGeneration,
            requestID: requestID, slot: slot,
            meters: Counted(device: device).bits)
    }

    // MARK: What became of it

    /// A file has come. The result says why it goes at once, when its end was decided while it was on its
    /// way.
    mutating func fill(
        _ file: OpenFileID, _ tag: OperationTag, _ session: SessionPointer?
    ) -> SlotEnding? {
        // A session that is on its way out has given up its slots; the file goes the same way.
        guard let session, !session.pointee.isOver else {
            closeUnasked(file, tag)
            return nil
        }
        let ending = session.pointee.state.slots.fill(tag.slot, file)
        if ending != nil { closeUnasked(file, tag) }
        return ending
    }

    private mutating func closeUnasked(_ file: OpenFileID, _ tag: OperationTag) {
        closeFile(
            file,
            tag: OperationTag(
                session: tag.session, generation: tag.generation, requestID: .none, slot: tag.slot,
                meters: Counted(device: Counted(bits: tag.meters).device).bits))
    }

    /// A file is closed, or did not come.
    mutating func empty(_ tag: OperationTag, _ session: SessionPointer?) {
        if let session, !session.pointee.isOver { session.pointee.state.slots.free(tag.slot) }
        let device = Counted(bits: tag.meters).device
        // A console's file counts for nobody, nor one that came after its client was told that it had not.
        if device != 0 { left(device, session?.pointee.number ?? 0) }
    }
}
