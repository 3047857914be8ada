import RingEngine
import RingPolicy
import RingProtocol

/// From a completion to the client.
extension GatewayLoop {
    /// Answers commands that return nothing but their result, until something else is in their way.
    mutating func answerPlain() {
        while let completion = engine.nextPlain() {
            let tag = completion.tag.pointee
            answer(completion)
            answerMore(like: tag)
        }
    }

    /// Answers what follows, as long as it is the same session's: nothing but answers happens to that meanwhile, so what holds
    /// for one of them holds for the next. Not when more than an answer is to be done about each.
    private mutating func answerMore(like tag: OperationTag) {
        guard tag.meters == 0, isMine(tag), let session = find(tag),
            let connection = session.pointee.connection,
            !session.pointee.isOver, session.pointee.cancels.isEmpty, session.pointee.deadlines.isEmpty,
            !session.pointee.state.sequencer.isActive, audit.awaited.isEmpty, trace.arrivals.isEmpty,
            connection.pointee.isDirty, connection.pointee.lastActivity == now
        else { return }
        while true {
            let row = connection.pointee.outbox.appendBare { engine.takePlain(like: tag, into: $0) }
            guard row.count > 0 else { return }
            session.pointee.state.complete(bare: row, charge: Int(tag.charge))
        }
    }

    /// Writes a command's result to its session, if there is nothing else to be done about it.
    @inline(__always)
    private mutating func answer(_ plain: PlainCompletion) {
        let tag = plain.tag.pointee
        guard isMine(tag), tag.meters == 0, tag.requestID != .none, let session = find(tag),
            session.pointee.cancels.isEmpty
        else {
            return answerRare(plain)
        }
        complete(
            CompletionHeader(
                tag.requestID, result: plain.result, deviceTime: plain.deviceTime, flags: .engine(.ring)),
            UnsafeRawBufferPointer(start: nil, count: 0), charge: Int(tag.charge), session)
    }

    private mutating func answerRare(_ plain: PlainCompletion) {
        let told = EngineCompletion(plain)
        if isMine(told.tag) {
            withUnsafePointer(to: told) { answer($0) }
        } else {
            forward(told)
        }
    }

    /// Writes an operation's result to its session, if that still exists.
    @inline(__always)
    mutating func answer(_ told: UnsafePointer<EngineCompletion>, from loop: UInt8? = nil) {
        let tag = told.pointee.tag
        guard tag.session < Console.tagSession || tag.session == .max else { return ownTold(told.pointee) }
        let session = find(tag)
        if tag.meters != 0 { uncount(Counted(bits: tag.meters), session) }
        guard let session, !session.pointee.isOver else {
            _ = settle(told.pointee.kind, tag, nil)
            return auditLateResult(tag, result: told.pointee.result, isRefused: told.pointee.refusal != nil)
        }
        let ending = settle(told.pointee.kind, tag, session)
        guard tag.requestID != .none else { return }
        if !session.pointee.cancels.isEmpty, goesOn(told.pointee, from: loop ?? number, session) { return }
        if !session.pointee.state.streams.isEmpty, session.pointee.state.streams[tag.requestID] != nil {
            return streamed(told.pointee, session)
        }
        if let refusal = ending ?? told.pointee.refusal {
            return refuse(tag.requestID, refusal, charge: Int(tag.charge), session)
        }
        var flags = CompletionFlags.engine(told.pointee.engine)
        if told.pointee.isIndeterminate { flags.insert(.indeterminate) }
        complete(
            CompletionHeader(
                tag.requestID, result: told.pointee.result, payloadLength: told.pointee.payload.count,
                deviceTime: told.pointee.deviceTime, flags: flags), told.pointee.payload,
            charge: Int(tag.charge),
            session)
    }

    /// An operation that no client has asked for.
    private mutating func ownTold(_ completion: EngineCompletion) {
        if completion.tag.session == Console.tagSession { consoleTold(completion) } else { ran(completion) }
    }

    /// Lets the slot know. The result is what to tell the client instead of an open's success.
    @inline(__always)
    private mutating func settle(
        _ kind: EngineCompletion.Kind, _ tag: OperationTag, _ session: SessionPointer?
    ) -> Refusal? {
        switch kind {
        case .operation, .cancelled: return nil
        case .opened(let file):
            return fill(file, tag, session)?.refusal(of: tag.slot)
        case .gave(let file):
            // The command has run, so its own result is told even if the file goes with the slot that gave
            // it.
            _ = fill(file, tag, session)
            return nil
        case .notOpened, .gaveNothing, .closed:
            empty(tag, session)
            return nil
        }
    }

    mutating func refuse(
        _ requestID: RequestID, _ refusal: Refusal, charge: Int = 0, _ session: SessionPointer
    ) {
        refusal.encoded().withUnsafeBytes { payload in
            complete(
                CompletionHeader(
                    requestID, result: refusal.result, payloadLength: payload.count,
                    deviceTime: refusal.retryAfter, flags: refusal.flags),
                payload, charge: charge, session)
        }
    }

    /// The one place where an entry is answered. The completion takes `charge` bytes of the session's credit with it.
    @inline(__always)
    mutating func complete(
        _ header: CompletionHeader, _ payload: UnsafeRawBufferPointer, charge: Int = 0,
        _ session: SessionPointer
    ) {
        if !audit.awaited.isEmpty { auditResult(header, session) }
        if !trace.arrivals.isEmpty { traceAnswer(header, payload, session) }
        guard !session.pointee.isOver else { return }
        if session.pointee.state.sequencer.isActive, !sequence(header, charge, session) { return }
        if !session.pointee.deadlines.isEmpty { forgetDeadline(header.requestID, session) }
        session.pointee.state.complete(header, payload, charge: charge)
        guard let connection = session.pointee.connection else { return }
        connection.pointee.outbox.append(header, payload)
        connection.pointee.lastActivity = now
        markDirty(connection)
    }
}
