import Glibc
import RingEngine
import RingPolicy
import RingProtocol

/// Streams: an entry with many completions. Of a read the gateway issues one after the other, as long as the client has
/// credit for events, so that what nobody takes stays in the device's own buffer.
extension GatewayLoop {
    /// Starts a stream whose right was decided already. It counts once against the limits of its rule and device.
    mutating func begin(
        _ entry: Entry, limit: Int, isMetered: Bool, _ session: SessionPointer
    ) throws(Refusal) {
        let terms = try StreamTerms(entry)
        if isMetered || limit != 0 {
            let tag = OperationTag(
                session: session.pointee.place.index, generation: session.pointee.tagGeneration,
                requestID: entry.requestID, slot: entry.slot)
            let counted = try count(tag, limit: limit, isMetered: isMetered, session)
            uncount(Counted(bits: counted.meters), session)
        }
        try session.pointee.state.charge(terms.charge)
        session.pointee.state.streams.begin(entry, terms)
        do throws(Refusal) {
            try issueNext(entry.requestID, session)
        } catch {
            session.pointee.state.streams[entry.requestID] = nil
            session.pointee.state.refund(terms.charge)
            throw error
        }
    }

    /// Hands the stream's next operation to the engine, decided as it is now.
    private mutating func issueNext(_ id: RequestID, _ session: SessionPointer) throws(Refusal) {
        guard let stream = session.pointee.state.streams[id], stream.operation != .list, stream.console == 0
        else { return }
        let streams = session.pointee.state.streams
        let refusal = streams.withEntry(id) { entry -> Refusal? in
            do throws(Refusal) {
                let slot = try session.pointee.state.slots.open(entry.slot)
                let grant = slot.grant.takeUnretainedValue()
                let command = try grant.authorize(entry, on: slot.file, &layout) { _ in nil }
                let tag = OperationTag(
                    session: session.pointee.place.index, generation: session.pointee.tagGeneration,
                    requestID: id, slot: entry.slot)
                try submit(
                    command, entry, by: grant, tag: tag, of: session, waitsForInput: true, isRepeated: true)
                return nil
            } catch {
                return error
            }
        }
        if let refusal = refusal ?? nil { throw refusal }
        session.pointee.state.streams[id]?.isRunning = true
    }

    /// Goes on with a stream that rests, if its client takes more.
    private mutating func goOn(_ id: RequestID, _ session: SessionPointer) {
        guard let stream = session.pointee.state.streams[id], !stream.isRunning else { return }
        guard !stream.isCancelled else { return finish(id, -ECANCELED, session) }
        guard stream.console == 0 else { return goOn(id, console: stream.console, session) }
        guard stream.credit > 0 else { return }
        guard session.pointee.waitingOutput <= GatewayLimits.outputHighWater else {
            session.pointee.state.streams.isThrottled = true
            return
        }
        do throws(Refusal) {
            try issueNext(id, session)
        } catch {
            finish(id, error, session)
        }
    }

    private mutating func goOn(_ id: RequestID, console: DeviceTable.Index, _ session: SessionPointer) {
        commons.enter()
        defer { commons.leave() }
        consoles[console]?.hub.setHeld(.init(session: session.pointee.number, request: id), false)
        pump(console)
    }

    /// The client takes its bytes again.
    mutating func resumeStreams(_ session: SessionPointer) {
        session.pointee.state.streams.isThrottled = false
        for id in session.pointee.state.streams.resting { goOn(id, session) }
    }

    // MARK: Events

    /// An operation of a stream has come back.
    mutating func streamed(_ completion: EngineCompletion, _ session: SessionPointer) {
        let id = completion.tag.requestID
        guard let stream = session.pointee.state.streams[id] else { return }
        session.pointee.state.streams[id]?.isRunning = completion.hasMore
        if let refusal = completion.refusal { return finish(id, refusal, session) }
        let isEvent = stream.operation == .poll ? completion.result >= 0 : completion.result > 0
        guard isEvent else {
            return finish(id, completion.result, isIndeterminate: completion.isIndeterminate, session)
        }
        tell(id, completion.result, completion.payload, .engine(completion.engine), session)
        goOn(id, session)
    }

