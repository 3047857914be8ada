/// Operations whose calls have returned, on their way back to the loop.
///
/// `@unchecked Sendable` is sound because the list is touched only while `lock` is held.
final class FinishedList: @unchecked Sendable {
    private let lock = ThreadLock()
    private var first: OperationPointer?
    private var last: OperationPointer?
    private let wake: WakeSignal

    init(wake: WakeSignal) { self.wake = wake }

    func append(_ operation: OperationPointer) {
        lock.locked {
            operation.pointee.next = nil
            if let last { last.pointee.next = operation } else { first = operation }
            last = operation
        }
        wake.signal()
    }

    /// The oldest operation, or nil.
    func take() -> OperationPointer? {
        lock.locked {
            guard let operation = first else { return nil }
            first = operation.pointee.next
            if first == nil { last = nil }
            return operation
        }
    }
}
