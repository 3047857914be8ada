import RingProtocol

/// One line for people: what happened and, where there is something to do, what to do.
extension RingError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .denied(let refusal):
            refusal.rule.isEmpty
                ? "denied: \(refusal.text)" : "denied by rule \(refusal.rule): \(refusal.text)"
        case .refused(let refusal):
            "refused (\(refusal.reason.words)): \(refusal.text)"
        case .errno(let errno, let operation):
            "\(operation) failed: \(errno)"
        case .connectionLost(let text):
            "connection lost: \(text)"
        case .outcomeUnknown(let text):
            "it is unknown whether this was done, look before repeating it: \(text)"
        case .notSent(let reason):
            "not sent: \(reason)"
        case .handshake(let text):
            "TLS handshake failed: \(text)"
        case .session(let error):
            "the gateway ended the session: \(error.code.words)\(error.blame): \(error.text)"
        case .protocolViolation(let error):
            "the gateway broke the protocol\(error.rule == 0 ? "" : " (R-\(error.rule))"): \(error.text)"
        case .timeout:
            "no answer from the gateway before the deadline; check host, port and firewall"
        }
    }
}

extension Errno: CustomStringConvertible {
    public var description: String {
        let meaning = meaning.map { " (\($0))" } ?? ""
        return name + meaning + (isIndeterminate ? "; its effect is unknown, look before repeating it" : "")
    }
}

extension SessionError {
    fileprivate var blame: String {
        switch (rule, entry) {
        case (0, nil): ""
        case (0, let entry?): " (entry \(entry))"
        case (_, nil): " (R-\(rule))"
        case (_, let entry?): " (R-\(rule), entry \(entry))"
        }
    }
}

extension RefusalReason {
    /// The reason in words.
    public var words: String {
        switch self {
        case .noRule: "no rule allows it"
        case .never: "forbidden"
        case .constraint: "values not allowed"
        case .slotNotOpen: "device not open"
        case .slotInUse: "slot in use"
        case .shape: "wrong shape"
        case .unsupported: "unsupported"
        case .busy: "busy, try again"
        case .draining: "gateway is stopping"
        case .identity: "device is not what the policy names"
        case .unavailable: "device is out of use"
        }
    }
}

extension SessionErrorCode {
    /// The code in words.
    public var words: String {
        switch self {
        case .malformed: "malformed frame"
        case .unexpectedFrame: "unexpected frame"
        case .version: "no common protocol version"
        case .limit: "limit exceeded"
        case .requestID: "bad request id"
        case .reserved: "reserved bits set"
        case .unknownPrincipal: "certificate matches no principal of the policy"
        case .identity: "certificate carries no usable identity"
        case .deadline: "deadline passed"
        case .overloaded: "overloaded"
        case .internalFailure: "internal failure"
        case .revoked: "access revoked"
        }
    }
}
