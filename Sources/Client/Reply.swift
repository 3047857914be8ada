import RingProtocol

/// The answer to one entry. A refused or failed entry is a reply too; ``checked(_:)`` turns it into an error.
public struct Reply: Equatable, Sendable {
    /// What the kernel returned: >= 0, or a negated errno of Linux's generic table.
    public let result: Int32
    public let flags: CompletionFlags
    /// Nanoseconds the entry's engine had it, 0 when the gateway answered by itself.
    public let deviceTime: UInt64
    /// Bytes read, or the reply block, or the bytes of a ``refusal``.
    public let payload: [UInt8]
    /// The entry's name in the session, as the gateway's log has it; 0 when the entry was never sent.
    public let requestID: RequestID

    public init(
        result: Int32, flags: CompletionFlags, deviceTime: UInt64 = 0, payload: [UInt8] = [],
        requestID: RequestID = RequestID(0)
    ) {
        self.result = result
        self.flags = flags
        self.deviceTime = deviceTime
        self.payload = payload
        self.requestID = requestID
    }

    /// The reply that stands for a refusal.
    init(_ refusal: Refusal) {
        self.init(result: refusal.result, flags: refusal.flags, payload: refusal.encoded())
    }

    /// Which engine ran the entry.
    public var engine: EngineKind { flags.engine ?? .gateway }

    /// Why the gateway refused the entry; nil when the kernel has seen it.
    public var refusal: Refusal? {
        guard flags.contains(.refused) else { return nil }
        return payload.withUnsafeBytes { try? Refusal.decode(WireBytes($0)) }
    }

    /// Why the entry failed, in the terms of `operation`; nil when it did not.
    public func failure(of operation: String) -> RingError? {
        if let refusal { return RingError(refusal) }
        guard result < 0 else { return nil }
        let errno = Errno(Int32(clamping: -Int64(result)), isIndeterminate: flags.contains(.indeterminate))
        return .errno(errno, operation: operation)
    }

    /// The reply itself when the entry succeeded; throws `.denied`, `.refused` or `.errno`.
    @discardableResult
    public func checked(_ operation: String) throws(RingError) -> Reply {
        if let failure = failure(of: operation) { throw failure }
        return self
    }
}
