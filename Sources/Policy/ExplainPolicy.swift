import RingProtocol

/// Explanations against the whole policy: what a peer has, and what others have that it has not.
extension PolicySnapshot {
    /// Why a peer may or may not do this on `name`: a device, or a file that its commands give as DEVICE/PROFILE.
    ///
    /// With operation `open` or `describe` the entry's argument does not matter.
    public func explain(
        _ entry: Entry, on name: String, for peer: PrincipalSet, at time: UInt64
    ) -> Explanation {
        let grant = policy(for: peer, at: time).grant(on: name)
        var explanation = grant.map { $0.decision(entry) } ?? notThere(name)
        if explanation.verdict == .denied, explanation.reason != .never {
            explanation.others = others(entry, on: name, than: peer)
        }
        return explanation
    }

    /// The profile of a device, or of a file that its commands give as DEVICE/PROFILE.
    public func profile(of name: String) -> Profile? {
        let path = name.split(separator: "/").map(String.init)
        if path.count > 1 { return path.last.flatMap { profiles[$0] } }
        if name == GatewayProfile.deviceName { return GatewayProfile.profile }
        return devices.first { $0.name == name }?.profile
    }

    private func notThere(_ name: String) -> Explanation {
        let device = name.split(separator: "/").first.map(String.init) ?? name
        let isKnown = devices.contains { $0.name == device } || device == GatewayProfile.deviceName
        return .denied(
            Refusal(
                .noRule, isKnown ? "no rule lets them open `\(name)`" : "the policy has no device `\(device)`"
            ))
    }

    /// Rules that allow the entry to principals that the peer is none of.
    private func others(_ entry: Entry, on name: String, than peer: PrincipalSet) -> [Explanation.Other] {
        let path = name.split(separator: "/").map(String.init)
        guard let root = path.first, let device = devices.first(where: { $0.name == root }) else { return [] }
        return rules.compactMap { rule in
            guard rule.principals.isDisjoint(with: peer.names), let rights = rule.rights[root] else {
                return nil
            }
            let source = GrantParts.Source(rule: rule.id, rights: rights, limits: rule.limits)
            let grant = Grant(GrantParts(device, [source], [], profiles, nil)).handle(path.dropFirst())
            guard grant?.decision(entry).verdict == .allowed else { return nil }
            return Explanation.Other(rule: rule.id, principals: rule.principals.sorted())
        }
    }
}

extension PeerPolicy {
    /// The grant on a device, or on a file that its commands give: DEVICE/PROFILE.
    public func grant(on name: String) -> Grant? {
        let path = name.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        return path.first.flatMap { grant(onDevice: $0) }?.handle(path.dropFirst())
    }
}

extension Grant {
    /// The grant at the end of a chain of profiles, each of a file given by a command on the one before.
    func handle(_ path: ArraySlice<String>) -> Grant? {
        guard let first = path.first else { return self }
        return handles.first { $0.profile == first }?.grant.handle(path.dropFirst())
    }

    /// `explain`, and that what has a grant may be opened.
    fileprivate func decision(_ entry: Entry) -> Explanation {
        guard entry.operation == .open || entry.operation == .describe else { return explain(entry) }
        let rules = details.flatMap(\.alternatives).map(\.rule) + (reads + writes).map(\.rule)
        return .allowed(by: rules.first ?? "", "what a rule gives rights on, or is observed, may be opened")
    }
}

extension PolicySnapshot {
    /// A command of a device, or of a file that its commands give as DEVICE/PROFILE, whether or not anybody may send it.
    public func command(named command: String, on name: String) -> CommandShape? {
        let commands = devices.first { $0.name == name }?.commands ?? profile(of: name)?.commands
        return commands?.first { $0.name == command }
    }
}

extension CommandShape {
    /// In the words of the wire, whether or not anybody may send it.
    public var description: CommandDescription {
        Grant.Details(
            shape: self, alternatives: [], nevers: [], isObserved: false, handle: -1, redactions: [], next: -1
        ).described
    }
}
