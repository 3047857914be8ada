import RingProtocol

/// The principals a peer was recognized as: the rules of all of them apply.
public struct PrincipalSet: Sendable, Hashable {
    let names: Set<String>
    /// For logs and people.
    public var description: String { names.sorted().joined(separator: ", ") }
}

/// A whole compiled policy. Immutable and replaced as one; what no rule allows is denied.
public final class PolicySnapshot: Sendable {
    /// SHA-256 that names this policy; 32 bytes.
    public let revision: [UInt8]
    public let principals: [Principal]
    public let devices: [Device]
    public let rules: [Rule]

    public init(revision: [UInt8], principals: [Principal], devices: [Device], rules: [Rule]) {
        precondition(revision.count == 32, "a revision is a SHA-256")
        self.revision = revision
        self.principals = principals
        self.devices = devices
        self.rules = rules
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

    /// Everything the policy lets a peer do, resolved. Costs devices times rules; keep it.
    public func policy(for peer: PrincipalSet) -> PeerPolicy {
        let rules = rules.filter { !$0.principals.isDisjoint(with: peer.names) }
        return PeerPolicy(peer, devices.compactMap { Grant($0, rules: rules) })
    }
}
