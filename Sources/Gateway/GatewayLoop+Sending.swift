import CLiburing
import Glibc
import RingProtocol

/// From frames to the socket: one send in flight per connection, everything of a turn in it.
extension GatewayLoop {
    /// Encrypts what waits and starts sending it, unless a send is under way.
    mutating func flush(_ connection: ConnectionPointer) {
        guard !connection.pointee.isSending else { return }
        if connection.pointee.stage == .finishing { finishIfAnswered(connection) }
        guard encrypt(connection) else { return lose(connection) }
        if !connection.pointee.sending.isEmpty {
            if connection.pointee.owesAnswers { connection.pointee.deadline = now + limits.sendDeadline }
            connection.pointee.isSending = network.send(
                connection.pointee.sending.bytes, connection.pointee.place)
        } else if connection.pointee.stage == .lingering && !connection.pointee.hasShutWrite {
            connection.pointee.hasShutWrite = true
            connection.pointee.deadline = now + limits.lingerDeadline
            guard !connection.pointee.hasPeerEnded else { return cut(connection) }
            beginShutdown(connection, how: Int32(SHUT_WR))
        }
    }

    /// Fills `sending` from the outbox, at most one send's worth. False when TLS has failed.
    private func encrypt(_ connection: ConnectionPointer) -> Bool {
        guard connection.pointee.sending.isEmpty else { return true }
        if !connection.pointee.outbox.isEmpty {
            let plaintext = connection.pointee.outbox.sealed()
            let chunk = UnsafeRawBufferPointer(rebasing: plaintext.prefix(GatewayLimits.sendSize))
            guard connection.pointee.tls.write(chunk) else { return false }
            connection.pointee.outbox.remove(chunk.count)
        }
        if connection.pointee.stage == .lingering && connection.pointee.outbox.isEmpty {
            connection.pointee.tls.shutdown()
        }
        let pending = connection.pointee.tls.pendingOutput
        guard pending > 0 else { return true }
        let space = connection.pointee.sending.space(pending)
        connection.pointee.sending.commit(connection.pointee.tls.takeOutput(into: space))
        return true
    }

    mutating func sent(_ event: NetworkEvent, _ result: Int32) {
        guard let connection = connections.find(event.index, event.generation) else { return }
        connection.pointee.isSending = false
        guard connection.pointee.stage != .dead else { return markDirty(connection) }
        guard result > 0 else { return lose(connection) }
        connection.pointee.sending.consume(Int(result))
        if connection.pointee.isOpen { connection.pointee.deadline = 0 }
        markDirty(connection)
        resumeIfTaken(connection)
        if let session = connection.pointee.session, session.pointee.state.streams.isThrottled,
            connection.pointee.outbox.count < GatewayLimits.outputLowWater
        {
            resumeStreams(session)
        }
    }

    /// Stops reading from a peer that does not take what it is sent.
    func pauseIfSlow(_ connection: ConnectionPointer) {
        guard connection.pointee.outbox.count > GatewayLimits.outputHighWater else { return }
        connection.pointee.isPaused = true
        if connection.pointee.isReceiving { network.cancelReceive(connection.pointee.place) }
    }

    private mutating func resumeIfTaken(_ connection: ConnectionPointer) {
        guard connection.pointee.isPaused, connection.pointee.outbox.count < GatewayLimits.outputLowWater
        else {
            return
        }
        connection.pointee.isPaused = false
        decodeInbox(connection)
        readPlaintext(connection)
        resumeReceiving(connection)
    }
}
