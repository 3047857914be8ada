import RingProtocol

/// The principals a peer was recognized as: the rules of all of them apply.
public struct PrincipalSet: Sendable, Hashable {
    public let names: Set<String>
    /// For logs and people.
    public var description: String { names.sorted().joined(separator: ", ") }

    /// Principals by their names, for administration; who connects is recognized by its certificate.
    public init(names: Set<String>) { self.names = names }
}

/// A whole compiled policy. Immutable and replaced as one; what no rule allows is denied.
public final class PolicySnapshot: Sendable {
    /// SHA-256 that names this policy; 32 bytes.
    public let revision: [UInt8]
    public let principals: [Principal]
    public let devices: [Device]
    public let rules: [Rule]
    public let nevers: [NeverRule]
    /// All that devices or handles may have, by name.
    public let profiles: [String: Profile]

    public init(
        revision: [UInt8], principals: [Principal], devices: [Device], rules: [Rule],
        nevers: [NeverRule] = [],
        profiles: [Profile] = []
    ) {
        precondition(revision.count == 32, "a revision is a SHA-256")
        self.revision = revision
        self.principals = principals
        self.devices = devices
        self.rules = rules
        self.nevers = nevers
        self.profiles = Dictionary(profiles.map { ($0.name, $0) }) { first, _ in first }
    }

    /// Who the holder of a verified certificate is.
    public func recognize(_ peer: PeerIdentity) throws(IdentityError) -> PrincipalSet {
        guard peer.uris.count <= 1 else { throw .severalURIs(peer.uris.count) }
        if let uri = peer.uris.first, !URIPattern.isUsable(uri) { throw .unusableURI }
        let names = Set(principals.filter { $0.matches(peer) }.map(\.name))
        guard !names.isEmpty else {
            throw .unknown(identity: peer.uris.first ?? "this certificate, which has no URI")
        }
        return PrincipalSet(names: names)
    }

    /// Everything the policy lets a peer do at `time`, in seconds since 1970, resolved. Costs devices times rules;
    /// keep it until `nextChange`.
    public func policy(for peer: PrincipalSet, at time: UInt64) -> PeerPolicy {
        let rules = rules.filter { !$0.principals.isDisjoint(with: peer.names) }
        let nevers = nevers.filter { $0.principals.map { !$0.isDisjoint(with: peer.names) } ?? true }
        return PeerPolicy(peer, devices.compactMap { grant($0, rules, nevers, time) })
    }

    /// When a peer's rights next change by themselves; nil when they do not.
    public func nextChange(after time: UInt64) -> UInt64? {
        devices.compactMap { $0.observation?.until }.filter { $0 > time }.min()
    }

    /// What the commands that some rule allows on a device, or a procedure runs there, want of who makes the call, by the
    /// names of capabilities(7).
    public func capabilities(on device: Device) -> Set<String> {
        let procedures = devices.flatMap(\.procedures)
        let rights =
            rules.compactMap { $0.rights[device.name] } + procedures.compactMap { $0.rights[device.name] }
        return Set(rights.flatMap(\.commands).compactMap(\.shape.capability))
    }

    private func grant(_ device: Device, _ rules: [Rule], _ nevers: [NeverRule], _ time: UInt64) -> Grant? {
        let observation = device.observation.flatMap { $0.until > time ? $0 : nil }
        let sources = rules.compactMap { rule in
            rule.rights[device.name].map { GrantParts.Source(rule: rule.id, rights: $0, limits: rule.limits) }
        }
        guard !sources.isEmpty || observation != nil else { return nil }
        return Grant(
            GrantParts(device, sources, self.nevers(nevers, on: device), profiles, observation))
    }

    /// What `nevers` say about a device.
    func nevers(_ nevers: [NeverRule], on device: Device) -> [GrantParts.Never] {
        nevers.compactMap { never in
            never.commands[device.name].map {
                GrantParts.Never(
                    rule: never.id, rights: $0, forbidsRead: never.forbidsRead,
                    forbidsWrite: never.forbidsWrite)
            }
        }
    }
}
