import RingProtocol

/// Every way a call on a ``RingConnection`` can fail, besides `CancellationError`.
public enum RingError: Error, Equatable, Sendable {
    /// The policy said no. The refusal names the rule that decided, and why.
    case denied(Refusal)
    /// Refused for another reason: a slot, a shape, a full queue, a stopping gateway. Nothing happened.
    case refused(Refusal)
    /// The kernel or the device failed the operation.
    case errno(Errno, operation: String)
    /// There is no connection (any more). What was unanswered has an unknown outcome.
    case connectionLost(String)
    /// TLS was not agreed upon, on this side or on the gateway's, or a certificate file cannot be used.
    case handshake(String)
    /// The gateway ended the session for cause. What was unanswered has an unknown outcome.
    case session(SessionError)
    /// The gateway sent what docs/protocol.md does not allow; the connection was given up.
    case protocolViolation(WireError)
    /// The deadline for connecting passed.
    case timeout
}

extension RingError {
    /// The case for a refused entry.
    init(_ refusal: Refusal) {
        self = refusal.flags.contains(.denied) ? .denied(refusal) : .refused(refusal)
    }
}
