import RingEngine
import RingPolicy
import RingProtocol

/// From a completion to the client.
extension GatewayLoop {
    /// Writes an operation's result to its session, if that still exists.
    @inline(__always)
    mutating func answer(_ completion: EngineCompletion) {
        let tag = completion.tag
        guard tag.session != ProcedureRun.tagSession else { return ran(completion) }
        let connection = connections.find(tag.session, tag.generation)
        if tag.meters != 0 { uncount(Counted(bits: tag.meters), connection) }
        guard let connection, connection.pointee.stage != .dead else {
            _ = settle(completion, nil)
            return
        }
        connection.pointee.state.refund(Int(tag.charge))
        let refusal = settle(completion, connection) ?? completion.refusal
        guard tag.requestID != .none else { return }
        if let refusal { return refuse(tag.requestID, refusal, connection, tag.session) }
        var flags = CompletionFlags.engine(completion.engine)
        if completion.isIndeterminate { flags.insert(.indeterminate) }
        complete(
            CompletionHeader(
                tag.requestID, result: completion.result, payloadLength: completion.payload.count,
                deviceTime: completion.deviceTime, flags: flags), completion.payload, connection, tag.session)
    }

    /// Lets the slot know. The result is what to tell the client instead of an open's success.
    @inline(__always)
    private mutating func settle(
        _ completion: EngineCompletion, _ connection: ConnectionPointer?
    ) -> Refusal? {
        switch completion.kind {
        case .operation: return nil
        case .opened(let file):
            let tag = completion.tag
            return fill(file, tag, connection)?.refusal(of: tag.slot)
        case .gave(let file):
            // The command has run, so its own result is told even if the file goes with the slot that gave
            // it.
            _ = fill(file, completion.tag, connection)
            return nil
        case .notOpened, .gaveNothing, .closed:
            empty(completion.tag, connection)
            return nil
        }
    }

    mutating func refuse(
        _ requestID: RequestID, _ refusal: Refusal, _ connection: ConnectionPointer, _ index: UInt32
    ) {
        refusal.encoded().withUnsafeBytes { payload in
            complete(
                CompletionHeader(
                    requestID, result: refusal.result, payloadLength: payload.count, flags: refusal.flags),
                payload, connection, index)
        }
    }

    /// The one place where an entry is answered.
    @inline(__always)
    mutating func complete(
        _ header: CompletionHeader, _ payload: UnsafeRawBufferPointer, _ connection: ConnectionPointer,
        _ index: UInt32
    ) {
        connection.pointee.state.answered()
        guard connection.pointee.isServed else { return }
        connection.pointee.outbox.append(header, payload)
        connection.pointee.lastActivity = now
        markDirty(connection, index)
    }
}