    /// Tells the client of an event, or counts it as lost.
    mutating func tell(
        _ id: RequestID, _ result: Int32, _ payload: UnsafeRawBufferPointer, _ engine: CompletionFlags,
        _ session: SessionPointer
    ) {
        tellLost(id, session)
        guard let stream = session.pointee.state.streams[id],
            session.pointee.state.streams.takeCredit(id)
        else { return }
        complete(
            CompletionHeader(
                id, result: result, payloadLength: payload.count,
                deviceTime: CompletionHeader.eventTime(now), flags: engine.union(.more)),
            payload, charge: stream.eventCharge, session)
    }

    /// Says how many events were lost, in their place.
    private mutating func tellLost(_ id: RequestID, _ session: SessionPointer) {
        guard let lost = session.pointee.state.streams.takeLost(id) else { return }
        withUnsafeBytes(of: lost.littleEndian) { payload in
            complete(Gap.header(id, found: now), payload, session)
        }
    }

    /// A credit entry: more events may come.
    mutating func grantCredit(_ entry: Entry, _ session: SessionPointer) throws(Refusal) {
        guard let grant = CreditGrant.decode(entry) else {
            throw Refusal(
                .shape, "a credit has a stream's request id in offset and 1 to \(Limits.credit) events")
        }
        guard let stream = session.pointee.state.streams[grant.stream] else {
            return answer(entry.requestID, result: -ENOENT, session)
        }
        try session.pointee.state.charge(grant.events * stream.eventCharge)
        guard session.pointee.state.streams.grant(grant.stream, grant.events) else {
            session.pointee.state.refund(grant.events * stream.eventCharge)
            throw Refusal(.busy, "a stream is owed at most \(Limits.credit) events at a time")
        }
        answer(entry.requestID, result: 0, session)
        if stream.console != 0 {
            let key = ConsoleHub.Key(session: session.pointee.number, request: grant.stream)
            commons.enter()
            _ = consoles[stream.console]?.hub.grant(key, credit: UInt32(grant.events))
            commons.leave()
        }
        tellLost(grant.stream, session)
        goOn(grant.stream, session)
    }

    // MARK: Ends

    mutating func finish(
        _ id: RequestID, _ result: Int32, isIndeterminate: Bool = false, _ session: SessionPointer
    ) {
        guard let stream = take(id, session) else { return }
        let isWanted = stream.isCancelled && result < 0
        complete(
            CompletionHeader(
                id, result: isWanted ? -ECANCELED : result,
                flags: stream.operation == .list ? .engine(.gateway) : .engine(.ring)),
            UnsafeRawBufferPointer(start: nil, count: 0), session)
        answerCancels(of: stream, session)
    }

    mutating func finish(_ id: RequestID, _ refusal: Refusal, _ session: SessionPointer) {
        guard let stream = take(id, session) else { return }
        refuse(id, refusal, session)
        answerCancels(of: stream, session)
    }

    mutating func take(_ id: RequestID, _ session: SessionPointer) -> StreamTable.Stream? {
        guard let stream = session.pointee.state.streams[id] else { return nil }
        if stream.console != 0 {
            commons.enter()
            consoles[stream.console]?.hub.end(.init(session: session.pointee.number, request: id))
            commons.leave()
        }
        session.pointee.state.streams[id] = nil
        session.pointee.state.refund(stream.unusedCharge)
        return stream
    }

    mutating func answerCancels(of stream: StreamTable.Stream, _ session: SessionPointer) {
        for id in stream.cancels { answer(id, result: 0, session) }
    }

    /// Ends the streams of a slot that no operation is under way for; the others end with theirs.
    mutating func endRestingStreams(on slot: FileSlot, _ session: SessionPointer) {
        guard !session.pointee.state.streams.isEmpty else { return }
        for id in session.pointee.state.streams.all(on: slot)
        where session.pointee.state.streams[id]?.isRunning == false {
            finish(id, -ECANCELED, session)
        }
    }

    /// Ends a stream for a cancel, which is answered with its end. False when there is no such stream.
    mutating func cancelStream(
        _ id: RequestID, answering cancel: RequestID?, _ session: SessionPointer
    ) -> Bool {
        guard let stream = session.pointee.state.streams[id] else { return false }
        session.pointee.state.streams[id]?.cancels.append(cancel ?? .none)
        if !stream.isRunning { finish(id, -ECANCELED, session) }
        return true
    }
}
