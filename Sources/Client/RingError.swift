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
        case .errno(let errno, _): errno.isIndeterminate ? .unknown : .yes
        case .connectionLost, .outcomeUnknown, .session, .protocolViolation: .unknown
        }
    }

    /// The case for a refused entry.
    init(_ refusal: Refusal) {
        self = refusal.flags.contains(.denied) ? .denied(refusal) : .refused(refusal)
    }
}
