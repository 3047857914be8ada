import Logging
import RingEngine
import RingPolicy
import RingProtocol

/// Certificates of those who are in already: what would not be let in now does not stay.
extension GatewayLoop {
    /// Other files: for the first loop.
    mutating func renew(_ new: Trust) {
        logger.notice("certificates in force", metadata: new.metadata)
        tellOthers(.trust(new))
        adopt(new)
    }

    /// Goes by another trust from now on.
    mutating func adopt(_ new: Trust) {
        trust = new
        judge { _ in true }
    }

    /// Certificates and revocation lists end by themselves as well.
    mutating func lookAtCertificates() {
        let time = Int64(clamping: KernelClock.realtimeSeconds())
        guard time >= nextJudgement else { return }
        judge { $0 <= time }
    }

    /// Judges those anew of whom `isDue` says so by the time until which they were good.
    private mutating func judge(_ isDue: (Int64) -> Bool) {
        var next = Int64.max
        forEachSession { loop, session in
            if isDue(session.pointee.goodUntil) { loop.judge(session) }
            if !session.pointee.isOver { next = min(next, session.pointee.goodUntil) }
        }
        forEachConnection { loop, connection in
            guard connection.pointee.stage == .serving, connection.pointee.session == nil else { return }
            if isDue(connection.pointee.goodUntil) { loop.judge(connection) }
            next = min(next, connection.pointee.goodUntil)
        }
        nextJudgement = next
    }

    private mutating func judge(_ session: SessionPointer) {
        guard !session.pointee.isOver, let certificate = session.pointee.certificate else { return }
        switch trust.judge(certificate, session.pointee.peerIdentity) {
        case .good(let until): session.pointee.goodUntil = until
        case .bad(let reason):
            session.pointee.goodUntil = .max
            events.add(
                .notice, "revoked", session.pointee.peer,
                [
                    "identity": "\(session.pointee.identity)", "session": "\(session.pointee.number)",
                    "reason": "\(reason)",
                ])
            revoke(session, reason)
        }
    }

    /// A connection whose hello has not come yet, or that has just come from another loop.
    mutating func judge(_ connection: ConnectionPointer) {
        guard let certificate = connection.pointee.certificate, let identity = connection.pointee.peerIdentity
        else { return }
        switch trust.judge(certificate, identity) {
        case .good(let until):
            connection.pointee.goodUntil = until
            nextJudgement = min(nextJudgement, until)
        case .bad(let reason):
            connection.pointee.goodUntil = .max
            counters.refusedPeers.increment()
            end(connection, SessionError(.revoked, reason))
        }
    }
}
