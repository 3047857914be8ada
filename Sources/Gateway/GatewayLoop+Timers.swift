import Glibc
import RingEngine
import RingPolicy
import RingProtocol

/// What happens when its time has come: all of the loop's timers share one alarm of the kernel's.
extension GatewayLoop {
    /// Lets the kernel wake the loop in time for the next timer.
    mutating func setAlarm() {
        guard let next = timers.next, next < alarm else { return }
        if alarm != .max { network.cancelAlarm(alarmNumber) }
        alarmNumber = (alarmNumber + 1) & Place.generationMask
        alarm = network.armAlarm(alarmNumber, at: next) ? next : .max
    }

    /// The alarm has gone off, or was replaced.
    mutating func rang(_ number: UInt32) {
        if number == alarmNumber { alarm = .max }
    }

    mutating func fireTimers() {
        while let key = timers.takeDue(now) { fire(key) }
    }

    private mutating func fire(_ key: TimerKey) {
        switch key {
        case .procedure(let place): waited(place)
        case .leases: expireLeases()
        case .delay(let place, let id):
            guard let session = sessions.find(place.index, place.generation) else { return }
            session.pointee.delays.remove(id)
            answer(id, with: [], session)
        case .deadline(let place, let id):
            guard let session = sessions.find(place.index, place.generation) else { return }
            session.pointee.deadlines.remove(id)
            guard !cancelLease(id, session, isExpiry: true) else { return }
            // A single read of a console waits here, not in the engine.
            if session.pointee.state.streams[id]?.isSingle == true { return finish(id, -ETIME, session) }
            cancelOrders.append(
                CancelOrder(
                    session: place.index, generation: session.pointee.tagGeneration, .request(id),
                    isExpiry: true))
        }
    }

    /// Ends the entry when its time is over, unless it is answered before.
    mutating func watchDeadline(_ entry: Entry, _ session: SessionPointer) {
        let time = now &+ UInt64(entry.timeout) * 1_000_000
        timers.add(.deadline(session.pointee.place, entry.requestID), at: time)
        session.pointee.deadlines.insert(entry.requestID)
    }

    /// The entry is answered.
    mutating func forgetDeadline(_ id: RequestID, _ session: SessionPointer) {
        guard session.pointee.deadlines.remove(id) != nil else { return }
        timers.remove(.deadline(session.pointee.place, id))
    }

    // MARK: Timeout entries

    /// A timeout entry: answered when its time has passed.
    mutating func wait(_ entry: Entry, _ session: SessionPointer) throws(Refusal) {
        let delay = try entry.requiredDelay()
        timers.add(.delay(session.pointee.place, entry.requestID), at: now + delay)
        session.pointee.delays.insert(entry.requestID)
    }

    /// A session's timers go with it.
    mutating func removeTimers(of session: SessionPointer) {
        for id in session.pointee.delays { _ = timers.remove(.delay(session.pointee.place, id)) }
        for id in session.pointee.deadlines { _ = timers.remove(.deadline(session.pointee.place, id)) }
    }
}
