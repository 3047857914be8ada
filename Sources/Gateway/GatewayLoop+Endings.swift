import Glibc
import RingEngine
import RingProtocol

/// How connections and the gateway end. Whatever one client does ends its own session alone.
extension GatewayLoop {
    /// Tells the peer why, then ends the connection.
    mutating func end(_ connection: ConnectionPointer, _ index: UInt32, _ error: SessionError) {
        events.add(
            .info, "session ended", connection.pointee.peer,
            [
                "identity": "\(connection.pointee.identity)", "code": "\(error.code)",
                "rule": error.rule == 0 ? "none" : "R-\(error.rule)",
                "text": "\(error.text)",
            ])
        connection.pointee.outbox.append(frame: error.encoded())
        linger(connection, index)
    }

    /// Sends what waits, closes this side, and gives the peer a moment to close its own, so that the last
    /// bytes are not lost to a reset.
    mutating func linger(_ connection: ConnectionPointer, _ index: UInt32) {
        closeFiles(connection, index)
        connection.pointee.stage = .lingering
        // A session's last answers may be many; a stranger has only an alert or an error frame to take.
        connection.pointee.deadline =
            now + (connection.pointee.isUnproven ? limits.lingerDeadline : limits.sendDeadline)
        connection.pointee.isPaused = false
        resumeReceiving(connection, index)
        markDirty(connection, index)
    }

    /// Ends the connection without another word. Its memory stays until the kernel has let go of it.
    mutating func cut(_ connection: ConnectionPointer, _ index: UInt32) {
        guard connection.pointee.stage != .dead else { return }
        closeFiles(connection, index)
        connection.pointee.stage = .dead
        beginShutdown(connection, index, how: Int32(SHUT_RDWR))
        markDirty(connection, index)
    }

    func beginShutdown(_ connection: ConnectionPointer, _ index: UInt32, how: Int32) {
        guard network.shutdown(index, connection.pointee.generation, how: how) else { return }
        connection.pointee.pendingShutdowns += 1
    }

    mutating func finishedShutdown(_ event: NetworkEvent) {
        guard let connection = connections.find(event.index, event.generation) else { return }
        connection.pointee.pendingShutdowns -= 1
        markDirty(connection, event.index)
    }

    /// Gives a dead connection's place back once no operation of the kernel names it.
    mutating func releaseIfIdle(_ connection: ConnectionPointer, _ index: UInt32) {
        guard !connection.pointee.isReceiving, !connection.pointee.isSending,
            connection.pointee.pendingShutdowns == 0
        else { return }
        prove(connection)
        network.release(index)
        connections.remove(index)
        counters.connections.store(connections.count, ordering: .relaxed)
    }

    /// The connection no longer counts as one that has shown nothing.
    mutating func prove(_ connection: ConnectionPointer) {
        guard connection.pointee.isUnproven else { return }
        connection.pointee.isUnproven = false
        unproven -= 1
    }

    private mutating func closeFiles(_ connection: ConnectionPointer, _ index: UInt32) {
        guard connection.pointee.isServed else { return }
        for closing in connection.pointee.state.slots.endAll() { close(closing, connection, index) }
    }

    /// Once a client that said goodbye is owed nothing more, the gateway says it too.
    mutating func finishIfAnswered(_ connection: ConnectionPointer, _ index: UInt32) {
        guard connection.pointee.state.inFlight == 0 else { return }
        connection.pointee.outbox.append(frame: Goodbye.done.encoded())
        linger(connection, index)
    }

    // MARK: The gateway's own end

    mutating func obey(_ order: Mailbox.Order) {
        switch (order, mode) {
        case (.drain, .serving): beginDraining()
        case (.stop, .serving), (.stop, .draining), (.stop, .cancelling): beginStopping()
        case (.apply(let policy), .serving): install(policy, by: "the gateway's host")
        case (.reload, .serving): reloadPolicy()
        case (.administered(let outcome), _): administered(outcome)
        default: break
        }
    }

    private mutating func beginDraining() {
        mode = .draining(deadline: now + limits.drainDeadline)
        stopListening()
        logger.notice("draining", metadata: ["connections": "\(connections.count)"])
        forEachConnection { loop, connection, index in
            guard connection.pointee.stage == .serving, connection.pointee.state.phase == .open else {
                return
            }
            connection.pointee.outbox.append(frame: Goodbye.draining.encoded())
            loop.markDirty(connection, index)
        }
    }

    /// New connections are refused by the kernel from now on, those in its queue too.
    private func stopListening() {
        network.cancelAccept()
        Glibc.shutdown(listener.descriptor, Int32(SHUT_RDWR))
    }

    /// Cancels what is still running by closing all files, so that every entry is answered and every session
    /// can end in order.
    private mutating func beginCancelling() {
        mode = .cancelling(deadline: now + limits.cancelDeadline)
        endProcedures(Refusal(.draining, "the gateway is stopping"))
        forEachConnection { loop, connection, index in loop.closeFiles(connection, index) }
    }

    private mutating func beginStopping() {
        mode = .stopping(deadline: now + limits.cancelDeadline)
        stopListening()
        endProcedures(Refusal(.draining, "the gateway is stopping"))
        forEachConnection { loop, connection, index in loop.cut(connection, index) }
    }

    mutating func forEachConnection(
        _ body: (inout GatewayLoop, ConnectionPointer, UInt32) -> Void
    ) {
        for index in 0..<UInt32(connections.capacity) {
            if let connection = connections[index] { body(&self, connection, index) }
        }
    }

    // MARK: Deadlines

    mutating func lookAtDeadlines() {
        engine.repeatCancellations()
        forEachConnection { loop, connection, index in
            loop.repeatStarved(connection, index)
            loop.lookAtDeadline(connection, index)
        }
        switch mode {
        case .serving, .ended: break
        case .draining(let deadline):
            if connections.count == 0 { beginStopping() } else if now >= deadline { beginCancelling() }
        case .cancelling(let deadline):
            if connections.count == 0 || now >= deadline { beginStopping() }
        case .stopping(let deadline):
            let isIdle = connections.count == 0 && engine.inFlight == 0 && engine.openFiles == 0
            if isIdle || now >= deadline { mode = .ended }
        }
    }

    /// Starts again what the kernel had no room for: only when it is out of memory, but then nothing else
    /// would.
    private mutating func repeatStarved(_ connection: ConnectionPointer, _ index: UInt32) {
        guard connection.pointee.stage == .dead else {
            if !connection.pointee.isReceiving { resumeReceiving(connection, index) }
            if !connection.pointee.isSending { markDirty(connection, index) }
            return
        }
        if connection.pointee.pendingShutdowns == 0 {
            beginShutdown(connection, index, how: Int32(SHUT_RDWR))
        }
        markDirty(connection, index)
    }

    private mutating func lookAtDeadline(_ connection: ConnectionPointer, _ index: UInt32) {
        if isEnding, isQuiet(connection) { linger(connection, index) }
        guard connection.pointee.deadline != 0, now >= connection.pointee.deadline else { return }
        switch connection.pointee.stage {
        case .handshaking, .lingering, .finishing, .dead: cut(connection, index)
        case .serving where connection.pointee.isSending: cut(connection, index)
        case .serving: end(connection, index, SessionError(.deadline, rule: 29, "no hello in time"))
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
        return isWaiting && connection.pointee.state.inFlight == 0 && connection.pointee.outbox.isEmpty
            && !connection.pointee.isSending && now - connection.pointee.lastActivity > GatewayLimits.tick
    }
}
