import RingProtocol

/// Why an entry is allowed or not, for those who keep the policy. It tells of rules that are not the asker's own, so it
/// is never shown to whom the entry is about.
public struct Explanation: Sendable, Equatable {
    public enum Verdict: String, Sendable {
        case allowed
        case denied
        /// It runs only because the device is observed.
        case observed
    }
    /// A condition that does not hold.
    public struct Failing: Sendable, Equatable {
        /// Full name of the field, extent or block; `length` or `offset` of a transfer.
        public let field: String
        public let needs: String
        public let has: String
    }
    /// The rule that comes closest to allowing it.
    public struct Nearest: Sendable, Equatable {
        public let rule: String
        public let failing: [Failing]
    }
    /// A rule that allows it to others.
    public struct Other: Sendable, Equatable {
        public let rule: String
        public let principals: [String]
    }

    public let verdict: Verdict
    /// nil unless denied.
    public let reason: RefusalReason?
    /// Id of the rule that decided; empty when none did.
    public let rule: String
    public let text: String
    /// Name of the command that is meant; nil for other operations, or when the profile describes none.
    public var command: String?
    public var nearest: Nearest?
    public var others: [Other] = []

    static func allowed(by rule: String, _ text: String) -> Self {
        Self(verdict: .allowed, reason: nil, rule: rule, text: text)
    }

    static func denied(_ refusal: Refusal) -> Self {
        Self(verdict: .denied, reason: refusal.reason, rule: refusal.rule, text: refusal.text)
    }
}
