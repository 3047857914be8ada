import Glibc
import RingEngine
import RingPolicy
import RingProtocol

/// Cancels: wherever the entry is, in the session's own order, in a timer, or with the engine.
extension GatewayLoop {
    mutating func cancel(_ entry: Entry, _ session: SessionPointer) throws(Refusal) {
        guard let scope = entry.cancelScope else {
            throw Refusal(.shape, "a cancel has a scope of 0 to 2 as its sub-opcode, and what that takes")
        }
        switch scope {
        case .request(let id): cancelRequest(id, entry, session)
        case .slot(let slot):
            let file = session.pointee.state.slots.file(slot)
            cancelMany(entry, on: slot, file.map { .file($0) }, session)
        case .session: cancelMany(entry, on: nil, .session, session)
        }
    }

    private mutating func cancelRequest(_ id: RequestID, _ entry: Entry, _ session: SessionPointer) {
        if cancelWaiting({ $0.requestID == id }, session) > 0 || endDelay(id, session) {
            return answer(entry.requestID, result: 0, session)
        }
        if cancelLease(id, session) { return answer(entry.requestID, result: 0, session) }
        if session.pointee.state.streams[id] != nil {
            return endStream(id, answering: entry.requestID, session)
        }
        cancelOrders.append(
            CancelOrder(
                session: session.pointee.place.index, generation: session.pointee.tagGeneration,
                .request(id), tag: cancelTag(entry, session)))
    }

    private mutating func cancelMany(
        _ entry: Entry, on slot: FileSlot?, _ target: CancelOrder.Target?, _ session: SessionPointer
    ) {
        let count = endWhatWaits(on: slot, session)
        guard let target else { return answer(entry.requestID, result: Int32(count), session) }
        cancelOrders.append(
            CancelOrder(
                session: session.pointee.place.index, generation: session.pointee.tagGeneration, target,
                tag: cancelTag(entry, session), alreadyEnded: Int32(count)))
    }

    /// Ends what no operation of the engine stands for; the result is how many entries that were.
    @discardableResult
    mutating func endWhatWaits(on slot: FileSlot?, _ session: SessionPointer) -> Int {
        commons.enter()
        defer { commons.leave() }
        var count = cancelWaiting(
            { waiting in waiting.isCancellable && (slot == nil || waiting.uses(slot)) }, session)
        if slot == nil {
            for id in session.pointee.delays where endDelay(id, session) { count += 1 }
            for demand in leases.demands(of: session.pointee.number)
            where cancelLease(demand.request.id, session) { count += 1 }
        }
        for id in session.pointee.state.streams.all(on: slot) {
            // Those that run are counted by the engine, whose operation they have.
            if session.pointee.state.streams[id]?.isRunning == false { count += 1 }
            endStream(id, answering: nil, session)
        }
        return count
    }

    private func cancelTag(_ entry: Entry, _ session: SessionPointer) -> OperationTag {
        OperationTag(
            session: session.pointee.place.index, generation: session.pointee.tagGeneration,
            requestID: entry.requestID, slot: FileSlot(0))
    }

    /// Entries that were not issued yet.
    private mutating func cancelWaiting(_ isMeant: (Entry) -> Bool, _ session: SessionPointer) -> Int {
        guard session.pointee.state.sequencer.isActive else { return 0 }
        let count = session.pointee.state.sequencer.cancel(isMeant)
        if count > 0 { advance(session) }
        return count
    }

    /// Ends a request for a lease that waits.
    mutating func cancelLease(_ id: RequestID, _ session: SessionPointer, isExpiry: Bool = false) -> Bool {
        commons.enter()
        defer { commons.leave() }
        leases.advance(to: now)
        guard leases.cancel(.init(session: session.pointee.number, id: id)) else { return false }
        answer(id, result: isExpiry ? -ETIME : -ECANCELED, session)
        settleLeases()
        return true
    }

    private mutating func endDelay(_ id: RequestID, _ session: SessionPointer) -> Bool {
        guard session.pointee.delays.remove(id) != nil else { return false }
        timers.remove(.delay(session.pointee.place, id))
        cancelled(id, session)
        return true
    }

    private mutating func endStream(
        _ id: RequestID, answering cancel: RequestID?, _ session: SessionPointer
    ) {
        guard cancelStream(id, answering: cancel, session) else { return }
        guard session.pointee.state.streams[id] != nil else { return }
        cancelOrders.append(
            CancelOrder(
                session: session.pointee.place.index, generation: session.pointee.tagGeneration,
                .request(id)))
    }

    /// The engine looks at its operations once for all cancels of the turn.
    mutating func cancelInEngine() {
        guard !cancelOrders.isEmpty else { return }
        if commons.mailboxes.count > 1 { passOnCancels() }
        engine.cancel(cancelOrders)
        cancelOrders.removeAll(keepingCapacity: true)
    }

    // MARK: Other loops

    /// An order about a file goes to the loop that has it. One about a request or a session goes from loop to loop, and to
    /// the devices' own processes, this one first; where nobody waits for an answer, to all at once.
    private mutating func passOnCancels() {
        var kept: [CancelOrder] = []
        for order in cancelOrders {
            let isMine = order.generation >> OperationTag.loopShift == UInt32(number)
            if case .file(let file) = order.target, file.loop != number {
                tell(file.loop, .cancel(order))
                continue
            }
            kept.append(order)
            guard isMine, order.target.isAnywhere else { continue }
            guard let tag = order.tag else {
                // Behind what it means, which may have been handed over in this very turn.
                for loop in 0..<UInt8(commons.mailboxes.count) where loop != number {
                    tell(loop, .cancel(order))
                }
                continue
            }
            find(tag)?.pointee.cancels[tag.requestID] = order
        }
        cancelOrders = kept
    }

    /// One loop has answered a cancel: the next is asked, unless that was the last or what was meant was found. True when the
    /// client has to wait.
    mutating func goesOn(_ completion: EngineCompletion, from loop: UInt8, _ session: SessionPointer) -> Bool
    {
        guard case .cancelled = completion.kind,
            let order = session.pointee.cancels[completion.tag.requestID]
        else { return false }
        let isFound = order.target.isRequest && completion.result != -ENOENT
        let next = (loop + 1) % UInt8(commons.mailboxes.count)
        guard !isFound, next != number else {
            session.pointee.cancels[completion.tag.requestID] = nil
            return false
        }
        tell(next, .cancel(order.continued(alreadyEnded: completion.result)))
        return true
    }
}

extension CancelOrder {
    /// The same for another loop, after so many entries.
    fileprivate func continued(alreadyEnded count: Int32) -> CancelOrder {
        CancelOrder(
            session: session, generation: generation, target, isExpiry: isExpiry, tag: tag,
            alreadyEnded: target.isRequest ? 0 : count)
    }
}

extension CancelOrder.Target {
    /// Whether any loop may have what it means.
    fileprivate var isAnywhere: Bool { if case .file = self { false } else { true } }
    fileprivate var isRequest: Bool { if case .request = self { true } else { false } }
}

extension Entry {
    /// Whether cancelling all of a session or slot means it.
    fileprivate var isCancellable: Bool { operation != .cancel && operation != .close }

    /// Whether it runs on the slot.
    fileprivate func uses(_ slot: FileSlot?) -> Bool {
        switch operation {
        case .read, .write, .sync, .poll, .command: self.slot == slot
        default: false
        }
    }
}
