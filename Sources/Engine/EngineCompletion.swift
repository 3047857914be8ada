import RingPolicy
import RingProtocol
import Synchronization

/// What became of one operation.
public struct EngineCompletion {
    public enum Kind {
        case operation
        /// An open that succeeded; the file is the caller's to close.
        case opened(OpenFileID)
        /// An open that failed.
        case notOpened
        case closed
    }

    public let tag: OperationTag
    public let kind: Kind
    /// >= 0, or a negated errno.
    public let result: Int32
    public let engine: EngineKind
    /// Nanoseconds.
    public let deviceTime: UInt64
    public let isIndeterminate: Bool
    /// Set when the engine refused by itself after looking at what was opened.
    public let refusal: Refusal?
    /// The reply. Valid until the next call of `DeviceEngine.next`.
    public let payload: UnsafeRawBufferPointer
}

/// How often the engine has entered the kernel for clients. Readable from any thread.
public final class EngineCounters: Sendable {
    let ringEntries = Atomic(0)
    let calls = Atomic(0)
    let opens = Atomic(0)
    let files = Atomic(0)

    /// Entries handed to io_uring for a client.
    public var submittedRingEntries: Int { ringEntries.load(ordering: .relaxed) }
    /// ioctl(2) calls handed to a worker.
    public var submittedCalls: Int { calls.load(ordering: .relaxed) }
    /// open(2) calls handed to a worker.
    public var submittedOpens: Int { opens.load(ordering: .relaxed) }
    /// Files open now, or on their way to be opened or closed.
    public var openFiles: Int { files.load(ordering: .relaxed) }
}
