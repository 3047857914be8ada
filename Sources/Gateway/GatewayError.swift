import RingAudit
import RingEngine

/// Why a gateway could not start.
public enum GatewayError: Error, Sendable {
    /// A certificate, key or CA file, and what OpenSSL says about it.
    case tls(file: String, reason: String)
    /// The deny list, with all its errors.
    case denyList(String)
    /// The address cannot be listened on.
    case listen(address: String, reason: String)
    case engine(EngineError)
    /// The directory of the audit log, or a file in it.
    case audit(AuditError)
}

extension GatewayError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tls(let file, let reason): "\(file): \(reason)"
        case .denyList(let errors): errors
        case .listen(let address, let reason): "cannot listen on \(address): \(reason)"
        case .engine(let error): error.description
        case .audit(let error): "audit log: \(error)"
        }
    }
}
