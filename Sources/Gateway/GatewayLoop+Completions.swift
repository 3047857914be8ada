import RingEngine
import RingPolicy
import RingProtocol

/// From a completion to the client.
extension GatewayLoop {
    /// Writes an operation's result to its session, if that still exists.
    @inline(__always)
    mutating func answer(_ completion: EngineCompletion, from loop: UInt8? = nil) {
        let tag = completion.tag
        guard tag.session < Console.tagSession || tag.session == .max else { return ownTold(completion) }
        let session = find(tag)
        if tag.meters != 0 { uncount(Counted(bits: tag.meters), session) }
        guard let session, !session.pointee.isOver else {
            _ = settle(completion, nil)
            return
        }
        let refusal = settle(completion, session) ?? completion.refusal
        guard tag.requestID != .none else { return }
        if !session.pointee.cancels.isEmpty, goesOn(completion, from: loop ?? number, session) { return }
        if !session.pointee.state.streams.isEmpty, session.pointee.state.streams[tag.requestID] != nil {
            return streamed(completion, session)
        }
        if let refusal { return refuse(tag.requestID, refusal, charge: Int(tag.charge), session) }
        var flags = CompletionFlags.engine(completion.engine)
        if completion.isIndeterminate { flags.insert(.indeterminate) }
        complete(
            CompletionHeader(
                tag.requestID, result: completion.result, payloadLength: completion.payload.count,
                deviceTime: completion.deviceTime, flags: flags), completion.payload, charge: Int(tag.charge),
            session)
    }

    /// An operation that no client has asked for.
    private mutating func ownTold(_ completion: EngineCompletion) {
        if completion.tag.session == Console.tagSession { consoleTold(completion) } else { ran(completion) }
    }

    /// Lets the slot know. The result is what to tell the client instead of an open's success.
    @inline(__always)
    private mutating func settle(
        _ completion: EngineCompletion, _ session: SessionPointer?
    ) -> Refusal? {
        switch completion.kind {
        case .operation, .cancelled: return nil
        case .opened(let file):
            let tag = completion.tag
            return fill(file, tag, session)?.refusal(of: tag.slot)
        case .gave(let file):
            // The command has run, so its own result is told even if the file goes with the slot that gave
            // it.
            _ = fill(file, completion.tag, session)
            return nil
        case .notOpened, .gaveNothing, .closed:
            empty(completion.tag, session)
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
