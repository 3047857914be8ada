import Glibc
import RingPolicy
import RingProtocol

/// An operation that was asked to end and has not.
struct Stopping {
    let operation: OperationPointer
    /// When it counts as one that does not come back: CLOCK_MONOTONIC in nanoseconds.
    let deadline: UInt64
    /// Who waits to hear what came of it.
    let tag: OperationTag?
}

/// Ends operations by somebody's order, and says honestly what came of it.
extension DeviceEngine {
    /// Carries out all orders of a turn, with one look at each operation in flight. An order for one request is answered
    /// when its operation has ended, or after 0.6 to 0.8 s has not; one for many at once.
    public mutating func cancel(_ orders: [CancelOrder]) {
        guard !orders.isEmpty else { return }
        let index = CancelIndex(orders)
        var counts = [Int32](repeating: 0, count: orders.count)
        for operation in pool.inUseOperations where operation.pointee.isCancellable {
            let meant = index.orders(for: operation.pointee)
            for order in meant {
                note(operation, orders[order])
                counts[order] += 1
            }
            if let first = meant.first { stop(operation, isExpiry: orders[first].isExpiry) }
        }
        for (order, count) in zip(orders, counts) {
            guard let tag = order.tag else { continue }
            if case .request = order.target {
                if count == 0 { answers.append(Self.told(tag, -ENOENT)) }
            } else {
                answers.append(Self.told(tag, count &+ order.alreadyEnded))
            }
        }
    }

    private mutating func note(_ operation: OperationPointer, _ order: CancelOrder) {
        var waitsForEnd: OperationTag?
        if case .request = order.target { waitsForEnd = order.tag }
        stopping.append(
            Stopping(operation: operation, deadline: now &+ EngineLimits.stuckAfter, tag: waitsForEnd))
    }

    private mutating func stop(_ operation: OperationPointer, isExpiry: Bool) {
        let reason: Operation.Stop = isExpiry ? .expired : .cancelled
        switch operation.pointee.kind {
        case .call, .open: lane(of: operation)?.cancel(operation, reason, now: now)
        case .transfer:
            guard !endWaiting(operation, reason) else { return }
            if operation.pointee.stop == .none { operation.pointee.stop = reason }
            cancelOnRing(operation)
        case .ringCommand, .wideRingCommand:
            if operation.pointee.stop == .none { operation.pointee.stop = reason }
            cancelOnRing(operation)
        case .free, .close: break
        }
    }

    /// Asks the kernel to end it. The entry for that may find the queue full, so it is asked again while the operation is among
    /// those that are stopping.
    mutating func cancelOnRing(_ operation: OperationPointer) {
        if operation.pointee.kind == .wideRingCommand {
            wideRing.cancel(userData: userData(operation))
        } else {
            ring.cancel(userData: userData(operation))
        }
    }

    private func lane(of operation: OperationPointer) -> CallLane? { files[operation.pointee.file].lane }

    /// Ends a transfer that waits for its turn. False when it does not.
    private mutating func endWaiting(_ operation: OperationPointer, _ reason: Operation.Stop) -> Bool {
        let file = operation.pointee.file
        guard files[file].transfers.takesTurns, let turns = Self.turns(of: operation),
            files[file][keyPath: turns].waiting.remove(operation)
        else { return false }
        operation.pointee.result = reason == .expired ? -ETIME : -ECANCELED
        finished.append(operation)
        return true
    }

    // MARK: What came of it

    /// A ring's operation that was asked to end has come back. The result is what to tell, and whether its effect is
    /// unknown; nil when its client was told before.
    mutating func finishStopped(
        _ operation: OperationPointer, _ result: Int32
    ) -> (result: Int32, isIndeterminate: Bool)? {
        guard !operation.pointee.isAnswered else {
            finishAnsweredOnRing(operation)
            return nil
        }
        let isInterrupted = result == -EINTR
        let isEnded = isInterrupted || result == -ECANCELED
        operation.pointee.result =
            isEnded ? (operation.pointee.stop == .expired ? -ETIME : -ECANCELED) : result
        settleStop(of: operation)
        return (operation.pointee.result, isInterrupted)
    }

