import RingProtocol

/// Entries the gateway answers by itself.
extension GatewayLoop {
    mutating func answerNop(
        _ entry: Entry, _ session: SessionPointer
    ) throws(Refusal) {
        try entry.requireZero()
        answer(entry, with: [], session)
    }

    /// The trace that later entries belong to; none where the argument is empty.
    mutating func setContext(_ entry: Entry, _ session: SessionPointer) throws(Refusal) {
        try entry.requireZero(argument: true)
        let context = entry.argument.text.flatMap { TraceContext($0) }
        guard context != nil || entry.argument.count == 0 else {
            throw Refusal(.shape, "the argument is no traceparent of W3C Trace Context")
        }
        session.pointee.context = context
        answer(entry, with: [], session)
    }

    mutating func answerList(
        _ entry: Entry, _ session: SessionPointer
    ) throws(Refusal) {
        guard !entry.isStream else { return try watchList(entry, session) }
        try entry.requireZero()
        answer(entry, with: try rights(session).encodedList(), session)
    }

    mutating func answerDescribe(
        _ entry: Entry, _ session: SessionPointer
    ) throws(Refusal) {
        try entry.requireZero(argument: true)
        answer(entry, with: try rights(session).encodedDescription(of: entry.argument), session)
    }

    /// Replies of this kind are not counted against any credit, so they wait for what is waiting.
    func requireRoom(_ session: SessionPointer) throws(Refusal) {
        guard session.pointee.waitingOutput <= GatewayLimits.outputHighWater,
            session.pointee.state.replay.size <= GatewayLimits.outputHighWater
        else { throw Refusal(.busy, "too many answers wait to be taken; read them and try again") }
    }

    private func rights(_ session: SessionPointer) throws(Refusal) -> PeerRights {
        try requireRoom(session)
        return session.pointee.rights
    }

    mutating func answer(
        _ entry: Entry, with payload: [UInt8], _ session: SessionPointer
    ) {
        answer(entry.requestID, with: payload, session)
    }

    /// Nothing but a result.
    mutating func answer(_ requestID: RequestID, result: Int32, _ session: SessionPointer) {
        guard requestID != .none else { return }
        complete(
            CompletionHeader(requestID, result: result, flags: .engine(.gateway)),
            UnsafeRawBufferPointer(start: nil, count: 0), session)
    }

    mutating func answer(
        _ requestID: RequestID, with payload: [UInt8], _ session: SessionPointer
    ) {
        payload.withUnsafeBytes { bytes in
            complete(
                CompletionHeader(
                    requestID, result: 0, payloadLength: bytes.count, flags: .engine(.gateway)),
                bytes, session)
        }
    }
}
