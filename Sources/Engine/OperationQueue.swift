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

    /// The oldest operation, or nil.
    mutating func take() -> OperationPointer? {
        guard let operation = first else { return nil }
        first = operation.pointee.next
        if first == nil { last = nil }
        operation.pointee.next = nil
        return operation
    }
}
