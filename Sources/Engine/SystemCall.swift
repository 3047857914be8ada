import CLiburing
import Glibc
import RingFault
import RingPolicy

/// What a lane's thread does with an operation: the only calls of ioctl(2) and close(2) on devices.
enum SystemCall {
    /// `start` is now.
    static func run(
        _ operation: OperationPointer, from start: UInt64, in arena: inout GuardedArena,
        _ counters: EngineCounters
    ) {
        switch operation.pointee.kind {
        case .call:
            if let code = Fault.ioctl.strikes {
                operation.pointee.result = -code
            } else if let plan = operation.pointee.plan {
                runPlanned(operation, plan, in: &arena)
            } else {
                runPlain(operation, in: arena)
            }
        case .open: runOpen(operation, in: arena)
        case .close: runClose(operation, in: arena, counters)
        default: operation.pointee.result = -EINVAL
        }
        operation.pointee.deviceTime = KernelClock.monotonic() - start
    }

    /// One struct, a number or nothing.
    private static func runPlain(_ operation: OperationPointer, in arena: borrowing GuardedArena) {
        guard operation.pointee.placement == .pointer else { return runNumber(operation) }
        let memory = arena.place(Int(operation.pointee.blockSize))
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        let argument = UnsafeRawBufferPointer(
            start: operation.pointee.payload, count: Int(operation.pointee.argumentSize))
        memory.copyMemory(from: argument)
        operation.pointee.result = rg_ioctl_pointer(
            descriptor(operation), operation.pointee.code, memory.baseAddress)
        guard operation.pointee.result >= 0, operation.pointee.replySize > 0 else { return }
        operation.pointee.payload.copyMemory(
            from: memory.baseAddress.unsafelyUnwrapped, byteCount: Int(operation.pointee.replySize))
    }

    private static func runNumber(_ operation: OperationPointer) {
        var number: UInt64 = 0
        if operation.pointee.placement == .value {
            number = UInt64(littleEndian: operation.pointee.payload.loadUnaligned(as: UInt64.self))
        }
        operation.pointee.result = rg_ioctl_value(descriptor(operation), operation.pointee.code, number)
    }

    private static func descriptor(_ operation: OperationPointer) -> Int32 {
        Int32(truncatingIfNeeded: operation.pointee.value)
    }

    // MARK: Blocks and descriptors

    private static func runPlanned(
        _ operation: OperationPointer, _ plan: UnsafeMutablePointer<CallPlan>, in arena: inout GuardedArena
    ) {
        let payload = operation.pointee.payload
        guard operation.pointee.placement == .pointer else {
            if case .takes(let at, _, _, let fd) = plan.pointee.descriptor {
                precondition(
                    at >= 0 && at + 4 <= Int(operation.pointee.argumentSize),
                    "a descriptor outside its number")
                (payload + at).storeBytes(of: fd, as: Int32.self)
            }
            runNumber(operation)
            takeGiven(operation, plan, root: nil)
            return prepareRelease(operation, plan, in: arena)
        }
        guard arena.place(plan.pointee) else {
            operation.pointee.result = -ENOMEM
            return
        }
        plan.pointee.fill(from: payload, count: Int(operation.pointee.argumentSize))
        let root = plan.pointee.addresses[0]
        if case .takes(let at, _, _, let fd) = plan.pointee.descriptor {
            precondition(
                at >= 0 && at + 4 <= Int(plan.pointee.spans[0].size), "a descriptor outside its struct")
            (root + at).storeBytes(of: fd, as: Int32.self)
        }
        operation.pointee.result = rg_ioctl_pointer(descriptor(operation), operation.pointee.code, root)
        takeGiven(operation, plan, root: root)
        if operation.pointee.result >= 0 {
            plan.pointee.collect(into: payload, count: Int(operation.pointee.replySize))
        }
        arena.clear()
        prepareRelease(operation, plan, in: arena)
    }

    /// Takes the descriptor that a call has given, so that from here on it is nowhere but in the plan.
    private static func takeGiven(
        _ operation: OperationPointer, _ plan: UnsafeMutablePointer<CallPlan>, root: UnsafeMutableRawPointer?
    ) {
        guard case .gives(let at, let slot, _) = plan.pointee.descriptor, operation.pointee.result >= 0 else {
            return
        }
        var fd = operation.pointee.result
        if let at {
            guard let root, at >= 0, at + 4 <= Int(plan.pointee.spans[0].size) else {
                operation.pointee.result = -EBADF
                return
            }
            fd = (root + at).loadUnaligned(as: Int32.self)
        } else {
            operation.pointee.result = slot
        }
        var status = stat()
        guard fd > STDERR_FILENO, rg_set_close_on_exec(fd) == 0, fstat(fd, &status) == 0 else {
            operation.pointee.result = -EBADF
            return
        }
        plan.pointee.given = fd
        operation.pointee.transfers = TransferMode(status)
    }

    /// After the answer was collected: it uses the same memory.
    private static func prepareRelease(
        _ operation: OperationPointer, _ plan: UnsafeMutablePointer<CallPlan>,
        in arena: borrowing GuardedArena
    ) {
        guard plan.pointee.given >= 0 else { return }
        operation.pointee.record?.takeUnretainedValue().prepareRelease(plan.pointee.given, in: arena)
    }

    // MARK: Opening and closing

    private static func runOpen(_ operation: OperationPointer, in arena: borrowing GuardedArena) {
        guard let record = operation.pointee.record?.takeUnretainedValue() else {
            operation.pointee.result = -EINVAL
            return
        }
        let (fd, transfers) = Fault.open.strikes.map { (-$0, .parallel) } ?? record.open()
        operation.pointee.result = fd
        operation.pointee.transfers = transfers
        if fd >= 0 { record.prepareRelease(fd, in: arena) }
    }

    private static func runClose(
        _ operation: OperationPointer, in arena: borrowing GuardedArena, _ counters: EngineCounters
    ) {
        let fd = descriptor(operation)
        if let record = operation.pointee.record?.takeUnretainedValue(), record.hasReleases {
            counters.failedReleases.add(record.release(fd, in: arena), ordering: .relaxed)
        }
        operation.pointee.result = close(fd) == 0 ? 0 : -errno
        if let code = Fault.close.strikes { operation.pointee.result = -code }
    }
}
