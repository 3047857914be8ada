import Logging
import RingPolicy
import RingProtocol

/// A session as administration sees it.
public struct SessionReport: Encodable, Sendable {
    public struct Slot: Encodable, Sendable {
        public let slot: UInt16
        public let device: String
        public let state: String
    }
    public let session: UInt64
    public let identity: String
    public let principals: [String]
    /// The client's address and port.
    public let peer: String
    /// False while it waits for its client to come back.
    public let isConnected: Bool
    public let slots: [Slot]
    public let inFlight: Int
    /// Entries that it has sent so far.
    public let entries: Int

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
        entries = session.pointee.state.accepted
    }
}

extension GatewayLoop {
    /// Sessions after the one of that number.
    func listSessions(after: UInt64, _ parts: [Gathering.Part]) -> [UInt8] {
        let sessions = parts.flatMap(\.sessions).filter { $0.session > after }
            .sorted { $0.session < $1.session }
        var list = ReplyList("sessions")
        for session in sessions where !list.add(session) { return list.finished(hasMore: true) }
        return list.finished(hasMore: false)
    }

    /// `{"session": N, "reason": "..."}`. Also one's own, which then hears of it by that.
    mutating func killSession(_ document: RequestDocument, _ identity: String) throws(Refusal) -> [UInt8] {
        try document.allow("session", "reason")
        let reason = try document.reason()
        guard let number = try document.number("session") else {
            throw Refusal(.shape, "`session` must be the number of a session")
        }
        commons.enter()
        let person = commons.people[number]
        commons.leave()
        guard let person else { throw Refusal(.shape, "there is no session \(number)") }
        logger.notice(
            "session killed",
            metadata: [
                "session": "\(number)", "identity": "\(person.identity)", "by": "\(identity)",
                "reason": "\(reason)",
            ])
        let loop = commons.loop(of: number)
        if loop == self.number {
            revoke(number, reason)
        } else {
            commons.mailboxes[Int(loop)].post(.revoke(session: number, reason: reason))
        }
        return Array("{}".utf8)
    }

    mutating func revoke(_ number: UInt64, _ reason: String) {
        if let session = find(session: number) { revoke(session, reason) }
    }
}
