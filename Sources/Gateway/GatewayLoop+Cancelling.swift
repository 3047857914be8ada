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
                session: session.pointee.place.index, generation: session.pointee.place.generation,
                .request(id), tag: cancelTag(entry, session)))
    }

    private mutating func cancelMany(
        _ entry: Entry, on slot: FileSlot?, _ target: CancelOrder.Target?, _ session: SessionPointer
    ) {
        let count = endWhatWaits(on: slot, session)
        guard let target else { return answer(entry.requestID, result: Int32(count), session) }
        cancelOrders.append(
            CancelOrder(
                session: session.pointee.place.index, generation: session.pointee.place.generation, target,
                tag: cancelTag(entry, session), alreadyEnded: Int32(count)))
    }

    /// Ends what no operation of the engine stands for; the result is how many entries that were.
    @discardableResult
    mutating func endWhatWaits(on slot: FileSlot?, _ session: SessionPointer) -> Int {
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
            session: session.pointee.place.index, generation: session.pointee.place.generation,
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
                session: session.pointee.place.index, generation: session.pointee.place.generation,
                .request(id)))
    }

    /// The engine looks at its operations once for all cancels of the turn.
    mutating func cancelInEngine() {
        guard !cancelOrders.isEmpty else { return }
        engine.cancel(cancelOrders)
        cancelOrders.removeAll(keepingCapacity: true)
    }
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
