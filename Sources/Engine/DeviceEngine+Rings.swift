import CLiburing
import Glibc
import RingPolicy
import RingProtocol

/// Commands that io_uring runs.
extension DeviceEngine {
    @inline(__always)
    mutating func submitRingCommand(
        _ command: borrowing AuthorizedCommand, _ tag: OperationTag
    ) throws(Refusal) {
        let operation =
            command.hasPointers
            ? try takeWithBlocks(.ringCommand, command, tag)
            : try take(.ringCommand, payload: 0, command.file, tag)
        guard let sqe = ring.entry(userData: userData(operation)) else { throw giveUp(operation) }
        Self.fill(sqe, command, operation.pointee.plan)
    }

    /// Commands of one struct or less: what is the same for all of a row is done once.
    mutating func submitRingCommands(
        _ row: inout AuthorizedRow, downTo end: Int, _ tag: OperationTag
    ) throws(Refusal) {
        try requireUsable(row.command.file, onRing: true)
        let file = row.command.file.index
        var model = io_uring_sqe()
        rg_sqe_set_flags(&model, RG_SQE_FIXED_FILE)
        Self.fill(&model, row.command, nil)
        let before = row.count
        defer {
            let started = before - row.count
            files[file].inFlight += started
            files[file].started += started
            ringEntries += started
        }
        while row.count > end {
            guard let operation = pool.takePlain(tag: tag.of(row.first)) else { throw Self.tooMany }
            operation.pointee.file = file
            operation.pointee.started = now
            guard ring.addEntry(like: model, userData: userData(operation)) else {
                pool.release(operation)
                throw Self.queueFull
            }
            row.dropFirst()
        }
    }

    mutating func submitWideCommand(
        _ command: borrowing AuthorizedCommand, _ tag: OperationTag
    ) throws(Refusal) {
        let operation =
            command.hasPointers
            ? try takeWithBlocks(.wideRingCommand, command, tag)
            : try take(.wideRingCommand, payload: 0, command.file, tag)
        guard let sqe = wideRing.entry(userData: userData(operation)) else { throw giveUp(operation) }
        Self.fill(sqe, command, operation.pointee.plan)
    }

    /// An operation with memory for what the command's struct refers to. The kernel and the device use that
    /// memory until the completion, so it goes with the operation.
    private mutating func takeWithBlocks(
        _ kind: Operation.Kind, _ command: borrowing AuthorizedCommand, _ tag: OperationTag
    ) throws(Refusal) -> OperationPointer {
        if command.placement == .sqeSocketOption { try Self.checkOption(command) }
        let blocks = command.pagedSize
        let planAt = blocks + CallPlan.aligned(command.replySize)
        let operation = try take(
            kind, payload: planAt + CallPlan.size(for: command), alignment: Pages.size, command.file, tag)
        operation.pointee.replySize = Int32(command.replySize)
        let memory = operation.pointee.payload
        let plan = CallPlan.make(for: command, in: memory + planAt)
        plan.pointee.place(in: memory)
        if let bytes = command.argument.pointer.baseAddress {
            plan.pointee.fill(from: bytes, count: command.argument.count)
        }
        operation.pointee.plan = plan
        return operation
    }

    /// The kernel goes by optlen alone, and no guard page lies behind the value.
    private static func checkOption(_ command: borrowing AuthorizedCommand) throws(Refusal) {
        let optlen = command.argument.load(UInt32.self, at: 8)
        guard let value = command.spans.last, optlen <= UInt32(value.size) else {
            throw Refusal(.shape, "a socket option of \(optlen) bytes in a shorter block")
        }
    }

    /// Writes a cleared entry from checked values: a client's byte lands only where the shape says.
    @inline(__always)
    private static func fill(
        _ sqe: UnsafeMutablePointer<io_uring_sqe>, _ command: borrowing AuthorizedCommand,
        _ plan: UnsafeMutablePointer<CallPlan>?
    ) {
        let file = Int32(command.file.index)
        let code = command.code.code
        switch command.placement {
        case .sqeRange:
            rg_prep_uring_cmd(
                sqe, file, code, command.argument.load(UInt64.self, at: 0),
                command.argument.load(UInt64.self, at: 8))
        case .sqeCommand:
            rg_prep_uring_cmd(sqe, file, code, 0, 0)
            let area = rg_sqe_command(sqe)
            if let plan {
                area?.copyMemory(from: plan.pointee.addresses[0], byteCount: Int(plan.pointee.spans[0].size))
            } else if let bytes = command.argument.pointer.baseAddress {
                area?.copyMemory(from: bytes, byteCount: command.argument.count)
            }
        case .sqeSocketOption:
            rg_prep_uring_cmd(sqe, file, code, 0, 0)
            guard let root = plan?.pointee.addresses[0] else { return }
            rg_sqe_set_option(
                sqe, root.load(as: UInt32.self), root.load(fromByteOffset: 4, as: UInt32.self),
                root.load(fromByteOffset: 8, as: UInt32.self), root.load(fromByteOffset: 16, as: UInt64.self))
        case .none, .pointer, .value, .document, .parameters: rg_prep_uring_cmd(sqe, file, code, 0, 0)
        }
    }
}
