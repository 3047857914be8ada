import RingDeviceLink
import RingEngine
import RingPolicy
import RingProtocol

/// What a policy says of one device, looked up for those who ask and kept.
struct DeviceRules {
    private let device: String
    private let read: () -> PolicySnapshot
    private var policy: PolicySnapshot
    private var peers: [Set<String>: PeerPolicy] = [:]
    private var grants: [String: Grant] = [:]
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
        case .principals(let names): return try peer(names).authorizeOpen(device)
        case .procedure(let name): return try policy.authorizeOpen(device, for: try procedure(name))
        }
    }

    mutating func grant(to authority: Authority) throws(Refusal) -> Grant {
        let grant: Grant?
        switch authority {
        case .principals(let names): grant = peer(names).grant(onDevice: device)
        case .procedure(let name):
            if let known = grants[name] { return known }
            grant = policy.grant(for: try procedure(name), on: device)
            grants[name] = grant
        }
        guard let grant else { throw Refusal(.noRule, "no rule lets you use `\(device)`") }
        return grant
    }

    /// What clients with these principals may do now.
    private mutating func peer(_ names: Set<String>) -> PeerPolicy {
        let now = KernelClock.realtimeSeconds()
        if let nextChange, now >= nextChange { forget() }
        if let known = peers[names] { return known }
        if peers.count >= Self.limit { peers = [:] }
        let peer = policy.policy(for: PrincipalSet(names: names), at: now)
        peers[names] = peer
        return peer
    }

    private mutating func forget() {
        (peers, grants) = ([:], [:])
        nextChange = policy.nextChange(after: KernelClock.realtimeSeconds())
    }

    private func procedure(_ name: String) throws(Refusal) -> Procedure {
        for device in policy.devices {
            if let procedure = device.procedures.first(where: { $0.name == name }) { return procedure }
        }
        throw Refusal(.noRule, "the policy file has no procedure `\(name)`")
    }
}
