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
        guard let operation = finished.take() else { return nil }
        return completeCall(operation)
    }

    /// Sleeping is safe: every later result will signal. False when there are results already.
    package mutating func prepareToSleep() -> Bool {
        let narrow = ring.prepareToSleep()
        let wide = wideRing.prepareToSleep()
        return !narrow && !wide
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
        let isInterrupted = result == -EINTR && files[operation.pointee.file].state == .closing
        if isInterrupted { result = -ECANCELED }
        lent = operation
        if operation.pointee.kind == .transfer { startNextTransfer(after: operation) }
        leave(operation.pointee.file)
        let size =
            operation.pointee.kind == .transfer ? min(Int(max(result, 0)), operation.pointee.replySize) : 0
        return EngineCompletion(
            tag: operation.pointee.tag, kind: .operation, result: result, engine: .ring,
            deviceTime: now &- operation.pointee.started, isIndeterminate: isInterrupted, refusal: nil,
            payload: UnsafeRawBufferPointer(start: operation.pointee.payload, count: size))
    }

    @inline(__always)
    private mutating func leave(_ file: UInt32) {
        files[file].inFlight -= 1
        if files[file].state == .closing { closeIfIdle(file) }
    }

    private mutating func completeCall(_ operation: OperationPointer) -> EngineCompletion {
        lent = operation
        var kind = EngineCompletion.Kind.operation
        var size = 0
        var refusal: Refusal?
        switch operation.pointee.kind {
        case .open:
            if operation.pointee.result == OpenFile.wrongKind {
                refusal = Refusal(
                    .identity, "what lies at the device's path is not the kind of file the policy names")
            }
            kind = finishOpen(operation)
        case .close:
            files.release(operation.pointee.file)
            kind = .closed
        default:
            if operation.pointee.result >= 0 { size = operation.pointee.replySize }
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
