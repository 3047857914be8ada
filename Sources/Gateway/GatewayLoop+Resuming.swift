import RingEngine
import RingPolicy
import RingProtocol

/// How sessions begin, wait for their client, go on, and end.
extension GatewayLoop {
    /// Answers a hello, or lets the loop do so whose session it is.
    mutating func greet(_ hello: Hello, _ connection: ConnectionPointer) throws(WireError) {
        let loop = home(of: hello)
        guard loop != number else { return try welcome(hello, connection) }
        connection.pointee.stage = .departing
        connection.pointee.departure = hello
        markDirty(connection)
    }

    /// The loop that has the session asked for, or that will have the new one.
    func home(of hello: Hello) -> UInt8 {
        guard commons.loops > 1 else { return number }
        if let asked = hello.resumption, asked.epoch == commons.epoch {
            return commons.loop(of: asked.session)
        }
        commons.enter()
        defer { commons.leave() }
        return commons.emptiest
    }

    /// Answers a hello: with the session it asks for, or with a new one.
    mutating func welcome(_ hello: Hello, _ connection: ConnectionPointer) throws(WireError) {
        connection.pointee.keep()
        var welcome = Welcome()
        welcome.epoch = commons.epoch
        welcome.monotonic = KernelClock.monotonic()
        welcome.realtime = KernelClock.realtime()
        welcome.revision = policy.revision
        let state = try SessionState(hello)
        if let session = find(hello, connection) {
            welcome.resumption = .resumed
            attach(session, connection, &welcome)
        } else {
            guard let session = begin(state, connection) else {
                return end(connection, SessionError(.overloaded, "all sessions are in use; try again later"))
            }
            welcome.resumption = hello.resumption == nil ? .fresh : .lost
            attach(session, connection, &welcome)
        }
        if mode != .serving { connection.pointee.outbox.append(frame: Goodbye.draining.encoded()) }
        markDirty(connection)
    }

    private mutating func begin(
        _ state: consuming SessionState, _ connection: ConnectionPointer
    ) -> SessionPointer? {
        guard let rights = connection.pointee.rights, let identity = connection.pointee.peerIdentity,
            let place = sessions.reserve() ?? reserveFromLost()
        else { return nil }
        sessionNumber += UInt64(commons.loops)
        let session = Session(
            place, loop: number, number: sessionNumber, token: .random(), peerIdentity: identity,
            peer: connection.pointee.peer, rights: rights, state: state)
        let pointer = sessions.place(session, at: place.index)
        numbers[sessionNumber] = pointer
        commons.enter()
        commons.add(sessionNumber, .init(identity: identity.text, policy: rights.policy))
        commons.leave()
        auditBegin(pointer)
        return pointer
    }

    /// Out of places, whoever has been waiting longest for a client to come back makes room for one who is here.
    private mutating func reserveFromLost() -> Place? {
        var oldest: SessionPointer?
        forEachSession { _, session in
            guard session.pointee.connection == nil else { return }
            if session.pointee.deadline < oldest?.pointee.deadline ?? .max { oldest = session }
        }
        guard let oldest else { return nil }
        end(oldest)
        removeEndedSessions()
        return sessions.reserve()
    }

    /// The session asked for, if it is this client's to have back: all that is wrong looks the same.
    private func find(_ hello: Hello, _ connection: ConnectionPointer) -> SessionPointer? {
        guard let asked = hello.resumption, asked.epoch == commons.epoch,
            let identity = connection.pointee.peerIdentity
        else { return nil }
        guard let session = find(session: asked.session), session.pointee.state.keepsAnswers,
            hello.features.isSuperset(of: session.pointee.state.features),
            session.pointee.token == asked.token, session.pointee.peerIdentity == identity,
            session.pointee.state.resume(received: asked.received)
        else { return nil }
        return session
    }

