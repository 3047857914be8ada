import RingPolicy
import RingProtocol
import Synchronization

/// What became of a command that returns nothing but its result.
public struct PlainCompletion {
    /// In the operation's memory: valid until something is called on the engine.
    public let tag: UnsafePointer<OperationTag>
    /// >= 0, or a negated errno.
    public let result: Int32
    /// Nanoseconds.
    public let deviceTime: UInt64
}

/// What became of one operation.
///
/// Read in place, field by field: a copy loads words that were stored a moment ago as halves, and waits for them.
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

    public internal(set) var tag: OperationTag
    public internal(set) var kind: Kind
    /// >= 0, or a negated errno.
    public internal(set) var result: Int32
    public internal(set) var engine: EngineKind
    public internal(set) var isIndeterminate: Bool
    /// Whether more completions of the operation follow.
    public internal(set) var hasMore = false
    /// Nanoseconds.
    public internal(set) var deviceTime: UInt64
    /// Set when the engine refused by itself after looking at what was opened.
    public internal(set) var refusal: Refusal?
    private var reply: UnsafeRawPointer?
    private var replySize: Int32

    /// The reply. Valid until the next call of `DeviceEngine.next`.
    public internal(set) var payload: UnsafeRawBufferPointer {
        get { UnsafeRawBufferPointer(start: reply, count: Int(replySize)) }
        set {
            reply = newValue.baseAddress
            replySize = Int32(newValue.count)
        }
    }

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
        reply = payload.baseAddress
        replySize = Int32(payload.count)
    }

    package init(_ plain: PlainCompletion) {
        self.init(
            tag: plain.tag.pointee, kind: .operation, result: plain.result, engine: .ring,
            deviceTime: plain.deviceTime, isIndeterminate: false, refusal: nil,
            payload: UnsafeRawBufferPointer(start: nil, count: 0))
    }
}
