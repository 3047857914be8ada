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
    /// False while it waits for its client to come back.
    let isConnected: Bool
    let slots: [Slot]
    let inFlight: Int

    init(_ session: SessionPointer) {
        self.session = session.pointee.number
        identity = session.pointee.identity
        principals = session.pointee.rights.policy.principals.names.sorted()
        peer = session.pointee.peer.description
        isConnected = session.pointee.connection != nil
        slots = session.pointee.state.slots.inUse.map { number in
            let slot = session.pointee.state.slots[number]
            return Slot(slot: number.index, device: slot.grant?.device.name ?? "", state: slot.word)
        }
        inFlight = session.pointee.state.inFlight
    }
}

extension GatewayLoop {
    /// `{"after": N}`, where N is the last session of an answer that said there are more.
    mutating func listSessions(_ document: RequestDocument) throws(Refusal) -> [UInt8] {
        try document.allow("after")
        let after = try document.number("after") ?? 0
        let sessions = sessionsInOrder().filter { $0.pointee.number > after }
        var list = ReplyList("sessions")
        for session in sessions where !list.add(SessionReport(session)) {
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
        guard let session = sessionsInOrder().first(where: { $0.pointee.number == number }) else {
            throw Refusal(.shape, "there is no session \(number)")
        }
        logger.notice(
            "session killed",
            metadata: [
                "session": "\(number)", "identity": "\(session.pointee.identity)", "by": "\(identity)",
                "reason": "\(reason)",
            ])
        revoke(session, reason)
        return Array("{}".utf8)
    }

    /// In order of their numbers.
    private mutating func sessionsInOrder() -> [SessionPointer] {
        var sessions: [SessionPointer] = []
        forEachSession { _, session in sessions.append(session) }
        return sessions.sorted { $0.pointee.number < $1.pointee.number }
    }
}
