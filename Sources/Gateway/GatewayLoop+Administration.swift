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
            session: session.pointee.place.index, generation: session.pointee.tagGeneration,
            requestID: entry.requestID,
            slot: entry.slot, charge: UInt32(charge))
        do throws(Refusal) {
            tag = try count(tag, limit: authorized.limit, isMetered: false, session)
            guard let document = try answerNow(command, entry, session) else {
                return try answerLater(command, entry, tag, session)
            }
            takeBack(tag, entry, session)
            answer(entry, with: document, session)
        } catch {
            takeBack(tag, entry, session)
            throw error
        }
    }

    /// nil when others have to be asked.
    private mutating func answerNow(
        _ command: GatewayCommand, _ entry: Entry, _ session: SessionPointer
    ) throws(Refusal) -> [UInt8]? {
        switch command {
        case .policyShow, .policyEffective, .policyPlan, .policyApply, .policyRollback, .policyHistory,
            .policyExplain, .policySuggest, .sessionList, .deviceList, .deviceResetLane:
            return nil
        case .traceRead:
            return try readTrace(RequestDocument(entry.argument), session)
        case .sessionKill:
            return try killSession(RequestDocument(entry.argument), session.pointee.identity)
        case .deviceDisable, .deviceDrain, .deviceEnable:
            return try changeDevice(command, RequestDocument(entry.argument), session.pointee.identity)
        case .leaseList, .leaseRevoke:
            return try administerLeases(command, RequestDocument(entry.argument), session.pointee.identity)
        }
    }

    /// `{"after": ...}` of a list is the last item of an answer that said there are more.
    private mutating func answerLater(
        _ command: GatewayCommand, _ entry: Entry, _ tag: OperationTag, _ session: SessionPointer
    ) throws(Refusal) {
        switch command {
        case .sessionList:
            let document = try RequestDocument(entry.argument)
            try document.allow("after")
            gather(.sessions(after: try document.number("after") ?? 0), tag)
        case .deviceList:
            let document = try RequestDocument(entry.argument)
            try document.allow("after")
            gather(.devices(after: try document.text("after") ?? ""), tag)
        case .deviceResetLane:
            try resetLane(RequestDocument(entry.argument), session.pointee.identity, tag)
        default: try ask(command, entry, tag, session)
        }
    }

    /// The first loop has the administrator.
    private mutating func ask(
        _ command: GatewayCommand, _ entry: Entry, _ tag: OperationTag, _ session: SessionPointer
    ) throws(Refusal) {
        let request = AdministrationDesk.Request(
            task: .command(command, document: entry.argument.array),
            identity: session.pointee.identity, peer: session.pointee.peerIdentity, tag: tag)
        guard number == 0 else { return tell(0, .ask(request)) }
        try desk.add(request)
        beginNextRequest()
    }

    /// For a session of another loop.
    mutating func ask(_ request: AdministrationDesk.Request) {
        do throws(Refusal) {
            try desk.add(request)
            beginNextRequest()
        } catch {
            if let tag = request.tag { answer(AdministrationAnswer(refusal: error), tag) }
        }
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
        commons.enter()
        let log = commons.requests.log
        commons.leave()
        desk.begin(
            request,
            AdministrationContext(
                policy: policy, identity: request.identity, peer: request.peer, requests: log,
                time: KernelClock.realtimeSeconds()))
    }

    /// The new policy first, so that who asked for it sees it in force.
    mutating func administered(_ outcome: AdministrationDesk.Outcome) {
        desk.finished()
        let answer = outcome.answer
        if let new = answer.newPolicy {
            install(new, by: outcome.request.identity, thenGive: outcome.request.tag.map { (answer, $0) })
        } else if let tag = outcome.request.tag {
            self.answer(answer, tag)
        }
        if outcome.request.tag == nil {
            let level: Logger.Level = outcome.isFailure ? .error : .notice
            logger.log(level: level, "policy read again", metadata: ["outcome": "\(outcome.text)"])
        }
        beginNextRequest()
    }

    /// Answers the entry, wherever its session is.
    mutating func answer(_ answer: AdministrationAnswer, _ tag: OperationTag) {
        if tag.loop == number { give(answer, tag) } else { tell(tag.loop, .give(answer, tag)) }
    }

    mutating func give(_ answer: AdministrationAnswer, _ tag: OperationTag) {
        guard let session = find(tag) else {
            return auditLateResult(tag, result: answer.refusal?.result ?? 0, isRefused: answer.refusal != nil)
        }
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
