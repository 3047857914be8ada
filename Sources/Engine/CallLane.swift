import CLiburing
import Glibc
import RingPolicy

/// The call engine for one device: a thread that runs its system calls in order, and a bounded queue.
///
/// `@unchecked Sendable` is sound because every stored variable is touched only while `lock` is held, and an
/// operation belongs to the lane from `enqueue` until it is in the finished list.
final class CallLane: @unchecked Sendable {
    private let lock = ThreadLock()
    private let finished: FinishedList
    private var waiting = OperationQueue()
    private var depth = 0
    private var running: OperationPointer?
    private var isStopping = false
    private var thread = pthread_t()

    init(finished: FinishedList) throws(EngineError) {
        self.finished = finished
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, EngineLimits.laneStack)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let context = Unmanaged.passRetained(self)
        let result = pthread_create(
            &thread, &attributes,
            { context in
                Unmanaged<CallLane>.fromOpaque(context.unsafelyUnwrapped).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard result == 0 else {
            context.release()
            throw .failed(call: "pthread_create", errno: result)
        }
    }

    /// Takes the operation over. False when the queue is full and `isUrgent` is not set.
    func enqueue(_ operation: OperationPointer, isUrgent: Bool = false) -> Bool {
        lock.locked {
            guard isUrgent || depth < EngineLimits.laneDepth else { return false }
            waiting.append(operation)
            depth += 1
            lock.signal()
            return true
        }
    }

    /// Ends the operations on open file `file`: those that wait at once, the one that runs by a signal.
    ///
    /// The signal may arrive just before the system call begins and be lost, so this is called again until
    /// the operation has come back.
    func cancel(file: UInt32) {
        lock.locked {
            removeWaiting(on: file)
            guard let running, running.pointee.file == file, running.pointee.kind == .call else { return }
            running.pointee.isCancelled = true
            pthread_kill(thread, rg_interrupt_signal())
        }
    }

    private func removeWaiting(on file: UInt32) {
        var kept = OperationQueue()
        while let operation = waiting.take() {
            if operation.pointee.file == file && operation.pointee.kind == .call {
                operation.pointee.result = -ECANCELED
                depth -= 1
                finished.append(operation)
            } else {
                kept.append(operation)
            }
        }
        waiting = kept
    }

    /// Lets the thread end once it is idle. A thread stuck in the kernel cannot be ended and is left behind.
    func stop() {
        lock.locked {
            isStopping = true
            lock.signal()
        }
    }

    private func run() {
        allowOnlyInterrupts()
        guard let block = try? GuardedBlock() else {
            return failEverything()
        }
        while let operation = takeNext() {
            SystemCall.run(operation, in: block)
            giveBack(operation)
        }
    }

    private func takeNext() -> OperationPointer? {
        lock.locked {
            while waiting.isEmpty && !isStopping { lock.wait() }
            running = waiting.take()
            return running
        }
    }

    private func giveBack(_ operation: OperationPointer) {
        lock.locked {
            if operation.pointee.isCancelled && operation.pointee.result == -EINTR {
                operation.pointee.result = -ECANCELED
                operation.pointee.isIndeterminate = true
            }
            running = nil
            depth -= 1
        }
        finished.append(operation)
    }

    /// Without memory for arguments the lane answers, but runs nothing.
    private func failEverything() {
        while let operation = takeNext() {
            operation.pointee.result = -ENOMEM
            giveBack(operation)
        }
    }

    /// The process's own signals belong to other threads.
    private func allowOnlyInterrupts() {
        var signals = sigset_t()
        sigfillset(&signals)
        sigdelset(&signals, rg_interrupt_signal())
        pthread_sigmask(SIG_SETMASK, &signals, nil)
    }
}
