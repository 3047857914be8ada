import CLiburing
import RingPolicy
import RingProtocol

extension DeviceEngine {
    /// The next result, or nil when none is there. Its payload is valid until the next call.
    public mutating func next() -> EngineCompletion? {
        if let lent {
            pool.release(lent)
            self.lent = nil
        }
        while let cqe = ring.next() {
            if let completion = complete(cqe) { return completion }
        }
        while let cqe = wideRing.next() {
            if let completion = complete(cqe) { return completion }
        }
        while let operation = finished.take() {
            guard operation.pointee.isAnswered else { return completeCall(operation) }
            finishAnswered(operation)
        }
        return answers.isEmpty ? nil : answers.removeFirst()
    }

    /// Sleeping is safe: every later result will signal. False when there are results already.
    package mutating func prepareToSleep() -> Bool {
        let narrow = ring.prepareToSleep()
        let wide = wideRing.prepareToSleep()
        return !narrow && !wide && answers.isEmpty
    }

    /// To be called after sleeping, before `next`.
    package mutating func wakeUp() {
        ring.wakeUp()
        wideRing.wakeUp()
    }

    @inline(__always)
    private mutating func complete(_ cqe: UnsafePointer<io_uring_cqe>) -> EngineCompletion? {
        guard cqe.pointee.user_data != DeviceRing.unobserved else { return nil }
        let operation = pool[cqe.pointee.user_data]
        var result = cqe.pointee.res
        // Interrupted on one of the kernel's threads, by the close of its file.
        var isInterrupted = result == -EINTR && files[operation.pointee.file].state == .closing
        if isInterrupted { result = -ECANCELED }
        if operation.pointee.polling != .none {
            if let event = completePoll(operation, cqe) { return event.told }
            // The read itself never began, so there is nothing it could have returned.
            if operation.pointee.polling == .beforeRead, result >= 0 {
                result = operation.pointee.stop == .none ? -EBUSY : -ECANCELED
            }
        }
        if operation.pointee.stop != .none {
            guard let ended = finishStopped(operation, result) else { return nil }
            (result, isInterrupted) = ended
        }
        lent = operation
        if operation.pointee.kind == .transfer { startNextTransfer(after: operation) }
        leave(operation.pointee.file)
        var reply = UnsafeRawBufferPointer(start: operation.pointee.payload, count: 0)
        if operation.pointee.kind == .transfer {
            let size =
                operation.pointee.action == .read
                ? min(Int(max(result, 0)), Int(operation.pointee.replySize)) : 0
            reply = UnsafeRawBufferPointer(start: operation.pointee.payload, count: size)
        } else if let plan = operation.pointee.plan, result >= 0 {
            reply = Self.collect(operation, plan)
        }
        return EngineCompletion(
            tag: operation.pointee.tag, kind: .operation, result: result, engine: .ring,
            deviceTime: now &- operation.pointee.started, isIndeterminate: isInterrupted, refusal: nil,
            payload: reply)
    }

    /// What a poll's completion comes to while its operation goes on; nil when it ends it.
    private mutating func completePoll(
        _ operation: OperationPointer, _ cqe: UnsafePointer<io_uring_cqe>
    ) -> (told: EngineCompletion?, Void)? {
        switch operation.pointee.polling {
        case .none: return nil
        case .beforeRead:
            guard cqe.pointee.res >= 0, operation.pointee.stop == .none, readAfterPoll(operation) else {
                return nil
            }
            return (nil, ())
        case .repeatedly:
            guard cqe.pointee.flags & RG_CQE_MORE != 0 else { return nil }
            guard !operation.pointee.isAnswered else { return (nil, ()) }
            let event = EngineCompletion(
                tag: operation.pointee.tag, kind: .operation, result: cqe.pointee.res, engine: .ring,
                deviceTime: now &- operation.pointee.started, isIndeterminate: false, hasMore: true,
                refusal: nil, payload: UnsafeRawBufferPointer(start: nil, count: 0))
            return (event, ())
        }
    }

    /// The blocks of a ring command. The further words of a wide completion (`big_cqe`: NVMe's 64-bit result)
    /// are not part of a reply, whose shape is the profile's; the status is in `res`.
    private static func collect(
        _ operation: OperationPointer, _ plan: UnsafeMutablePointer<CallPlan>
    ) -> UnsafeRawBufferPointer {
        let size = Int(operation.pointee.replySize)
        let reply = UnsafeMutableRawPointer(plan) - CallPlan.aligned(size)
        plan.pointee.collect(into: reply, count: size)
        return UnsafeRawBufferPointer(start: reply, count: size)
    }

    @inline(__always)
    mutating func leave(_ file: UInt32) {
        files[file].inFlight -= 1
        if files[file].state == .closing { closeIfIdle(file) }
    }

    private mutating func completeCall(_ operation: OperationPointer) -> EngineCompletion {
        lent = operation
        settleStop(of: operation)
        var kind = EngineCompletion.Kind.operation
        var size = 0
        var refusal: Refusal?
        switch operation.pointee.kind {
        case .open:
            let mismatch = operation.pointee.record?.takeUnretainedValue().mismatch
            refusal = mismatch.map { Refusal(.identity, $0) }
            kind = finishOpen(operation)
        case .close:
            files.release(operation.pointee.file)
            kind = .closed
        default:
            kind = finishDescriptor(operation)
            if operation.pointee.result >= 0 { size = Int(operation.pointee.replySize) }
            leave(operation.pointee.file)
        }
        return EngineCompletion(
            tag: operation.pointee.tag, kind: kind, result: operation.pointee.result,
            engine: operation.pointee.kind == .transfer ? .ring : .call,
            deviceTime: operation.pointee.deviceTime, isIndeterminate: operation.pointee.isIndeterminate,
            refusal: refusal,
            payload: UnsafeRawBufferPointer(start: operation.pointee.payload, count: size))
    }
}
