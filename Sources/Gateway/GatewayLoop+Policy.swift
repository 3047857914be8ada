import Logging
import RingAdministration
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

    /// Puts another policy in force for everybody; for the first loop. Once it is in force in all of them, and in the
    /// devices' own processes, `answer` is given.
    mutating func install(
        _ new: PolicySnapshot, by identity: String,
        thenGive answer: (AdministrationAnswer, OperationTag)? = nil
    ) {
        logger.notice(
            "policy in force",
            metadata: [
                "revision": "\(Revision.text(new.revision))", "before": "\(Revision.text(policy.revision))",
                "by": "\(identity)",
            ])
        putOnRecord(.policy) { record in
            record.add("revision", Revision.text(new.revision))
            record.add("before", Revision.text(policy.revision))
            record.add("by", identity)
        }
        policy = new
        changeDevices(to: new)
        watchNodes()
        let mailboxes = commons.mailboxes
        let countdown = Countdown(mailboxes.count) {
            guard let (answer, tag) = answer else { return }
            mailboxes[Int(tag.loop)].post(.give(answer, tag))
        }
        // First where it is decided once more: what a loop lets through by it must not come there before it.
        for mailbox in mailboxes[commons.loops...] { mailbox.post(.adopt(new, countdown)) }
        tellOthers(.adopt(new, countdown))
        adopt(new, countdown)
    }

    private mutating func changeDevices(to new: PolicySnapshot) {
        commons.enter()
        defer { commons.leave() }
        for index in devices.change(to: new.devices, now: now) {
            leases.advance(to: now)
            leases.revoke(index, .policy)
            settleLeases()
            endSlots(on: index, .policyChanged)
        }
    }

    /// Goes by another policy from now on.
    mutating func adopt(_ new: PolicySnapshot, _ countdown: Countdown) {
        if mode == .serving {
            policy = new
            setConsoles()
            resolveRights()
        }
        countdown.arrive()
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
        forEachSession { loop, session in loop.recognizeAgain(session) }
        forEachConnection { loop, connection in
            guard connection.pointee.stage == .serving, connection.pointee.session == nil else { return }
            loop.recognizeAgain(connection)
        }
    }

    private mutating func recognizeAgain(_ session: SessionPointer) {
        do throws(IdentityError) {
            let rights = rights(of: try policy.recognize(session.pointee.peerIdentity))
            let before = session.pointee.rights.policy
            session.pointee.rights = rights
            commons.enter()
            commons.change(session.pointee.number, rights.policy)
            commons.leave()
            announceRights(session, before: before)
            for closing in session.pointee.state.regrant(by: rights.policy, now: now) {
                close(closing, session)
            }
            revokeLeases(of: session)
        } catch {
            revoke(session, "the policy changed: \(error.text)")
        }
    }

    /// A connection whose hello has not come yet.
    mutating func recognizeAgain(_ connection: ConnectionPointer) {
        guard let identity = connection.pointee.peerIdentity else { return }
        do throws(IdentityError) {
            connection.pointee.rights = rights(of: try policy.recognize(identity))
        } catch {
            end(connection, SessionError(.revoked, "the policy changed: \(error.text)"))
        }
    }
}
