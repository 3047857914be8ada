import RingAudit
import RingClient

/// What the exit code says. Documented in docs/cli.md; scripts rely on the numbers.
enum ExitStatus: Int32 {
    case success = 0
    /// The kernel or the device failed the operation, or a question was answered with no.
    case device = 1
    case usage = 2
    case denied = 3
    /// No connection, or TLS was refused by either side.
    case connection = 4
    /// The session was ended for cause, or one side broke the protocol.
    case session = 5
    /// Refused for another reason than the policy: busy, draining, wrong shape.
    case refused = 6

    static let help = """
        Exit codes: 0 success, 1 device or kernel error (or a test or comparison failed), 2 wrong usage or a wrong file, 3 denied by the policy, \
        4 connection or TLS failure, 5 session or protocol error, 6 refused for another reason (busy, \
        stopping).
        """

    /// nil for errors of the argument parser.
    init?(_ error: any Error) {
        switch error {
        case let error as RingError: self.init(error)
        case is FieldError, is UsageFailure, is AuditError: self = .usage
        case is NVMeStatus: self = .device
        case is LeaseLost, is LeaseAgentError: self = .refused
        case is NotAllowed, is Denied, is NotAdministrator: self = .denied
        default: return nil
        }
    }

    private init(_ error: RingError) {
        switch error {
        case .denied: self = .denied
        case .refused: self = .refused
        case .errno: self = .device
        case .connectionLost, .outcomeUnknown, .handshake, .timeout: self = .connection
        case .notSent(let reason): self.init(reason)
        case .session, .protocolViolation: self = .session
        }
    }
}

/// Arguments that are well-formed but make no sense together, found out only while running.
struct UsageFailure: Error, CustomStringConvertible {
    let description: String
}

/// A command that `describe` does not list for this client.
struct NotAllowed: Error, CustomStringConvertible {
    let command: String
    let device: String
    let allowed: [String]

    var description: String {
        let list = allowed.isEmpty ? "no commands at all" : allowed.joined(separator: ", ")
        return "\(command) is not allowed on \(device), or unknown; allowed: \(list)"
    }
}
