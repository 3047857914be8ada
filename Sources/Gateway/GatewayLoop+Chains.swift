import Glibc
import RingPolicy
import RingProtocol

/// Chains and drains. The gateway puts its own order on them, across both engines: io_uring's links cannot span workers,
/// and its drain would hold up other clients.
extension GatewayLoop {
    /// Starts the entries of a frame, or lets them wait for their turn.
    mutating func admit(_ submission: inout Submission, _ session: SessionPointer) {
        // An entry may end its own session; those behind it are nobody's then.
        while !session.pointee.isOver, let entry = submission.next() {
            if trace.isOn { traceArrival(entry, session) }
            if entry.flags.isSequenced || session.pointee.state.sequencer.holds {
                sequence(entry, &submission, session)
            } else if !admitRow(entry, &submission, session) {
                admit(entry, session)
            }
        }
    }

    private mutating func sequence(
        _ entry: Entry, _ submission: inout Submission, _ session: SessionPointer
    ) {
        guard entry.operation != .cancel || entry.flags.isSequenced else { return admit(entry, session) }
        var unit = Unit(submission.chain(from: entry))
        if trace.isOn { unit.forEach { if $0.requestID != entry.requestID { traceArrival($0, session) } } }
        guard session.pointee.state.sequencer.holds || unit.drains else { return start(unit, session) }
        unit.forEach { unit.charges.append($0.argument.count) }
        do throws(Refusal) {
            let charge = unit.charges.reduce(0, +)
            try session.pointee.state.charge(charge)
            do throws(Refusal) { try recordAhead(&unit, session) } catch {
                session.pointee.state.refund(charge)
                throw error
            }
            session.pointee.state.sequencer.hold(unit)
            markReady(session)
        } catch {
            reject(unit, at: 0, error, session)
        }
    }

    /// Whatever can go on in the sessions where something was answered.
    mutating func advanceSessions() {
        var position = 0
        while position < ready.count {
            let session = ready[position]
            position += 1
            session.pointee.isReady = false
            advance(session)
        }
        ready.removeAll(keepingCapacity: true)
    }

    mutating func markReady(_ session: SessionPointer) {
        guard !session.pointee.isReady else { return }
        session.pointee.isReady = true
        ready.append(session)
    }

    mutating func advance(_ session: SessionPointer) {
        while !session.pointee.isOver,
            let step = session.pointee.state.sequencer.next(
                unanswered: session.pointee.state.unanswered - session.pointee.state.streams.count,
                recorded: audit.recorded)
        {
            switch step {
            case .start(let unit): start(unit, session)
            case .issue(let unit): issueNext(of: unit, session)
            case .cancel(let id): cancelled(id, session)
            case .refund(let bytes): session.pointee.state.refund(bytes)
            case .reject(let unit):
                session.pointee.state.refund(unit.charges.reduce(0, +))
                forgetAwaited(unit, session)
                reject(unit, at: 0, Self.unrecorded, session)
            }
        }
    }

    /// A unit's time has come.
    private mutating func start(_ unit: Unit, _ session: SessionPointer) {
        var unit = unit
        session.pointee.state.refund(unit.charges.reduce(0, +))
        unit.charges = []
        guard unit.isChain else {
            audit.isCovered = unit.record != 0
            defer { audit.isCovered = false }
            return unit.takeNext { entry, _ in admit(entry, session) }
        }
        do throws(ChainRefusal) {
            unit.charges = try prove(&unit, session)
            session.pointee.state.sequencer.proceed(unit)
            markReady(session)
        } catch {
            reject(unit, at: error.element, error.refusal, session)
        }
    }

    /// Which element of a chain cannot run, and why.
    private struct ChainRefusal: Error {
        let element: Int
        let refusal: Refusal
    }

    /// Decides the whole chain and takes its credit, so that no element fails later for want of that. One that changes
    /// something is put on record as a whole.
    private mutating func prove(
        _ unit: inout Unit, _ session: SessionPointer
    ) throws(ChainRefusal) -> [Int] {
        var trial = ChainTrial(slots: session.pointee.state.slots, rights: session.pointee.rights.policy)
        var charges: [Int] = []
        var failure: Refusal?
        unit.forEach { entry in
            guard failure == nil else { return }
            do throws(Refusal) {
                guard mode == .serving else { throw Refusal(.draining, "the gateway is stopping") }
                try entry.requireFeature(in: session.pointee.state.features)
                charges.append(try trial.judge(entry, &layout))
            } catch {
                noteDenial(error, of: entry, session)
                failure = error
            }
        }
        if let failure { throw ChainRefusal(element: charges.count, refusal: failure) }
        do throws(Refusal) {
            let charge = charges.reduce(0, +)
            try session.pointee.state.charge(charge)
            guard trial.isMutating else { return charges }
            do throws(Refusal) { try recordChain(&unit, by: trial.grants, session) } catch {
                session.pointee.state.refund(charge)
                throw error
            }
        } catch {
            throw ChainRefusal(element: 0, refusal: error)
        }
        return charges
    }

    /// Answers a unit of which nothing runs.
    private mutating func reject(
        _ unit: Unit, at element: Int, _ refusal: Refusal, _ session: SessionPointer
    ) {
        var position = 0
        unit.forEach { entry in
            if position == element {
                refuse(entry.requestID, refusal, session)
            } else {
                cancelled(entry.requestID, session)
            }
            position += 1
        }
    }

    /// Issues an element: decided once more, because its files, leases and rights may not be what they were.
    private mutating func issueNext(of unit: Unit, _ session: SessionPointer) {
        var unit = unit
        session.pointee.state.refund(unit.takeCharge())
        audit.isCovered = unit.record != 0
        defer { audit.isCovered = false }
        unit.takeNext { entry, rest in
            session.pointee.state.sequencer.issued(entry, rest: rest)
            admit(entry, session)
        }
    }

    /// An entry that was accepted and does not run.
    mutating func cancelled(_ id: RequestID, _ session: SessionPointer) {
        complete(
            CompletionHeader(id, result: -ECANCELED, flags: .engine(.gateway)),
            UnsafeRawBufferPointer(start: nil, count: 0), session)
    }

    /// Tells the session's order of an entry's last completion. False when the client is not to see it.
    mutating func sequence(
        _ header: CompletionHeader, _ charge: Int, _ session: SessionPointer
    ) -> Bool {
        guard !header.flags.contains(.more) else { return true }
        markReady(session)
        let isShown = session.pointee.state.sequencer.answered(header.requestID, result: header.result)
        if !isShown { session.pointee.state.completeUnseen(charge: charge) }
        return isShown
    }
}
