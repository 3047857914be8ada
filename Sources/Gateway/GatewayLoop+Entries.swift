import RingEngine
import RingPolicy
import RingProtocol

/// From an entry to the engine, and from its completion to the client.
extension GatewayLoop {
    /// Decides one entry and starts it, or answers why not.
    @inline(__always)
    mutating func admit(_ entry: Entry, _ connection: ConnectionPointer, _ index: UInt32) {
        do throws(Refusal) {
            // A close lets a session with a waiting read end in order.
            guard mode == .serving || entry.operation == .close else {
                throw Refusal(.draining, "the gateway is stopping")
            }
            guard entry.timeout == 0 else {
                throw Refusal(.shape, "timeouts were not granted; timeout_ms must be 0")
            }
            switch entry.operation {
            case .command, .read, .write, .sync: try run(entry, connection, index)
            case .nop: try answerNop(entry, connection, index)
            case .open: try open(entry, connection, index)
            case .close: try close(entry, connection, index)
            case .list: try answerList(entry, connection, index)
            case .describe: try answerDescribe(entry, connection, index)
            case .poll, .timeout, .cancel, .lease, nil:
                throw Refusal(.unsupported, "the operation is unknown, or its feature was not granted")
            }
        } catch {
            note(error, of: entry, connection)
            refuse(entry.requestID, error, connection, index)
        }
    }

    @inline(__always)
    private mutating func run(
        _ entry: Entry, _ connection: ConnectionPointer, _ index: UInt32
    ) throws(Refusal) {
        let slot = try connection.pointee.state.openSlot(entry.slot)
        let command = try slot.grant.authorize(entry, on: slot.file)
        let charge = entry.argument.count + command.replySize
        try connection.pointee.state.charge(charge)
        do throws(Refusal) {
            try engine.submit(command, tag: tag(entry, connection, index, charge: charge))
        } catch {
            connection.pointee.state.refund(charge)
            throw error
        }
    }

    @inline(__always)
    private func tag(
        _ entry: Entry, _ connection: ConnectionPointer, _ index: UInt32, charge: Int = 0
    ) -> OperationTag {
        OperationTag(
            session: index, generation: connection.pointee.generation, requestID: entry.requestID,
            slot: entry.slot,
            charge: UInt32(charge))
    }

    private mutating func open(
        _ entry: Entry, _ connection: ConnectionPointer, _ index: UInt32
    ) throws(Refusal) {
        try requireZero(entry, slot: true, argument: true)
        guard let rights = connection.pointee.rights else { throw Refusal(.noRule, "nobody is recognized") }
        let authorized = try rights.policy.authorizeOpen(entry.argument)
        try connection.pointee.state.reserve(entry.slot, for: authorized.grant)
        do throws(Refusal) {
            try engine.open(authorized, tag: tag(entry, connection, index))
        } catch {
            connection.pointee.state.free(entry.slot)
            throw error
        }
    }

    private mutating func close(
        _ entry: Entry, _ connection: ConnectionPointer, _ index: UInt32
    ) throws(Refusal) {
        try requireZero(entry, slot: true)
        let file = try connection.pointee.state.beginClose(entry.slot)
        engine.close(file, tag: tag(entry, connection, index))
    }

    /// Refuses an entry that sets fields its operation does not use.
    func requireZero(_ entry: Entry, slot: Bool = false, argument: Bool = false) throws(Refusal) {
        guard entry.subOpcode.code == 0, entry.offset == 0, slot || entry.slot.index == 0,
            argument || entry.argument.count == 0
        else { throw Refusal(.shape, "a field that this operation does not use is not zero") }
    }

    // MARK: Completions

    /// Writes an operation's result to its session, if that still exists.
    @inline(__always)
    mutating func answer(_ completion: EngineCompletion) {
        let tag = completion.tag
        guard let connection = connections.find(tag.session, tag.generation),
            connection.pointee.stage != .dead
        else {
            if case .opened(let file) = completion.kind { engine.close(file, tag: nil) }
            return
        }
        connection.pointee.state.refund(Int(tag.charge))
        switch completion.kind {
        case .operation: break
        case .opened(let file): opened(file, connection, tag.slot)
        case .notOpened, .closed: release(tag.slot, connection)
        }
        if let refusal = completion.refusal { return refuse(tag.requestID, refusal, connection, tag.session) }
        var flags = CompletionFlags.engine(completion.engine)
        if completion.isIndeterminate { flags.insert(.indeterminate) }
        complete(
            CompletionHeader(
                tag.requestID, result: completion.result, payloadLength: completion.payload.count,
                deviceTime: completion.deviceTime, flags: flags), completion.payload, connection, tag.session)
    }

    /// A session that is on its way out has given up its slots; the file goes the same way.
    private mutating func opened(_ file: OpenFileID, _ connection: ConnectionPointer, _ slot: FileSlot) {
        guard connection.pointee.stage == .serving || connection.pointee.stage == .finishing else {
            return engine.close(file, tag: nil)
        }
        connection.pointee.state.opened(slot, file)
    }

    private func release(_ slot: FileSlot, _ connection: ConnectionPointer) {
        guard connection.pointee.stage == .serving || connection.pointee.stage == .finishing else { return }
        connection.pointee.state.free(slot)
    }

    /// Denials are counted, and logged with all an admin needs to see why.
    private mutating func note(_ refusal: Refusal, of entry: Entry, _ connection: ConnectionPointer) {
        guard refusal.flags.contains(.denied) else { return }
        counters.denials.increment()
        let device = try? connection.pointee.state.openSlot(entry.slot).grant.device.name
        let operation = entry.operation.map { "\($0)" } ?? "unknown"
        events.add(
            .info, "denied", connection.pointee.peer,
            [
                "identity": "\(connection.pointee.identity)", "device": "\(device ?? "-")",
                "operation": "\(operation) \(entry.subOpcode)", "request": "\(entry.requestID.value)",
                "rule": "\(refusal.rule.isEmpty ? "none" : refusal.rule)", "text": "\(refusal.text)",
            ])
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
        guard connection.pointee.stage == .serving || connection.pointee.stage == .finishing else { return }
        connection.pointee.outbox.append(header, payload)
        connection.pointee.lastActivity = now
        markDirty(connection, index)
    }
}
