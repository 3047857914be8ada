import CLiburing
import RingPolicy
import RingProtocol

extension DeviceEngine {
    /// The next result, if it is that of a ring command without a reply, to which nothing happened on its way: most are,
    /// and cost less than `next`, which gives all others. Its tag is valid until something is called on the engine.
    public mutating func nextPlain() -> PlainCompletion? {
        guard let cqe = ring.peek(), let operation = plainOperation(cqe.pointee) else { return nil }
        let file = operation.pointee.file
        guard files[file].state != .closing else { return nil }
        let result = cqe.pointee.res
        ring.take(cqe)
        files[file].inFlight -= 1
        pool.release(operation)
        return PlainCompletion(
            tag: UnsafePointer(operation.pointer(to: \.tag).unsafelyUnwrapped), result: result,
            deviceTime: now &- operation.pointee.started)
    }

    /// Writes the results that follow, each as a completion of the wire, as long as they are what `nextPlain` gives, of one
    /// file, and their tags differ from `tag` in slot and request id alone. The result is how many; nothing is done about
    /// the one behind them.
    public mutating func takePlain(
        like tag: OperationTag, into space: UnsafeMutableRawBufferPointer
    ) -> Int {
        let row = ring.peekRow()
        guard let first = row.first, let file = plainOperation(first)?.pointee.file,
            files[file].state != .closing
        else { return 0 }
        let size = Limits.completionHeader
        let most = min(row.count, space.count / size)
        var count = 0
        while count < most, let operation = plainOperation(row[count]), operation.pointee.file == file,
            operation.pointee.tag.isOfSame(as: tag)
        {
            CompletionHeader(
                operation.pointee.tag.requestID, result: row[count].res,
                deviceTime: now &- operation.pointee.started, flags: .engine(.ring)
            ).encode(into: UnsafeMutableRawBufferPointer(rebasing: space[(count * size)...]))
            pool.release(operation)
            count += 1
        }
        ring.takeRow(count)
        files[file].inFlight -= count
        return count
    }

    /// The operation of a completion, if it is a ring command without a reply that nobody asked to stop.
    @inline(__always)
    private func plainOperation(_ cqe: io_uring_cqe) -> OperationPointer? {
        guard cqe.user_data != DeviceRing.unobserved else { return nil }
        let operation = pool[cqe.user_data]
        guard operation.pointee.isPlain, operation.pointee.stop == .none else { return nil }
        return operation
    }

    /// The next result, or nil when none is there. It and its payload are valid until the next call.
    public mutating func next() -> UnsafePointer<EngineCompletion>? {
        findNext() ? UnsafePointer(told) : nil
    }

    @inline(__always)
    private mutating func findNext() -> Bool {
        if let lent {
            pool.release(lent)
            self.lent = nil
        }
        while let cqe = ring.next() {
            if complete(cqe) { return true }
        }
        while let cqe = wideRing.next() {
            if complete(cqe) { return true }
        }
        while let operation = finished.take() {
            guard operation.pointee.isAnswered else {
                completeCall(operation)
                return true
            }
            finishAnswered(operation)
        }
        guard !answers.isEmpty else { return false }
        told.pointee = answers.removeFirst()
        return true
    }

    /// Sleeping is safe: every later result will signal. False when there are results already.
    package mutating func prepareToSleep() -> Bool {
        wakeLanes()
        let narrow = ring.prepareToSleep()
        let wide = wideRing.prepareToSleep()
        return !narrow && !wide && answers.isEmpty
    }

    /// To be called after sleeping, before `next`.
    package mutating func wakeUp() {
        ring.wakeUp()
        wideRing.wakeUp()
    }

    /// Tells what a ring's completion means. False when that is nothing yet.
    @inline(__always)
    private mutating func complete(_ cqe: UnsafePointer<io_uring_cqe>) -> Bool {
        guard cqe.pointee.user_data != DeviceRing.unobserved else { return false }
        let operation = pool[cqe.pointee.user_data]
        var result = cqe.pointee.res
        // Interrupted on one of the kernel's threads, by the close of its file.
        var isInterrupted = result == -EINTR && files[operation.pointee.file].state == .closing
        if isInterrupted { result = -ECANCELED }
        if operation.pointee.polling != .none {
            switch completePoll(operation, cqe) {
            case .ended: break
            case .goesOn: return false
            case .event: return true
            }
            // The read itself never began, so there is nothing it could have returned.
            if operation.pointee.polling == .beforeRead, result >= 0 {
                result = operation.pointee.stop == .none ? -EBUSY : -ECANCELED
            }
            // Woken for nothing while it was asked to end.
            if result == -EINVAL, isEnding(operation) { result = -ECANCELED }
        }
        if operation.pointee.stop != .none {
            guard let ended = finishStopped(operation, result) else { return false }
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
        tell(operation, result, isIndeterminate: isInterrupted, reply)
        return true
    }

    @inline(__always)
    private func tell(
        _ operation: OperationPointer, _ result: Int32, isIndeterminate: Bool = false, hasMore: Bool = false,
        _ reply: UnsafeRawBufferPointer
    ) {
        told.pointee.tag = operation.pointee.tag
        told.pointee.kind = .operation
        told.pointee.result = result
        told.pointee.engine = .ring
        told.pointee.isIndeterminate = isIndeterminate
        told.pointee.hasMore = hasMore
        told.pointee.deviceTime = now &- operation.pointee.started
        told.pointee.refusal = nil
        told.pointee.payload = reply
    }

    /// What a poll's completion comes to.
    private enum PollOutcome {
        case ended
        case goesOn
        case event
    }

    private mutating func completePoll(
        _ operation: OperationPointer, _ cqe: UnsafePointer<io_uring_cqe>
    ) -> PollOutcome {
        switch operation.pointee.polling {
        case .none: return .ended
        case .once: return pollAgain(operation, after: cqe.pointee.res) ? .goesOn : .ended
        case .beforeRead:
            if pollAgain(operation, after: cqe.pointee.res) { return .goesOn }
            let reads = cqe.pointee.res >= 0 && operation.pointee.stop == .none && readAfterPoll(operation)
            return reads ? .goesOn : .ended
        case .repeatedly:
            guard cqe.pointee.flags & RG_CQE_MORE != 0 else { return .ended }
            guard !operation.pointee.isAnswered else { return .goesOn }
            tell(
                operation, cqe.pointee.res, hasMore: true, UnsafeRawBufferPointer(start: nil, count: 0))
            return .event
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

    private mutating func completeCall(_ operation: OperationPointer) {
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
        told.pointee = EngineCompletion(
            tag: operation.pointee.tag, kind: kind, result: operation.pointee.result,
            engine: operation.pointee.kind == .transfer ? .ring : .call,
            deviceTime: operation.pointee.deviceTime, isIndeterminate: operation.pointee.isIndeterminate,
            refusal: refusal,
            payload: UnsafeRawBufferPointer(start: operation.pointee.payload, count: size))
    }
}
