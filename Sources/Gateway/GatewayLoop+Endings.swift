import Glibc
import RingEngine
import RingProtocol

/// How connections and the gateway end. Whatever one client does ends its own session alone.
extension GatewayLoop {
    /// Tells the peer why, then ends the connection.
    mutating func end(_ connection: ConnectionPointer, _ error: SessionError) {
        events.add(
            .info, "session ended", connection.pointee.peer,
            [
                "identity": "\(connection.pointee.identity)", "code": "\(error.code)",
                "rule": error.rule == 0 ? "none" : "R-\(error.rule)",
                "text": "\(error.text)",
            ])
        if let session = connection.pointee.session { end(session) }
        connection.pointee.outbox.append(frame: error.encoded())
        linger(connection)
    }

    /// Sends what waits, closes this side, and gives the peer a moment to close its own, so that the last
    /// bytes are not lost to a reset.
    mutating func linger(_ connection: ConnectionPointer) {
        connection.pointee.stage = .lingering
        // A session's last answers may be many; a stranger has only an alert or an error frame to take.
        connection.pointee.deadline =
            now + (connection.pointee.isUnproven ? limits.lingerDeadline : limits.sendDeadline)
        connection.pointee.isPaused = false
        resumeReceiving(connection)
        markDirty(connection)
    }

    /// The connection is no more, and not by anybody's word: a session that may be resumed waits for that.
    mutating func lose(_ connection: ConnectionPointer) {
        detach(connection)
        cut(connection)
    }

    /// Ends the connection without another word, and what it carries. Its memory stays until the kernel has let go of
    /// it.
    mutating func cut(_ connection: ConnectionPointer) {
        guard connection.pointee.stage != .dead else { return }
        if let session = connection.pointee.session { end(session) }
        connection.pointee.stage = .dead
        beginShutdown(connection, how: Int32(SHUT_RDWR))
        markDirty(connection)
    }

    func beginShutdown(_ connection: ConnectionPointer, how: Int32) {
        guard network.shutdown(connection.pointee.place, how: how) else { return }
        connection.pointee.pendingShutdowns += 1
    }

    mutating func finishedShutdown(_ event: NetworkEvent) {
        guard let connection = connections.find(event.index, event.generation) else { return }
        connection.pointee.pendingShutdowns -= 1
        markDirty(connection)
    }

    /// Gives a dead connection's place back once no operation of the kernel names it.
    mutating func releaseIfIdle(_ connection: ConnectionPointer) {
        guard !connection.pointee.isReceiving, !connection.pointee.isSending,
            connection.pointee.pendingShutdowns == 0
        else { return }
        prove(connection)
        commons.entered { $0.door.leave(connection.pointee.peer.source) }
        network.release(connection.pointee.place.index)
        connections.remove(connection.pointee.place.index)
        counters.connections.subtract(1, ordering: .relaxed)
    }

    /// The connection no longer counts as one that has shown nothing.
    mutating func prove(_ connection: ConnectionPointer) {
        guard connection.pointee.isUnproven else { return }
        connection.pointee.isUnproven = false
        commons.entered { $0.door.prove(connection.pointee.peer.source) }
    }

    /// Once a client that said goodbye is owed nothing more, the gateway says it too.
    mutating func finishIfAnswered(_ connection: ConnectionPointer) {
        guard let session = connection.pointee.session, session.pointee.state.unanswered == 0 else { return }
        end(session)
        connection.pointee.outbox.append(frame: Goodbye.done.encoded())
        linger(connection)
    }

    // MARK: The gateway's own end

    mutating func obey(_ order: Mailbox.Order) {
        switch (order, mode) {
        case (.drain, .serving): beginDraining()
        case (.stop, .serving), (.stop, .draining), (.stop, .cancelling): beginStopping()
        case (.apply(let policy), .serving): install(policy, by: "the gateway's host")
        case (.reload, .serving): reloadPolicy()
        case (.nodesChanged(let changes), .serving): nodesChanged(changes)
        case (.administered(let outcome), _): administered(outcome)
        case (.status(let deliver), _): gather(.all(deliver), nil)
        case (.renew(let trust), _): renew(trust)
        case (.recorded(let intent, let isDurable), _): recorded(upTo: intent, isDurable: isDurable)
        case (.drain, _), (.stop, _), (.apply, _), (.reload, _), (.nodesChanged, _): break
        default: obeyOther(order)
        }
    }

    /// What other loops want.
    private mutating func obeyOther(_ order: Mailbox.Order) {
        switch order {
        case .open(let handed): open(handed)
        case .submit(let handed): run(handed)
        case .close(let file, let tag): engine.close(file, tag: tag)
        case .cancel(let order): cancelOrders.append(order)
        case .completed(let handed): completed(handed)
        case .arrive(let handed): arrived(handed)
        case .adopt(let policy, let countdown): adopt(policy, countdown)
        case .trust(let trust): adopt(trust)
        case .ask(let request): ask(request)
        case .give(let answer, let tag): give(answer, tag)
        case .report(let gathering): report(to: gathering)
        case .gathered(let gathering): gathered(gathering)
        case .revoke(let session, let reason): revoke(session, reason)
        case .refuse(let request, let refusal): dismiss(request, refusal)
        case .lease(let event): learn(event)
        case .announce(let device, let change, let session): announceHere(device, change, by: session)
        case .endSlots(let device, let ending): endSlotsHere(on: device, ending)
        case .endProcedures(let device, let refusal): endProceduresHere(on: device, refusal)
        case .resetLane(let device, let tag): resetLane(of: device, tag)
        case .pump(let console): pump(console)
        case .endReader(let key): endReader(key)
        case .drain, .stop, .apply, .reload, .nodesChanged, .administered, .renew, .recorded, .status: break
        }
    }