    /// Tells whoever wanted the operation to end; its own completion comes first.
    mutating func settleStop(of operation: OperationPointer) {
        guard !stopping.isEmpty else { return }
        let isEnded = operation.pointee.result == -ECANCELED
        for stop in stopping where stop.operation == operation {
            if let tag = stop.tag { answers.append(Self.told(tag, isEnded ? 0 : -ENOENT)) }
        }
        stopping.removeAll { $0.operation == operation }
    }

    /// Gives up on what was asked to end and does not. To be called a few times a second.
    mutating func giveUpStopping() {
        guard stopping.contains(where: { $0.deadline <= now }) else { return }
        let late = stopping.filter { $0.deadline <= now }
        stopping.removeAll { $0.deadline <= now }
        for stop in late {
            if let tag = stop.tag { answers.append(Self.told(tag, -EALREADY)) }
            // Workers have their own eye on calls that are stuck.
            guard stop.operation.pointee.isOnRing, stop.operation.pointee.stop == .expired else { continue }
            abandonOnRing(stop.operation)
        }
    }

    /// The operation's time is over and the driver does not let go of it: its client is told, its memory and its file
    /// stay until the kernel is done.
    private mutating func abandonOnRing(_ operation: OperationPointer) {
        guard !operation.pointee.isAnswered else { return }
        operation.pointee.isAnswered = true
        answered += 1
        counters.stuck.add(1, ordering: .relaxed)
        answers.append(
            Self.lost(
                operation.pointee.tag, .operation, now &- operation.pointee.started, -ETIME, engine: .ring))
        let file = operation.pointee.file
        files[file].stuck += 1
        files[file].stuckOnRing += 1
        if let lane = files[file].lane { updateQuarantine(of: lane) }
        closeIfIdle(file)
    }

    private mutating func finishAnsweredOnRing(_ operation: OperationPointer) {
        let file = operation.pointee.file
        settleStop(of: operation)
        if operation.pointee.kind == .transfer { startNextTransfer(after: operation) }
        files[file].stuck -= 1
        files[file].stuckOnRing -= 1
        let lane = files[file].lane
        leave(file)
        pool.release(operation)
        answered -= 1
        if let lane { updateQuarantine(of: lane) }
    }

    static func told(_ tag: OperationTag, _ result: Int32) -> EngineCompletion {
        EngineCompletion(
            tag: tag, kind: .cancelled, result: result, engine: .gateway, deviceTime: 0,
            isIndeterminate: false, refusal: nil, payload: UnsafeRawBufferPointer(start: nil, count: 0))
    }

    // MARK: Quarantine

    /// Nothing new is begun on a device while a call on it does not come back.
    mutating func updateQuarantine(of lane: CallLane) {
        var isStuck = lane.hasAbandoned
        for index in 0..<UInt32(EngineLimits.openFiles) where files[index].lane === lane {
            isStuck = isStuck || files[index].stuckOnRing > 0
        }
        for index in 0..<UInt32(EngineLimits.openFiles) where files[index].lane === lane {
            files[index].isQuarantined = isStuck
        }
    }

    /// Why an operation cannot be begun on a file.
    func notUsable(_ file: UInt32) -> Refusal {
        guard files[file].state == .open else {
            return Refusal(.slotNotOpen, "the file is being closed")
        }
        return Self.quarantined
    }

    static let quarantined = Refusal(
        .unavailable,
        "a call on the device has not come back from the kernel; nothing new is begun until it has, or the device is reset"
    )
}

extension Operation {
    /// Whether a cancel may end it: an operation of a client that it has not been told of.
    var isCancellable: Bool {
        switch kind {
        case .free, .close: false
        case .transfer, .ringCommand, .wideRingCommand, .call, .open:
            !isAnswered && tag.requestID.value != 0
        }
    }

    var isOnRing: Bool {
        switch kind {
        case .transfer, .ringCommand, .wideRingCommand: true
        case .free, .call, .open, .close: false
        }
    }
}
