import Logging
import RingEngine
import RingPolicy
import RingProtocol

/// Whom the policy recognizes, what it lets them do, and how another takes its place: in one turn, so that
/// every entry is decided by one policy as a whole.
extension GatewayLoop {
    /// Resolved once for all sessions of the same principals.
    mutating func rights(of principals: PrincipalSet) -> PeerRights {
        if let known = rights[principals] { return known }
        let resolved = PeerRights(policy.policy(for: principals, at: KernelClock.realtimeSeconds()))
        rights[principals] = resolved
        return resolved
    }

    /// Puts another policy in force for everybody.
    mutating func install(_ new: PolicySnapshot, by identity: String) {
        logger.notice(
            "policy in force",
            metadata: [
                "revision": "\(Revision.text(new.revision))", "before": "\(Revision.text(policy.revision))",
                "by": "\(identity)",
            ])
        policy = new
        devices.changeLimits(to: new.devices, now: now)
        resolveRights()
    }

    /// Rights may change at a time that the policy states.
    mutating func lookAtTime() {
        guard let next = nextChangeOfRights, KernelClock.realtimeSeconds() >= next else { return }
        logger.notice("rights change as the policy says: an observation has ended")
        resolveRights()
    }

    /// What is in flight goes on: it was admitted under the policy of its time.
    private mutating func resolveRights() {
        rights = [:]
        nextChangeOfRights = policy.nextChange(after: KernelClock.realtimeSeconds())
        forEachConnection { loop, connection, index in
            guard connection.pointee.isServed, let identity = connection.pointee.peerIdentity else { return }
            loop.recognizeAgain(identity, connection, index)
        }
    }

    private mutating func recognizeAgain(
        _ identity: PeerIdentity, _ connection: ConnectionPointer, _ index: UInt32
    ) {
        do throws(IdentityError) {
            let rights = rights(of: try policy.recognize(identity))
            connection.pointee.rights = rights
            for closing in connection.pointee.state.regrant(by: rights.policy, now: now) {
                close(closing, connection, index)
            }
        } catch {
            end(connection, index, SessionError(.revoked, "the policy changed: \(error.text)"))
        }
    }
}
