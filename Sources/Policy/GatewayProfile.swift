import RingProtocol

/// The gateway itself as a file: its administration, under the same allowlist as any device.
///
/// Arguments and replies are JSON (RFC 8259), see docs/administration.md.
public enum GatewayCommand: UInt32, Sendable, CaseIterable {
    case policyShow = 1
    case policyEffective = 2
    case policyPlan = 3
    case policyApply = 4
    case policyRollback = 5
    case policyHistory = 6
    case policyExplain = 7
    case policySuggest = 8
    case sessionList = 16
    case sessionKill = 17
    case deviceList = 32
    case deviceDisable = 33
    case deviceDrain = 34
    case deviceEnable = 35
    case deviceResetLane = 36
    case leaseList = 48
    case leaseRevoke = 49
    case traceRead = 64

    /// As policies have it.
    public var name: String {
        switch self {
        case .policyShow: "policy.show"
        case .policyEffective: "policy.effective"
        case .policyPlan: "policy.plan"
        case .policyApply: "policy.apply"
        case .policyRollback: "policy.rollback"
        case .policyHistory: "policy.history"
        case .policyExplain: "policy.explain"
        case .policySuggest: "policy.suggest"
        case .sessionList: "session.list"
        case .sessionKill: "session.kill"
        case .deviceList: "device.list"
        case .deviceDisable: "device.disable"
        case .deviceDrain: "device.drain"
        case .deviceEnable: "device.enable"
        case .deviceResetLane: "device.reset-lane"
        case .leaseList: "lease.list"
        case .leaseRevoke: "lease.revoke"
        case .traceRead: "trace.read"
        }
    }

    var effect: Effect {
        switch self {
        case .policyShow, .policyEffective, .policyPlan, .policyHistory, .policyExplain, .policySuggest,
            .sessionList, .deviceList, .leaseList, .traceRead:
            .read
        case .policyApply, .policyRollback, .sessionKill, .deviceDisable, .deviceDrain, .deviceEnable,
            .deviceResetLane, .leaseRevoke:
            .write
        }
    }

    var summary: String {
        switch self {
        case .policyShow: "The policy in force, as text."
        case .policyEffective: "What a principal may do, resolved."
        case .policyPlan: "What a policy would change, without changing it."
        case .policyApply: "Puts a policy in force."
        case .policyRollback: "Puts an earlier policy in force again."
        case .policyHistory: "The policies that have been in force."
        case .policyExplain: "Why an entry is allowed or denied."
        case .policySuggest: "The least rules that would allow what was denied or observed."
        case .sessionList: "Who is connected."
        case .sessionKill: "Ends a session."
        case .deviceList: "The state of every device."
        case .deviceDisable: "Closes a device and refuses it until it is enabled."
        case .deviceDrain: "Refuses new opens of a device and lets those that have it go on."
        case .deviceEnable: "Takes a disabled or draining device back."
        case .deviceResetLane: "Gives a device a new worker, leaving a stuck one behind."
        case .leaseList: "Who holds which device, and who waits for it."
        case .leaseRevoke: "Takes a device away from those who hold it."
        case .traceRead: "What entries came, and what became of them."
        }
    }
}

public enum GatewayProfile {
    /// The name under which clients open it. No device of a policy can have it.
    public static let deviceName = "@gateway"

    public static let profile = Profile(
        name: "gateway", summary: "The gateway's own administration.",
        commands: GatewayCommand.allCases.map { command in
            CommandShape(
                name: command.name, pattern: CodePattern(SubOpcode(command.rawValue)), transport: .gateway,
                effect: command.effect, placement: .document,
                blocks: [Block(elementSize: nil, amount: .constant(1), maximum: Limits.payload)],
                summary: command.summary)
        })

    public static let device = Device(
        name: deviceName, path: "", kind: .gateway, access: .readWrite, profile: profile)
}
