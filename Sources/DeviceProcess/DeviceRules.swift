import RingDeviceLink
import RingEngine
import RingPolicy
import RingProtocol

/// What a policy says of one device, looked up for those who ask and kept.
struct DeviceRules {
    private let device: String
    private let read: () -> PolicySnapshot
    private var policy: PolicySnapshot
    private var grants: [Authority: Grant] = [:]
    /// When rights change although the policy does not, in seconds since 1970; nil for never.
    private var nextChange: UInt64?

    /// Sets of principals that are kept; the gateway has about as many as there are kinds of clients.
    private static let limit = 1_024

    init(_ device: String, _ read: @escaping () -> PolicySnapshot) {
        self.device = device
        self.read = read
        policy = read()
        nextChange = policy.nextChange(after: KernelClock.realtimeSeconds())
    }

    mutating func readAgain() {
        let now = read()
        guard now !== policy else { return }
        policy = now
        forget()
    }

    mutating func authorizeOpen(by authority: Authority) throws(Refusal) -> AuthorizedOpen {
        readAgain()
        switch authority {
        case .principals(let names):
            let peer = policy.policy(for: PrincipalSet(names: names), at: KernelClock.realtimeSeconds())
            return try peer.authorizeOpen(device)
        case .procedure(let name): return try policy.authorizeOpen(device, for: try procedure(name))
        }
    }

    mutating func grant(to authority: Authority) throws(Refusal) -> Grant {
        if let nextChange, KernelClock.realtimeSeconds() >= nextChange { forget() }
        if let known = grants[authority] { return known }
        if grants.count >= Self.limit { grants = [:] }
        let grant: Grant?
        switch authority {
        case .principals(let names):
            let peer = policy.policy(for: PrincipalSet(names: names), at: KernelClock.realtimeSeconds())
            grant = peer.grant(onDevice: device)
        case .procedure(let name): grant = policy.grant(for: try procedure(name), on: device)
        }
        guard let grant else { throw Refusal(.noRule, "no rule lets you use `\(device)`") }
        grants[authority] = grant
        return grant
    }

    private mutating func forget() {
        grants = [:]
        nextChange = policy.nextChange(after: KernelClock.realtimeSeconds())
    }

    private func procedure(_ name: String) throws(Refusal) -> Procedure {
        for device in policy.devices {
            if let procedure = device.procedures.first(where: { $0.name == name }) { return procedure }
        }
        throw Refusal(.noRule, "the policy file has no procedure `\(name)`")
    }
}
