import RingPolicy
import RingProtocol
import Synchronization

/// What became of one operation.
public struct EngineCompletion {
    public enum Kind: Sendable {
        case operation
        /// An open that succeeded; the file is the caller's to close.
        case opened(OpenFileID)
        /// An open that failed.
        case notOpened
        /// A command gave a file, which fills the slot of its tag.
        case gave(OpenFileID)
        /// A command was to give a file and did not.
        case gaveNothing
        case closed
        /// The answer to a cancel: 0, -ENOENT or -EALREADY, or how many were asked to end.
        case cancelled
    }

    public let tag: OperationTag
    public let kind: Kind
    /// >= 0, or a negated errno.
    public let result: Int32
    public let engine: EngineKind
    /// Nanoseconds.
    public let deviceTime: UInt64
    public let isIndeterminate: Bool
    /// Whether more completions of the operation follow.
    public var hasMore = false
    /// Set when the engine refused by itself after looking at what was opened.
    public let refusal: Refusal?
    /// The reply. Valid until the next call of `DeviceEngine.next`.
    public let payload: UnsafeRawBufferPointer

    package init(
        tag: OperationTag, kind: Kind, result: Int32, engine: EngineKind, deviceTime: UInt64,
        isIndeterminate: Bool, hasMore: Bool = false, refusal: Refusal?, payload: UnsafeRawBufferPointer
    ) {
        self.tag = tag
        self.kind = kind
        self.result = result
        self.engine = engine
        self.deviceTime = deviceTime
        self.isIndeterminate = isIndeterminate
        self.hasMore = hasMore
        self.refusal = refusal
        self.payload = payload
    }
}
