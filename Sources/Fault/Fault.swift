#if DEBUG
    import Synchronization
#endif

/// A call on the way of a command that a test can have fail, each at one place. In a build for release nothing can be armed
/// and asking is no instruction.
public enum Fault: String, CaseIterable, Sendable {
    /// A ring's queue of entries is full.
    case entry
    /// A ring is made with so little room for completions that its queue overflows, and the kernel keeps the rest.
    case completions
    /// io_uring_enter(2) takes nothing for once.
    case submission
    /// What an entry asks for does not go; its completion says EBADF.
    case operation
    /// send(2) takes no more than a byte.
    case shortSend
    /// The kernel has no place for a file in a ring's table.
    case file
    case ioctl
    case open
    /// The descriptor is gone all the same, as close(2) has it.
    case close
    /// A thread for a device's worker.
    case thread
    /// mmap(2), for arguments against a guard page.
    case guardedMemory
    /// An operation of the engine, with its payload.
    case payload
    /// write(2) to the audit log, of which the half is written.
    case auditWrite
    /// fdatasync(2) of the audit log.
    case auditSync
    /// Another file of the audit log.
    case auditFile
    /// OpenSSL has no memory for a connection.
    case session
    /// OpenSSL has no memory for what has come.
    case ciphertext
    /// OpenSSL does not encrypt.
    case encryption

    /// The errno to fail with, here and now; nil to go on.
    @inlinable public var strikes: Int32? {
        #if DEBUG
            isArmed.load(ordering: .relaxed) ? armed.withLock { $0.strike(self) } : nil
        #else
            nil
        #endif
    }
}

#if DEBUG
    @usableFromInline let isArmed = Atomic(false)
    @usableFromInline let armed = Mutex(FaultPlan())

    /// Which fault strikes, and when.
    @usableFromInline struct FaultPlan {
        fileprivate var fault = Fault.entry
        fileprivate var errno: Int32 = 0
        /// Times that its place is passed before it does.
        fileprivate var passes = 0
        fileprivate var hasStruck = false

        @usableFromInline mutating func strike(_ fault: Fault) -> Int32? {
            guard fault == self.fault, !hasStruck else { return nil }
            passes -= 1
            hasStruck = passes < 0
            return hasStruck ? errno : nil
        }
    }

    extension Fault {
        /// Strikes once, after its place was passed so many times, anywhere in the process.
        public func arm(after passes: Int, errno: Int32) {
            armed.withLock {
                $0 = FaultPlan()
                ($0.fault, $0.errno, $0.passes) = (self, errno, passes)
            }
            isArmed.store(true, ordering: .sequentiallyConsistent)
        }

        /// Nothing fails any more. False when it did not come to it.
        public static func disarm() -> Bool {
            isArmed.store(false, ordering: .sequentiallyConsistent)
            return armed.withLock { $0.hasStruck }
        }
    }
#endif
