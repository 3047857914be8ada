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

    /// Decides the opening of the device called `name`. Unknown and not allowed look the same.
    public func authorizeOpen(_ name: WireBytes, for peer: PrincipalSet) throws(Refusal) -> AuthorizedOpen {
        AuthorizedOpen(try grant(name, for: peer))
    }

    /// What the peer may do on the device called `name`.
    public func describe(_ name: WireBytes, for peer: PrincipalSet) throws(Refusal) -> DeviceDescription {
        try grant(name, for: peer).description
    }

    /// The devices the peer may open, by name.
    public func list(for peer: PrincipalSet) -> DeviceList {
        let allowed = devices.filter { device in
            rules.contains { $0.commands[device.name] != nil && !$0.principals.isDisjoint(with: peer.names) }
        }
        return DeviceList(
            devices: allowed.map { .init(name: $0.name, profile: $0.profile.name) }.sorted {
                $0.name < $1.name
            })
    }

    /// The name as text, if any device could have it. Nothing else may get into texts and logs.
    private static func deviceName(_ name: WireBytes) -> String? {
        guard name.count > 0, name.count <= Limits.deviceName else { return nil }
        let isName = name.pointer.allSatisfy {
            (97...122).contains($0) || (48...57).contains($0) || "._-".utf8.contains($0)
        }
        return isName ? name.text : nil
    }

    private func grant(_ name: WireBytes, for peer: PrincipalSet) throws(Refusal) -> Grant {
        guard let text = Self.deviceName(name) else {
            throw Refusal(.shape, "a device name has 1 to \(Limits.deviceName) of a-z 0-9 . _ -")
        }
        guard let device = devices.first(where: { $0.name == text }),
            let grant = Grant(device, rules: rules.filter { !$0.principals.isDisjoint(with: peer.names) })
        else { throw Refusal(.noRule, "no rule lets you open `\(text)`") }
        return grant
    }
}

extension Grant {
    /// What the grant allows, in the words of the wire.
    var description: DeviceDescription {
        DeviceDescription(
            device: device.name, profile: device.profile.name, read: reads.first?.rights.described,
            write: writes.first?.rights.described, commands: details.map(\.described))
    }
}

extension Grant.Details {
    var described: CommandDescription {
        let free = alternatives.contains { $0.conditions.isEmpty }
        return CommandDescription(
            name: shape.name, code: shape.code.code, engine: shape.transport == .call ? "call" : "ring",
            effect: "\(shape.effect)", argumentSize: shape.argumentSize, replySize: shape.replySize,
            fields: shape.fields.map {
                FieldDescription(name: $0.name, type: $0.type.name, offset: $0.offset, size: $0.size)
            },
            constraints: free ? [] : alternatives.map { $0.conditions.map(\.words) }, summary: shape.summary)
    }
}

extension TransferRights {
    var described: DeviceDescription.Transfer {
        .init(maxLength: maxLength, window: window.map { [$0.lowerBound, $0.upperBound] })
    }
}
