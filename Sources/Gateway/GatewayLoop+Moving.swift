import RingEngine
import RingPolicy
import RingProtocol

/// How a connection gets from the first loop, which accepts and greets all, to the loop of its session: with its TLS state
/// and what has been read, as soon as neither loop's ring has anything under way for it.
extension GatewayLoop {
    mutating func departIfIdle(_ connection: ConnectionPointer) {
        guard !connection.pointee.isSending, !connection.pointee.isReceiving,
            connection.pointee.pendingShutdowns == 0, let hello = connection.pointee.departure
        else { return }
        prove(connection)
        let index = connection.pointee.place.index
        network.release(index)
        let handed = HandedConnection(connections.take(index), hello)
        commons.mailboxes[Int(home(of: hello))].post(.arrive(handed))
    }

    /// A connection of the first loop's is this one's now.
    mutating func arrived(_ handed: HandedConnection) {
        guard var connection = handed.take() else { return }
        guard let place = connections.reserve(), network.adopt(connection.takeSocket(), at: place.index)
        else {
            counters.connections.subtract(1, ordering: .relaxed)
            let source = connection.peer.source
            commons.entered { $0.door.leave(source) }
            return
        }
        connection.place = place
        connection.stage = .serving
        connection.departure = nil
        let pointer = connections.place(connection, at: place.index)
        recognizeAgain(pointer)
        if pointer.pointee.stage == .serving { judge(pointer) }
        guard pointer.pointee.stage == .serving else { return resumeReceiving(pointer) }
        do throws(WireError) {
            try welcome(handed.hello, pointer)
        } catch {
            counters.protocolErrors.increment()
            end(pointer, SessionError(error))
        }
        decodeInbox(pointer)
        readPlaintext(pointer)
        resumeReceiving(pointer)
    }
}
