import Logging
import RingAdministration
import RingEngine
import RingPolicy
import RingProtocol

/// Commands on `@gateway`. Those on policies are the administrator's; those on sessions and devices are
/// answered here.
extension GatewayLoop {
    mutating func administer(
        _ authorized: consuming AuthorizedCommand, _ entry: Entry, _ session: SessionPointer
    ) throws(Refusal) {
        guard authorized.action == .command, let command = GatewayCommand(rawValue: entry.subOpcode.code)
        else {
            throw Refusal(.unsupported, "the gateway has no bytes to read or write")
        }
        try requireRoom(session)
        let charge = entry.argument.count
        try session.pointee.state.charge(charge)
        var tag = OperationTag(
            session: session.pointee.place.index, generation: session.pointee.place.generation,
            requestID: entry.requestID,
            slot: entry.slot, charge: UInt32(charge))
        do throws(Refusal) {
            tag = try count(tag, limit: authorized.limit, isMetered: false, session)
            guard let document = try answerNow(command, entry, session) else {
                return try ask(command, entry, tag, session)
            }
            takeBack(tag, entry, session)
            answer(entry, with: document, session)
        } catch {
            takeBack(tag, entry, session)
            throw error
        }
    }

    /// nil when the command is one for the administrator.
    private mutating func answerNow(
        _ command: GatewayCommand, _ entry: Entry, _ session: SessionPointer
    ) throws(Refusal) -> [UInt8]? {
        switch command {
        case .policyShow, .policyEffective, .policyPlan, .policyApply, .policyRollback, .policyHistory,
            .policyExplain, .policySuggest:
            return nil
        case .sessionList: return try listSessions(RequestDocument(entry.argument))
        case .sessionKill:
            return try killSession(RequestDocument(entry.argument), session.pointee.identity)
        case .deviceList: return try listDevices(RequestDocument(entry.argument))
        case .deviceDisable, .deviceDrain, .deviceEnable, .deviceResetLane:
            return try changeDevice(command, RequestDocument(entry.argument), session.pointee.identity)
        case .leaseList, .leaseRevoke:
            return try administerLeases(command, RequestDocument(entry.argument), session.pointee.identity)
        }
    }

    private mutating func ask(
        _ command: GatewayCommand, _ entry: Entry, _ tag: OperationTag, _ session: SessionPointer
    ) throws(Refusal) {
        try desk.add(
            .init(
                task: .command(command, document: entry.argument.array),
                identity: session.pointee.identity, peer: session.pointee.peerIdentity, tag: tag))
        beginNextRequest()
    }

    /// Once more, whatever happens to the one that waits.
    mutating func reloadPolicy() {
        guard !desk.isReloadWaiting else { return }
        do throws(Refusal) {
            try desk.add(.init(task: .reload, identity: "the gateway's host", peer: nil, tag: nil))
            beginNextRequest()
        } catch {
            logger.error("the policy is not read again", metadata: ["reason": "\(error.text)"])
        }
    }

    private mutating func beginNextRequest() {
        guard let request = desk.next() else { return }
        desk.begin(
            request,
            AdministrationContext(
                policy: policy, identity: request.identity, peer: request.peer, requests: requests.log,
                time: KernelClock.realtimeSeconds()))
    }

    /// The new policy first, so that who asked for it sees it in force.
    mutating func administered(_ outcome: AdministrationDesk.Outcome) {
        desk.finished()
        if let new = outcome.answer.newPolicy { install(new, by: outcome.request.identity) }
        if let tag = outcome.request.tag {
            give(outcome.answer, tag)
        } else {
            let level: Logger.Level = outcome.isFailure ? .error : .notice
            logger.log(level: level, "policy read again", metadata: ["outcome": "\(outcome.text)"])
        }
        beginNextRequest()
    }

    private mutating func give(_ answer: AdministrationAnswer, _ tag: OperationTag) {
        guard let session = sessions.find(tag.session, tag.generation) else { return }
        session.pointee.state.refund(Int(tag.charge))
        uncount(Counted(bits: tag.meters), session)
        if let refusal = answer.refusal { return refuse(tag.requestID, refusal, session) }
        guard answer.document.count <= Limits.payload else {
            let text = "the answer has \(answer.document.count) bytes; at most \(Limits.payload) can be given"
            return refuse(tag.requestID, Refusal(.busy, text), session)
        }
        self.answer(tag.requestID, with: answer.document, session)
    }
}
