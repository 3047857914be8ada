import Glibc

/// Why a lab device could not be made.
public enum LabError: Error, Equatable, Sendable {
    /// This machine or user cannot have the device; the reason is for people. Tests skip on it.
    case unavailable(String)
    /// A system call failed that works wherever the device exists at all.
    case system(call: String, errno: CInt)

    /// The error of the call that has just failed in this thread.
    static func last(_ call: String) -> LabError {
        .system(call: call, errno: errno)
    }
}

extension LabError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unavailable(let reason): reason
        case .system(let call, let number): "\(call): \(String(cString: strerror(number)))"
        }
    }
}
