/// Operations in order, linked through themselves, so that a queue has no bound of its own beside the pool's.
struct OperationQueue {
    private var first: OperationPointer?
    private var last: OperationPointer?

    var isEmpty: Bool { first == nil }

    mutating func append(_ operation: OperationPointer) {
        operation.pointee.next = nil
        if let last { last.pointee.next = operation } else { first = operation }
        last = operation
    }

    /// Takes one operation out, wherever it is. False when it is not in the queue.
    mutating func remove(_ operation: OperationPointer) -> Bool {
        var kept = OperationQueue()
        var isFound = false
        while let next = take() {
            if next == operation { isFound = true } else { kept.append(next) }
        }
        self = kept
        return isFound
    }

    /// The oldest operation, or nil.
    mutating func take() -> OperationPointer? {
        guard let operation = first else { return nil }
        first = operation.pointee.next
        if first == nil { last = nil }
        operation.pointee.next = nil
        return operation
    }
}
