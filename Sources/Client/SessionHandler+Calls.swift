import NIOCore
import RingProtocol

// What callers ask for. Each of these is reached by a hop to the event loop.
extension SessionHandler {
    enum Request: Sendable {
        case batch(Batch)
        case open(String, epoch: UInt64)
        /// One command that gives a file to the slot its offset names, and goes when the file of `owner` does.
        case give(Batch, owner: SlotLease)
        case close(SlotLease)
        /// One entry whose events go to a sink.
        case stream(Batch, EventSink, credit: Int)
    }

    func start(_ request: Request, ticket: Ticket, _ continuation: CallContinuation) {
        do throws(RingError) {
            try checkOpen()
            if ticket.isCancelled, !request.isClose {
                return continuation.resume(throwing: CancellationError())
            }
            let (batch, purpose) = try prepare(request)
            let call = Call(batch, purpose, ticket: ticket, continuation: continuation)
            if case .stream(_, let sink, let credit) = request { (call.sink, call.credit) = (sink, credit) }
            enqueue(call)
        } catch {
            continuation.resume(throwing: error)
        }
    }

    /// Throws `CancellationError` to the call's task now. What was sent keeps its credit until answered.
    func abandon(_ ticket: Ticket) {
        cancelSent(ticket)
        guard let call = ledger.abandon(ticket) else { return }
        if case .fill(let lease) = call.purpose, call.count == 0 { slots.free(lease) }
        call.fail(CancellationError())
        schedulePump()
    }

    /// Asks the gateway to end what it has of a call; what comes of it nobody waits for.
    func cancelSent(_ ticket: Ticket) {
        guard features.contains(.cancel), case .open = phase else { return }
        let ids = ledger.unanswered(ticket)
        guard !ids.isEmpty, ids.count <= Self.cancelledAtOnce else { return }
        var batch = Batch(entries: ids.count)
        for id in ids { batch.append(.cancel, offset: id) }
        enqueue(Call(batch, .batch, ticket: nil, continuation: nil))
    }

    /// A larger batch is left to run.
    private static let cancelledAtOnce = 64

    /// Starts a stream that nobody awaits but through its sink.
    func begin(_ batch: Batch, _ sink: EventSink, credit: Int, _ ticket: Ticket) {
        do throws(RingError) {
            try checkOpen()
            try check(batch)
            guard !ticket.isCancelled else { return sink.fail(CancellationError()) }
            let call = Call(batch, .stream, ticket: ticket, continuation: nil)
            (call.sink, call.credit) = (sink, credit)
            enqueue(call)
        } catch {
            sink.fail(error)
        }
    }

    /// Lets a stream have more events, if it is still there.
    func grant(_ ticket: Ticket, _ events: Int) {
        guard let call = ledger.call(ticket), call.sent > 0 else { return }
        call.credit += events
        var batch = Batch(entries: 1)
        batch.append(.credit, subOpcode: SubOpcode(UInt32(events)), offset: call.firstID)
        enqueue(Call(batch, .batch, ticket: nil, continuation: nil))
    }

    /// Asks for a stream's end, which comes as its last completion.
    func cancelStream(_ ticket: Ticket) {
        ticket.cancel()
        guard let call = ledger.call(ticket) else { return }
        guard call.sent > 0 else {
            _ = ledger.abandon(ticket)
            return call.fail(CancellationError())
        }
        cancelSent(ticket)
    }

    /// Closes a slot that has no owner any more, with nobody waiting for it.
    func closeAbandoned(_ lease: SlotLease) {
        guard slots.holds(lease) else { return }
        switch phase {
        case .open:
            slots.markClosing(lease)
            enqueue(Call(.closing(lease.slot), .close(lease), ticket: nil, continuation: nil))
        case .greeting, .lost, .draining, .closing, .ended: break  // The end of the session closes it.
        }
    }

    /// Sends what waits, then the goodbye; the gateway answers all of it and closes.
    func close(within limit: TimeAmount) {
        switch phase {
        case .ended, .closing: return
        case .lost(let reason, _): return end(reason)
        case .draining, .greeting, .open: phase = .closing(isGoodbyeSent: false)
        }
        closeTimer = eventLoop.assumeIsolated().scheduleTask(in: limit) {
            self.end(.connectionLost("the gateway did not finish before the deadline of the close"))
        }
        schedulePump()
    }

    private func checkOpen() throws(RingError) {
        switch phase {
        case .open, .lost, .draining: return
        case .ended(let reason): throw .notSent(reason)
        case .greeting: throw .notSent(.connectionLost("not connected yet"))
        case .closing: throw .notSent(.connectionLost("the connection is being closed"))
        }
    }

    private func prepare(_ request: Request) throws(RingError) -> (Batch, Call.Purpose) {
        switch request {
        case .close(let lease):
            guard slots.holds(lease) else { throw .refused(Refusal(.slotNotOpen, "the device was closed")) }
            slots.markClosing(lease)
            return (.closing(lease.slot), .close(lease))
        case .batch(let batch):
            try check(batch)
            return (batch, .batch)
        case .stream(let batch, _, _):
            try check(batch)
            return (batch, .stream)
        case .give(var batch, let owner):
            try check(batch)
            let lease = try takeSlot(for: owner)
            batch.setOffset(UInt64(lease.slot.index))
            return (batch, .fill(lease))
        case .open(let name, let epoch):
            let lease = try takeSlot()
            return (.opening(name, lease.slot, epoch: epoch), .fill(lease))
        }
    }

    private func check(_ batch: Batch) throws(RingError) {
        guard batch.longestArgument <= payloadLimit else {
            throw .refused(
                Refusal(
                    .shape, "argument of \(batch.longestArgument) bytes; at most \(payloadLimit) are taken"))
        }
        guard batch.features.isSubset(of: features) else {
            throw .refused(
                Refusal(
                    .unsupported, "the gateway is too old for this: it does not grant the feature it needs"))
        }
        if batch.devices.contains(where: \.isClosed) {
            throw .refused(Refusal(.slotNotOpen, "the device was closed"))
        }
        if batch.devices.contains(where: { !slots.holds($0.lease) }) {
            throw .refused(
                Refusal(.slotNotOpen, "the device went with the session that was lost; open it again"))
        }
        if let size = batch.longestChain, size > Int(welcome.frameLimit) {
            throw .refused(
                Refusal(.shape, "a chain of \(size) bytes; at most \(welcome.frameLimit) go into a frame"))
        }
    }

    private func takeSlot(for owner: SlotLease? = nil) throws(RingError) -> SlotLease {
        guard let lease = slots.take(for: owner) else {
            throw .refused(
                Refusal(.slotInUse, "all \(slots.usedCount) slots are in use; close a device first"))
        }
        return lease
    }

    func enqueue(_ call: Call) {
        call.recorder = recorder
        ledger.enqueue(call)
        schedulePump()
    }
}

extension SessionHandler.Request {
    fileprivate var isClose: Bool {
        if case .close = self { return true }
        return false
    }
}