    /// The session is this connection's from now on; what the client has not got is said again.
    private mutating func attach(
        _ session: SessionPointer, _ connection: ConnectionPointer, _ welcome: inout Welcome
    ) {
        if let old = session.pointee.connection {
            disconnect(session)
            cut(old)
        }
        prove(connection)
        connection.pointee.deadline = 0
        connect(session, to: connection)
        session.pointee.peer = connection.pointee.peer
        session.pointee.certificate = connection.pointee.certificate
        session.pointee.goodUntil = connection.pointee.goodUntil
        nextJudgement = min(nextJudgement, connection.pointee.goodUntil)
        session.pointee.deadline = .max
        welcome.session = session.pointee.number
        welcome.features = session.pointee.state.features
        welcome.token = session.pointee.token
        welcome.lastRequestID = session.pointee.state.lastRequestID
        welcome.grace = UInt32(clamping: limits.resumeGrace / 1_000_000)
        connection.pointee.outbox.append(frame: welcome.encoded())
        session.pointee.state.replay.replay { connection.pointee.outbox.append(encoded: $0) }
        if session.pointee.state.streams.isThrottled { resumeStreams(session) }
    }

    private func connect(_ session: SessionPointer, to connection: ConnectionPointer) {
        connection.pointee.session = session
        session.pointee.connection = connection
        commons.enter()
        commons.countConnected(number, by: 1)
        commons.leave()
    }

    private func disconnect(_ session: SessionPointer) {
        guard let connection = session.pointee.connection else { return }
        connection.pointee.session = nil
        session.pointee.connection = nil
        commons.enter()
        commons.countConnected(number, by: -1)
        commons.leave()
    }

    // MARK: Ending

    /// The connection goes, the session stays for a while if its client may come back to it.
    mutating func detach(_ connection: ConnectionPointer) {
        guard let session = connection.pointee.session else { return }
        guard mode == .serving, session.pointee.state.keepsAnswers, session.pointee.state.phase == .open
        else {
            return end(session)
        }
        disconnect(session)
        session.pointee.deadline = now + limits.resumeGrace
        if session.pointee.state.streams.isThrottled { resumeStreams(session) }
    }

    /// Nobody comes back to the session: its files are closed, what still runs is answered to nobody.
    mutating func end(_ session: SessionPointer) {
        commons.enter()
        defer { commons.leave() }
        guard !session.pointee.isOver else { return }
        auditEnd(session)
        closeFiles(session)
        removeTimers(of: session)
        for index in consoles.keys { consoles[index]?.hub.end(session: session.pointee.number) }
        session.pointee.isOver = true
        numbers[session.pointee.number] = nil
        leases.advance(to: now)
        leases.end(session: session.pointee.number)
        settleLeases()
        commons.remove(session.pointee.number)
        disconnect(session)
        ended.append(session)
    }

    mutating func closeFiles(_ session: SessionPointer) {
        for closing in session.pointee.state.slots.endAll() { close(closing, session) }
    }

    /// Ends a session by somebody else's word, which its client hears if it is there.
    mutating func revoke(_ session: SessionPointer, _ reason: String) {
        guard let connection = session.pointee.connection else { return end(session) }
        end(connection, SessionError(.revoked, reason))
    }

    /// Drops what is over; nothing of this turn may refer to it any more.
    mutating func removeEndedSessions() {
        guard !ended.isEmpty else { return }
        ready.removeAll { $0.pointee.isOver }
        for session in ended { sessions.remove(session.pointee.place.index) }
        ended.removeAll(keepingCapacity: true)
    }

    /// Ends the sessions whose clients have not come back in time.
    mutating func endLostSessions() {
        forEachSession { loop, session in
            if loop.now >= session.pointee.deadline { loop.end(session) }
        }
    }
}

extension SessionToken {
    /// From the kernel's generator (getrandom(2)).
    fileprivate static func random() -> SessionToken {
        var generator = SystemRandomNumberGenerator()
        return SessionToken(generator.next(), generator.next())
    }
}
