import RingFault
import RingProtocol

typealias OperationPointer = UnsafeMutablePointer<Operation>

/// All operations of an engine, in memory that never moves: the kernel and the workers hold addresses into
/// it.
struct OperationPool: ~Copyable {
    private let operations: OperationPointer
    /// One inline payload block per operation, touched only when used.
    private let blocks: UnsafeMutableRawPointer
    private var free: OperationPointer?
    private var untouched = 0
    private var payloadMemory = 0
    private(set) var inUse = 0

    /// Beside the operations of clients one for the close of each file, so that a close never fails to be run
    /// and answered because clients have taken everything.
    private static let capacity = EngineLimits.operations + EngineLimits.openFiles

    init() {
        let size = Self.capacity * MemoryLayout<Operation>.stride
        operations = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: Operation.alignment)
            .bindMemory(to: Operation.self, capacity: Self.capacity)
        blocks = .allocate(byteCount: Self.capacity * EngineLimits.inlinePayload, alignment: 64)
    }

    /// Memory that the kernel or a stuck worker may still write to is left behind rather than given back.
    deinit {
        guard inUse == 0 else { return }
        operations.deallocate()
        blocks.deallocate()
    }

    /// An operation for a command on the ring that has no payload, or nil when a bound is reached.
    @inline(__always)
    mutating func takePlain(tag: OperationTag) -> OperationPointer? {
        guard inUse < EngineLimits.operations, Fault.payload.strikes == nil, let operation = takeFree() else {
            return nil
        }
        operation.pointee.becomePlain(tag)
        inUse += 1
        return operation
    }

    /// An operation with `payload` bytes of memory, or nil when a bound is reached.
    @inline(__always)
    mutating func take(
        _ kind: Operation.Kind, payload: Int, alignment: Int = 64, tag: OperationTag
    ) -> OperationPointer? {
        guard inUse < (kind == .close ? Self.capacity : EngineLimits.operations),
            payload <= EngineLimits.inlinePayload || payloadMemory + payload <= EngineLimits.payloadMemory,
            kind == .close || Fault.payload.strikes == nil, let operation = takeFree()
        else { return nil }
        operation.pointee = Operation()
        operation.pointee.kind = kind
        operation.pointee.tag = tag
        if payload > EngineLimits.inlinePayload {
            operation.pointee.payload = .allocate(byteCount: payload, alignment: alignment)
            operation.pointee.allocated = Int32(payload)
            payloadMemory += payload
        } else {
            operation.pointee.payload = blocks + index(of: operation) * EngineLimits.inlinePayload
        }
        inUse += 1
        return operation
    }

    @inline(__always)
    private mutating func takeFree() -> OperationPointer? {
        if let operation = free {
            free = operation.pointee.next
            return operation
        }
        guard untouched < Self.capacity else { return nil }
        untouched += 1
        let operation = operations + (untouched - 1)
        operation.initialize(to: Operation())
        return operation
    }

    /// What it holds is given back; its fields stay as they are until it is taken again.
    @inline(__always)
    mutating func release(_ operation: OperationPointer) {
        if !operation.pointee.isPlain { giveBackHoldings(of: operation) }
        operation.pointee.kind = .free
        operation.pointee.next = free
        free = operation
        inUse -= 1
    }

    private mutating func giveBackHoldings(of operation: OperationPointer) {
        if let record = operation.pointee.record {
            record.release()
            operation.pointee.record = nil
        }
        if operation.pointee.allocated > 0 {
            operation.pointee.payload.deallocate()
            payloadMemory -= Int(operation.pointee.allocated)
        }
    }

    func index(of operation: OperationPointer) -> Int { operation - operations }

    /// Those that may be in use, free ones among them.
    var inUseOperations: some Sequence<OperationPointer> {
        let first = operations
        return (0..<untouched).lazy.map { first + $0 }
    }

    /// The operation a completion's user data names. Only the gateway writes user data, so it is in range.
    subscript(userData: UInt64) -> OperationPointer {
        precondition(userData < UInt64(untouched), "completion for an operation that does not exist")
        return operations + Int(userData)
    }
}
