/// Bytes that break the protocol. Ends the session; the gateway says so in an error frame first.
public struct WireError: Error, Equatable, Sendable {
    /// What kind of rule was broken, as the error frame carries it.
    public let code: SessionErrorCode
    /// Number of the broken rule in docs/protocol.md ("R-12" is 12).
    public let rule: UInt16
    /// Index of the offending entry in its frame, when one entry is to blame.
    public let entry: UInt32?
    /// What is wrong, for people.
    public let text: String

    public init(_ code: SessionErrorCode, rule: UInt16, entry: UInt32? = nil, _ text: String) {
        self.code = code
        self.rule = rule
        self.entry = entry
        self.text = text
    }
}

/// Why the gateway ended a session. The raw value is the number on the wire.
public enum SessionErrorCode: UInt16, Sendable, CaseIterable {
    /// A length, count, padding or layout is wrong.
    case malformed = 1
    /// A frame that is not allowed in this state.
    case unexpectedFrame = 2
    /// No protocol version in common.
    case version = 3
    /// A limit of the welcome was exceeded.
    case limit = 4
    /// A request id was 0 or not greater than all before it.
    case requestID = 5
    /// A reserved bit or field was set, or a flag whose feature was not granted.
    case reserved = 6
    /// The certificate is trusted, but its identity matches no principal of the policy.
    case unknownPrincipal = 7
    /// The certificate is trusted, but carries no usable identity.
    case identity = 8
    /// The peer was too slow: handshake, hello, or reading what it was sent.
    case deadline = 9
    /// The gateway holds as many sessions as it may.
    case overloaded = 10
    /// A failure of the gateway itself.
    case internalFailure = 11
    /// An operator or a change of policy ended the session.
    case revoked = 12
}
