import RingDeviceLink
import RingEngine
import RingPolicy
import RingProtocol

/// Operations on devices: of this loop's own, or handed to the loop that has the device, or to the device's own process, and
/// answered from there. What is
/// handed over keeps its order; its number is bounded, and its bytes by the sessions' credit.
extension GatewayLoop {
    /// Runs a command on its file. A command of another loop's is decided again there.
    @inline(__always)
    mutating func submit(
        _ command: consuming AuthorizedCommand, _ entry: Entry, by grant: Grant, tag: OperationTag,
        of session: SessionPointer? = nil, procedure: String? = nil, waitsForInput: Bool = false,
        isRepeated: Bool = false
    ) throws(Refusal) {
        guard command.file.loop == number else {
            let (file, takes, gives) = (command.file, command.extras?.takes, command.extras?.gives != nil)
            let lent = takes.flatMap { session?.pointee.state.slots.held(of: $0) }
            try countHandedOver(to: file.loop)
            return tell(
                file.loop,
                .submit(
                    HandedEntry(
                        entry, by: grant, on: file, tag, lent: lent, gives: gives,
                        authority: authority(session, procedure), waitsForInput: waitsForInput,
                        isRepeated: isRepeated)))
        }
        try engine.submit(command, tag: tag, waitsForInput: waitsForInput, isRepeated: isRepeated)
    }

    /// On whose behalf something is handed over.
    private func authority(_ session: SessionPointer?, _ procedure: String?) -> Authority? {
        if let procedure { return .procedure(procedure) }
        return session.map { .principals($0.pointee.rights.policy.principals.names) }
    }

    /// Opens a device at the loop that has it.
    mutating func openFile(
        _ authorized: consuming AuthorizedOpen, on device: DeviceTable.Index, tag: OperationTag,
        of session: SessionPointer? = nil, procedure: String? = nil
    ) throws(Refusal) {
        commons.enter()
        let loop = devices[device].loop
        commons.leave()
        guard loop != number else { return try engine.open(authorized, tag: tag) }
        try countHandedOver(to: loop)
        tell(loop, .open(HandedOpen(authorized, tag, authority: authority(session, procedure))))
    }

    mutating func closeFile(_ file: OpenFileID, tag: OperationTag?) {
        guard file.loop != number else { return engine.close(file, tag: tag) }
        tell(file.loop, .close(file, tag))
    }

    private mutating func countHandedOver(to loop: UInt8) throws(Refusal) {
        guard handedOver[Int(loop)] < GatewayLimits.handedOver else {
            throw Refusal(
                .busy, "\(GatewayLimits.handedOver) operations wait for the device's loop; try again",
                retryAfter: GatewayLimits.handedOverRetry)
        }
        handedOver[Int(loop)] += 1
    }

    // MARK: Between loops

    /// Leaves an order for the end of the turn.
    mutating func tell(_ loop: UInt8, _ order: Mailbox.Order) { outgoing[Int(loop)].append(order) }

    /// Tells all other loops now: orders about the commons reach each loop in the order in which they were decided.
    func tellOthers(_ order: Mailbox.Order) {
        for loop in 0..<commons.loops where loop != number { commons.mailboxes[loop].post(order) }
    }

    mutating func flushOutgoing() {
        for loop in outgoing.indices where !outgoing[loop].isEmpty {
            commons.mailboxes[loop].post(&outgoing[loop])
        }
    }

    // MARK: For another loop

    /// Whether an operation was asked for by this loop.
    @inline(__always)
    func isMine(_ tag: OperationTag) -> Bool { tag.loop == number || tag.session == .max }

    /// Gives a completion to the loop that asked for the operation.
    mutating func forward(_ completion: EngineCompletion) {
        let loop = completion.tag.loop
        guard outgoing.indices.contains(Int(loop)) else { return }
        if completion.hasMore, commons.mailboxes[Int(loop)].backlog > GatewayLimits.handedEvents {
            droppedEvents[completion.tag, default: 0] += 1
            return
        }
        let lost = droppedEvents.isEmpty ? 0 : droppedEvents.removeValue(forKey: completion.tag) ?? 0
        tell(loop, .completed(HandedCompletion(completion, from: number, lost: lost)))
    }

    mutating func run(_ handed: HandedEntry) {
        var refusal: Refusal?
        handed.withEntry { entry in
            do throws(Refusal) {
                let command = try handed.grant.authorize(entry, on: handed.file, &layout) { _ in handed.lent }
                try engine.submit(
                    command, tag: handed.tag, waitsForInput: handed.waitsForInput,
                    isRepeated: handed.isRepeated)
            } catch {
                refusal = error
            }
        }
        if let refusal { refuse(handed.tag, handed.gives ? .gaveNothing : .operation, refusal) }
    }

    mutating func open(_ handed: HandedOpen) {
        guard let authorized = handed.take() else { return }
        do throws(Refusal) {
            try engine.open(authorized, tag: handed.tag)
        } catch {
            refuse(handed.tag, .notOpened, error)
        }
    }

    private mutating func refuse(
        _ tag: OperationTag, _ kind: EngineCompletion.Kind, _ refusal: Refusal
    ) {
        tell(tag.loop, .completed(HandedCompletion(refused: refusal, tag, kind, from: number)))
    }

    // MARK: From another loop

    mutating func completed(_ handed: HandedCompletion) {
        if handed.endsOperation { handedOver[Int(handed.from)] -= 1 }
        if handed.lost > 0, let session = find(handed.tag), !session.pointee.isOver {
            session.pointee.state.streams.lose(handed.tag.requestID, handed.lost)
        }
        handed.withCompletion { answer($0, from: handed.from) }
    }

    /// The session whose operation it was, or nil when it has gone.
    @inline(__always)
    func find(_ tag: OperationTag) -> SessionPointer? {
        sessions.find(tag.session, tag.generation & Place.generationMask)
    }

    /// What tells this loop's own operations from those of others.
    var ownTagBits: UInt32 { UInt32(number) << OperationTag.loopShift }
}

extension OperationTag {
    /// Where the generation, of `Place.generationMask` at most, leaves room for the number of a loop.
    static let loopShift: UInt32 = 24

    /// The loop that asked for the operation.
    var loop: UInt8 { UInt8(truncatingIfNeeded: generation >> Self.loopShift) }
}
