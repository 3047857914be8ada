import RingProtocol

/// Every way a call on a ``RingConnection`` can fail, besides `CancellationError`.
public enum RingError: Error, Equatable, Sendable {
    /// The policy said no. The refusal names the rule that decided, and why.
    case denied(Refusal)
    /// Refused for another reason: a slot, a shape, a full queue, a stopping gateway. Nothing happened.
    case refused(Refusal)
    /// The kernel or the device failed the operation.
    case errno(Errno, operation: String)
    /// There is no connection (any more). What was sent and is unanswered has an unknown outcome.
    case connectionLost(String)
    /// TLS was not agreed upon, on this side or on the gateway's, or a certificate file cannot be used.
    case handshake(String)
    /// The session is over and nobody can tell whether the operation was carried out: it was sent, and no answer came.
    case outcomeUnknown(String)
    /// The operation never left this machine, for this reason.
    indirect case notSent(RingError)
    /// The gateway ended the session for cause. What was unanswered has an unknown outcome.
    case session(SessionError)
    /// The gateway sent what docs/protocol.md does not allow; the connection was given up.
    case protocolViolation(WireError)
    /// The deadline for connecting passed.
    case timeout
}

extension RingError {
    /// Whether the operation was carried out.
    public enum DidRun: Sendable {
        case no
        /// It reached the device, which failed it.
        case yes
        /// Look before repeating it.
        case unknown
    }

    /// "Did it run?", as far as anybody can tell.
    public var didRun: DidRun {
        switch self {
        case .denied, .refused, .handshake, .timeout: .no
        case .notSent: .no
        case .errno(let errno, _): errno.didRun
        case .connectionLost, .outcomeUnknown, .session, .protocolViolation: .unknown
        }
    }

    /// The case for a refused entry.
    init(_ refusal: Refusal) {
        self = refusal.flags.contains(.denied) ? .denied(refusal) : .refused(refusal)
    }
}

extension Errno {
    /// What was cancelled, or out of time, says whether it had begun (rule R-37); other errors are a device's or the kernel's.
    fileprivate var didRun: RingError.DidRun {
        if isIndeterminate { return .unknown }
        return number == Self.cancelled || number == Self.timedOut ? .no : .yes
    }

    /// ECANCELED and ETIME of asm-generic/errno.h.
    private static let cancelled: Int32 = 125
    private static let timedOut: Int32 = 62
}
