import CLiburing
import Glibc
import RingPolicy

/// What a lane's thread does with an operation: the only calls of ioctl(2), open(2) and close(2) on devices.
enum SystemCall {
    static func run(_ operation: OperationPointer, in block: borrowing GuardedBlock) {
        let start = KernelClock.monotonic()
        switch operation.pointee.kind {
        case .call: runIoctl(operation, in: block)
        case .open: runOpen(operation)
        case .close:
            operation.pointee.result =
                close(Int32(truncatingIfNeeded: operation.pointee.value)) == 0 ? 0 : -errno
        default: operation.pointee.result = -EINVAL
        }
        operation.pointee.deviceTime = KernelClock.monotonic() - start
    }

    private static func runIoctl(_ operation: OperationPointer, in block: borrowing GuardedBlock) {
        let fd = Int32(truncatingIfNeeded: operation.pointee.value)
        let code = operation.pointee.code
        switch operation.pointee.placement {
        case .pointer:
            let memory = block.place(operation.pointee.blockSize)
            memory.initializeMemory(as: UInt8.self, repeating: 0)
            let argument = UnsafeRawBufferPointer(
                start: operation.pointee.payload, count: operation.pointee.argumentSize)
            memory.copyMemory(from: argument)
            operation.pointee.result = rg_ioctl_pointer(fd, code, memory.baseAddress)
            guard operation.pointee.result >= 0, operation.pointee.replySize > 0 else { return }
            operation.pointee.payload.copyMemory(
                from: memory.baseAddress.unsafelyUnwrapped, byteCount: operation.pointee.replySize)
        case .value:
            let number = operation.pointee.payload.loadUnaligned(as: UInt64.self)
            operation.pointee.result = rg_ioctl_value(fd, code, UInt64(littleEndian: number))
        default:
            operation.pointee.result = rg_ioctl_value(fd, code, 0)
        }
    }

    /// Opens the path in the payload and looks at what was opened, never at what the path pointed to before.
    ///
    /// O_NONBLOCK keeps open(2) itself from waiting for a carrier, O_NOCTTY keeps terminals from adopting the
    /// gateway, O_NOFOLLOW makes the node itself, not a link, what the policy named.
    private static func runOpen(_ operation: OperationPointer) {
        let path = operation.pointee.payload.assumingMemoryBound(to: CChar.self)
        let fd = rg_open(
            path,
            Int32(truncatingIfNeeded: operation.pointee.value) | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW
                | O_NONBLOCK)
        guard fd >= 0 else {
            operation.pointee.result = fd
            return
        }
        var status = stat()
        guard fstat(fd, &status) == 0, rg_set_blocking(fd) == 0 else {
            operation.pointee.result = -errno
            close(fd)
            return
        }
        guard status.st_mode & S_IFMT == operation.pointee.code else {
            operation.pointee.result = OpenFile.wrongKind
            close(fd)
            return
        }
        operation.pointee.mayWait = rg_transfers_may_wait(status.st_mode, UInt64(status.st_rdev)) != 0
        operation.pointee.result = fd
    }
}
