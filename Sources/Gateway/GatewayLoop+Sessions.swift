import Logging
import RingPolicy
import RingProtocol

/// A session as administration sees it.
private struct SessionReport: Encodable {
    struct Slot: Encodable {
        let slot: UInt16
        let device: String
        let state: String
    }
    let session: UInt64
    let identity: String
    let principals: [String]
    let peer: String
    let slots: [Slot]
    let inFlight: Int

    init(_ connection: ConnectionPointer) {
        session = connection.pointee.session
        identity = connection.pointee.identity
        principals = connection.pointee.rights?.policy.principals.names.sorted() ?? []
        peer = connection.pointee.peer.description
        slots = connection.pointee.state.slots.inUse.map { number in
            let slot = connection.pointee.state.slots[number]
            return Slot(slot: number.index, device: slot.grant?.device.name ?? "", state: slot.word)
        }
        inFlight = connection.pointee.state.inFlight
    }
}

extension GatewayLoop {
    /// `{"after": N}`, where N is the last session of an answer that said there are more.
    mutating func listSessions(_ document: RequestDocument) throws(Refusal) -> [UInt8] {
        try document.allow("after")
        let after = try document.number("after") ?? 0
        let sessions = servedSessions().filter { $0.pointee.session > after }
        var list = ReplyList("sessions")
        for connection in sessions where !list.add(SessionReport(connection)) {
            return list.finished(hasMore: true)
        }
        return list.finished(hasMore: false)
    }

    /// `{"session": N, "reason": "..."}`. Also one's own, which then hears of it by that.
    mutating func killSession(_ document: RequestDocument, _ identity: String) throws(Refusal) -> [UInt8] {
        try document.allow("session", "reason")
        let reason = try document.reason()
        guard let number = try document.number("session") else {
            throw Refusal(.shape, "`session` must be the number of a session")
        }
        var killed = false
        forEachConnection { loop, connection, index in
            guard connection.pointee.isServed, connection.pointee.session == number, number != 0 else {
                return
            }
            killed = true
            loop.logger.notice(
                "session killed",
                metadata: [
                    "session": "\(number)", "identity": "\(connection.pointee.identity)", "by": "\(identity)",
                    "reason": "\(reason)",
                ])
            loop.end(connection, index, SessionError(.revoked, reason))
        }
        guard killed else { throw Refusal(.shape, "there is no session \(number)") }
        return Array("{}".utf8)
    }

    /// In order of their numbers.
    private mutating func servedSessions() -> [ConnectionPointer] {
        var sessions: [ConnectionPointer] = []
        forEachConnection { _, connection, _ in
            if connection.pointee.isServed, connection.pointee.session != 0 { sessions.append(connection) }
        }
        return sessions.sorted { $0.pointee.session < $1.pointee.session }
    }
}
