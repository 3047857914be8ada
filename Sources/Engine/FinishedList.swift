/// Operations whose calls have returned, on their way back to the loop.
///
/// `@unchecked Sendable` is sound because the list is touched only while `lock` is held.
final class FinishedList: @unchecked Sendable {
    private let lock = ThreadLock()
    private var operations = OperationQueue()
    private let wake: WakeSignal

    init(wake: WakeSignal) { self.wake = wake }

    func append(_ operation: OperationPointer) {
        lock.locked { operations.append(operation) }
        wake.signal()
    }

    /// The oldest operation, or nil.
    func take() -> OperationPointer? { lock.locked { operations.take() } }
}