    private mutating func beginDraining() {
        mode = .draining(deadline: now + limits.drainDeadline)
        endConsoles()
        stopListening()
        logger.notice("draining", metadata: ["connections": "\(connections.count)"])
        // Nobody can come back to these: the gateway listens no more.
        forEachSession { loop, session in
            if session.pointee.connection == nil { loop.end(session) }
        }
        forEachConnection { loop, connection in
            guard connection.pointee.stage == .serving, connection.pointee.session != nil else { return }
            connection.pointee.outbox.append(frame: Goodbye.draining.encoded())
            loop.markDirty(connection)
        }
    }

    /// New connections are refused by the kernel from now on, those in its queue too.
    private func stopListening() {
        guard let listener else { return }
        network.cancelAccept()
        Glibc.shutdown(listener.descriptor, Int32(SHUT_RDWR))
    }

    /// Cancels what is still running by closing all files, so that every entry is answered and every session
    /// can end in order.
    private mutating func beginCancelling() {
        mode = .cancelling(deadline: now + limits.cancelDeadline)
        endProceduresHere(Refusal(.draining, "the gateway is stopping"))
        forEachSession { loop, session in
            loop.endWhatWaits(on: nil, session)
            loop.closeFiles(session)
        }
    }

    private mutating func beginStopping() {
        mode = .stopping(deadline: now + limits.cancelDeadline)
        endConsoles()
        stopListening()
        endProceduresHere(Refusal(.draining, "the gateway is stopping"))
        forEachConnection { loop, connection in loop.cut(connection) }
        forEachSession { loop, session in loop.end(session) }
    }

    mutating func forEachConnection(
        _ body: (inout GatewayLoop, ConnectionPointer) -> Void
    ) {
        for index in 0..<UInt32(connections.capacity) {
            if let connection = connections[index] { body(&self, connection) }
        }
    }

    /// Those that are not over.
    mutating func forEachSession(_ body: (inout GatewayLoop, SessionPointer) -> Void) {
        for index in 0..<UInt32(sessions.capacity) {
            if let session = sessions[index], !session.pointee.isOver { body(&self, session) }
        }
    }

    // MARK: Deadlines

    mutating func lookAtDeadlines() {
        engine.repeatCancellations()
        forEachConnection { loop, connection in
            loop.repeatStarved(connection)
            if loop.isIdle(connection) { connection.pointee.tls.releaseBuffers() }
            loop.lookAtDeadline(connection)
        }
        switch mode {
        case .serving, .ended: break
        case .draining(let deadline):
            if counters.open == 0 { beginStopping() } else if now >= deadline { beginCancelling() }
        case .cancelling(let deadline):
            if counters.open == 0 || now >= deadline { beginStopping() }
        case .stopping(let deadline):
            let isIdle = connections.count == 0 && engine.inFlight == 0 && engine.openFiles == 0
            let areAllIdle = commons.settle(number, isIdle: isIdle)
            if areAllIdle || now >= deadline { mode = .ended }
        }
    }

    /// Starts again what the kernel had no room for: only when it is out of memory, but then nothing else
    /// would.
    private mutating func repeatStarved(_ connection: ConnectionPointer) {
        guard connection.pointee.stage == .dead else {
            if !connection.pointee.isReceiving { resumeReceiving(connection) }
            if !connection.pointee.isSending { markDirty(connection) }
            return
        }
        if connection.pointee.pendingShutdowns == 0 {
            beginShutdown(connection, how: Int32(SHUT_RDWR))
        }
        markDirty(connection)
    }

    /// Who says nothing may have gone without a word. A session that can be resumed waits for its client.
    private mutating func endIfSilent(_ connection: ConnectionPointer) {
        guard limits.idleDeadline > 0, connection.pointee.stage == .serving, !connection.pointee.isPaused,
            let session = connection.pointee.session, now > connection.pointee.lastHeard + limits.idleDeadline
        else { return }
        if session.pointee.state.keepsAnswers {
            events.add(
                .info, "silent", connection.pointee.peer, ["identity": "\(connection.pointee.identity)"])
            return lose(connection)
        }
        let seconds = limits.idleDeadline / 1_000_000_000
        end(connection, SessionError(.deadline, "nothing was heard for \(seconds) s; keep alive with pings"))
    }

    private mutating func lookAtDeadline(_ connection: ConnectionPointer) {
        if isEnding, isQuiet(connection) {
            if let session = connection.pointee.session { end(session) }
            linger(connection)
        }
        endIfSilent(connection)
        guard connection.pointee.deadline != 0, now >= connection.pointee.deadline else { return }
        switch connection.pointee.stage {
        case .handshaking, .departing, .lingering, .finishing, .dead: cut(connection)
        case .serving where connection.pointee.isSending: lose(connection)
        case .serving: end(connection, SessionError(.deadline, rule: 29, "no hello in time"))
        }
    }

    private var isEnding: Bool {
        switch mode {
        case .draining, .cancelling: true
        case .serving, .stopping, .ended: false
        }
    }

    /// Whether a draining gateway owes the session nothing and has not heard from it for a moment.
    private func isQuiet(_ connection: ConnectionPointer) -> Bool {
        let isWaiting = connection.pointee.stage == .handshaking || connection.pointee.stage == .serving
        let isOwed = connection.pointee.session.map { $0.pointee.state.unanswered > 0 } ?? false
        return isWaiting && !isOwed && connection.pointee.outbox.isEmpty
            && !connection.pointee.isSending && isIdle(connection)
    }

    /// Whether nothing has come from the peer, and no answer gone to it, since the last look or so.
    private func isIdle(_ connection: ConnectionPointer) -> Bool {
        now - connection.pointee.lastActivity > GatewayLimits.tick
    }
}
