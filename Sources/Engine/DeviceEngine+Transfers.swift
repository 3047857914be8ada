import CLiburing
import Glibc
import RingPolicy
import RingProtocol

/// Reads, writes and syncs.
///
/// A ring first tries a transfer on the thread that submits it, and of a file that can be polled it only asks whether
/// it is ready. A terminal that is ready for one byte then waits for room for the other million, there, where all
/// clients wait with it. So transfers on files that may wait go to the kernel's own threads at once, and their writes
/// one after the other.
extension DeviceEngine {
    mutating func submitTransfer(
        _ command: borrowing AuthorizedCommand, _ tag: OperationTag
    ) throws(Refusal) {
        let size = command.action == .read ? command.replySize : command.argument.count
        let operation = try take(.transfer, payload: size, command.file, tag)
        operation.pointee.action = command.action
        operation.pointee.value = command.offset
        switch command.action {
        case .read: operation.pointee.replySize = size
        case .write:
            operation.pointee.argumentSize = size
            operation.pointee.payload.copyMemory(
                from: command.argument.pointer.baseAddress.unsafelyUnwrapped, byteCount: size)
        default: break
        }
        let file = command.file.index
        if command.action == .write && files[file].mayWait {
            guard !files[file].isWriting else { return files[file].waitingWrites.append(operation) }
        }
        guard startTransfer(operation) else { throw giveUp(operation) }
    }

    /// False when the kernel's queue is full.
    private mutating func startTransfer(_ operation: OperationPointer) -> Bool {
        let data = userData(operation)
        guard let sqe = ring.entry(userData: data) else { return false }
        let index = operation.pointee.file
        let file = Int32(index)
        let memory = operation.pointee.payload
        let mayWait = files[index].mayWait
        switch operation.pointee.action {
        case .read:
            io_uring_prep_read(
                sqe, file, memory, UInt32(operation.pointee.replySize), operation.pointee.value)
        case .write:
            io_uring_prep_write(
                sqe, file, memory, UInt32(operation.pointee.argumentSize), operation.pointee.value)
            files[index].isWriting = mayWait
        default:
            io_uring_prep_fsync(sqe, file, 0)
        }
        // liburing's preparations reset the whole entry.
        rg_sqe_set_flags(sqe, mayWait ? RG_SQE_FIXED_FILE | RG_SQE_ASYNC : RG_SQE_FIXED_FILE)
        rg_sqe_set_user_data(sqe, data)
        return true
    }

    /// A transfer has come back: the next write of its file has its turn.
    mutating func startNextWrite(after operation: OperationPointer) {
        let file = operation.pointee.file
        guard operation.pointee.action == .write, files[file].isWriting else { return }
        files[file].isWriting = false
        guard let next = files[file].waitingWrites.take(), !startTransfer(next) else { return }
        next.pointee.result = -EBUSY
        finished.append(next)
        cancelWaitingWrites(on: file)
    }

    /// Ends the writes of a file that the kernel has not seen yet.
    mutating func cancelWaitingWrites(on file: UInt32) {
        while let operation = files[file].waitingWrites.take() {
            operation.pointee.result = -ECANCELED
            finished.append(operation)
        }
    }
}
