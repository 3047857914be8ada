import CLiburing
import Glibc
import RingPolicy
import RingProtocol

/// Reads, writes and syncs.
///
/// A ring first tries a transfer on the thread that submits it, and of a file that can be polled it only asks
/// whether it is ready. A terminal that is ready for one byte then waits for room for the other million,
/// there, where all clients wait with it. So transfers on such files go to the kernel's own threads at once,
/// one read and one write at a time.
extension DeviceEngine {
    mutating func submitTransfer(
        _ command: borrowing AuthorizedCommand, _ tag: OperationTag, _ polling: Operation.Polling
    ) throws(Refusal) {
        let size = command.action == .read ? command.replySize : command.argument.count
        let operation = try take(.transfer, payload: size, command.file, tag)
        operation.pointee.action = command.action
        operation.pointee.value = command.offset
        operation.pointee.code = command.code.code
        // What can be read without waiting needs no poll, and some of it cannot be polled.
        let isReadNow =
            polling == .beforeRead && !files[command.file.index].transfers.takesTurns
        operation.pointee.polling = isReadNow ? .none : polling
        operation.pointee.result = 0
        switch command.action {
        case .read: operation.pointee.replySize = Int32(size)
        case .write:
            operation.pointee.argumentSize = Int32(size)
            operation.pointee.payload.copyMemory(
                from: command.argument.pointer.baseAddress.unsafelyUnwrapped, byteCount: size)
        default: break
        }
        guard !waitsItsTurn(operation) else { return }
        guard startTransfer(operation) else { throw giveUp(operation) }
    }

    /// Queues a transfer behind another of its kind. False when it may start now.
    private mutating func waitsItsTurn(_ operation: OperationPointer) -> Bool {
        let file = operation.pointee.file
        guard files[file].transfers.takesTurns, let turns = Self.turns(of: operation) else { return false }
        guard files[file][keyPath: turns].isBusy else { return false }
        files[file][keyPath: turns].waiting.append(operation)
        return true
    }

    static func turns(of operation: OperationPointer) -> WritableKeyPath<OpenFile, TurnQueue>? {
        switch operation.pointee.action {
        case .read: \.reads
        case .write: \.writes
        case .sync, .poll, .command: nil
        }
    }

    /// False when the kernel's queue is full.
    private mutating func startTransfer(_ operation: OperationPointer) -> Bool {
        let data = userData(operation)
        guard let sqe = ring.entry(userData: data) else { return false }
        let index = operation.pointee.file
        let file = Int32(index)
        let memory = operation.pointee.payload
        let transfers = files[index].transfers
        switch operation.pointee.action {
        case .read where operation.pointee.polling == .beforeRead:
            files[index].reads.isBusy = true
            io_uring_prep_poll_add(sqe, file, UInt32(POLLIN))
        case .poll:
            if operation.pointee.polling == .repeatedly {
                io_uring_prep_poll_multishot(sqe, file, operation.pointee.code)
            } else {
                io_uring_prep_poll_add(sqe, file, operation.pointee.code)
            }
        case .read:
            files[index].reads.isBusy = transfers.takesTurns
            io_uring_prep_read(
                sqe, file, memory, UInt32(operation.pointee.replySize), operation.pointee.value)
        case .write:
            io_uring_prep_write(
                sqe, file, memory, UInt32(operation.pointee.argumentSize), operation.pointee.value)
            files[index].writes.isBusy = transfers.takesTurns
        default:
            io_uring_prep_fsync(sqe, file, 0)
        }
        // liburing's preparations reset the whole entry.
        let isPoll = operation.pointee.action == .poll || operation.pointee.polling == .beforeRead
        rg_sqe_set_flags(
            sqe, transfers == .detached && !isPoll ? RG_SQE_FIXED_FILE | RG_SQE_ASYNC : RG_SQE_FIXED_FILE)
        rg_sqe_set_user_data(sqe, data)
        return true
    }

    /// Begins a poll anew that was woken for nothing, as by a change of a line's settings. The kernel does so itself, but of
    /// a driver that waits in two queues, as terminals do, it then says EINVAL: the second queue's entry of before is still
    /// there (io_uring/poll.c, `__io_queue_proc`).
    mutating func pollAgain(_ operation: OperationPointer, after result: Int32) -> Bool {
        guard result == -EINVAL, !isEnding(operation),
            operation.pointee.result < EngineLimits.pollsForNothing
        else { return false }
        operation.pointee.result += 1
        return startTransfer(operation)
    }

    /// Whether somebody wants the operation or its file to end.
    func isEnding(_ operation: OperationPointer) -> Bool {
        operation.pointee.stop != .none || files[operation.pointee.file].state == .closing
    }

    /// There is something to read. False when the read cannot be begun.
    mutating func readAfterPoll(_ operation: OperationPointer) -> Bool {
        operation.pointee.polling = .none
        guard !startTransfer(operation) else { return true }
        operation.pointee.polling = .beforeRead
        return false
    }

    /// A transfer has come back: the next of its kind has its turn.
    mutating func startNextTransfer(after operation: OperationPointer) {
        let file = operation.pointee.file
        guard files[file].transfers.takesTurns, let turns = Self.turns(of: operation) else { return }
        files[file][keyPath: turns].isBusy = false
        guard let next = files[file][keyPath: turns].waiting.take(), !startTransfer(next) else { return }
        next.pointee.result = -EBUSY
        finished.append(next)
        cancelWaitingTransfers(on: file)
    }

    /// Ends the transfers of a file that the kernel has not seen yet.
    mutating func cancelWaitingTransfers(on file: UInt32) {
        for turns in [\OpenFile.reads, \OpenFile.writes] {
            while let operation = files[file][keyPath: turns].waiting.take() {
                operation.pointee.result = -ECANCELED
                finished.append(operation)
            }
        }
    }
}
