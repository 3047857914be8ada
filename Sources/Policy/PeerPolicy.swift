import RingProtocol

/// What one set of principals may do: the devices some rule lets them open, and nothing else. Immutable.
///
/// What is not in it does not exist for the peer; so unknown devices and devices of others look the same, in
/// words and in time.
public final class PeerPolicy: Sendable {
    public let principals: PrincipalSet
    /// The devices the peer may open, by name.
    public let list: DeviceList
    private let grants: [String: Grant]

    init(_ principals: PrincipalSet, _ grants: [Grant]) {
        self.principals = principals
        self.grants = Dictionary(grants.map { ($0.device.name, $0) }) { first, _ in first }
        list = DeviceList(
            devices: self.grants.values.map {
                .init(name: $0.device.name, profile: $0.device.profile.name, labels: $0.device.labels)
            }
            .sorted { $0.name < $1.name })
    }

    /// Decides the opening of the device called `name`.
    public func authorizeOpen(_ name: WireBytes) throws(Refusal) -> AuthorizedOpen {
        AuthorizedOpen(try grant(name))
    }

    /// The same for one whose name is known to be one.
    public func authorizeOpen(_ name: String) throws(Refusal) -> AuthorizedOpen {
        guard let grant = grants[name] else { throw Self.unknown(name) }
        return AuthorizedOpen(grant)
    }

    /// The grant on a device, for keeping a session's slots when the policy changes.
    public func grant(onDevice name: String) -> Grant? { grants[name] }

    /// What the peer may do on the device called `name`.
    public func describe(_ name: WireBytes) throws(Refusal) -> DeviceDescription {
        try grant(name).description
    }

    private func grant(_ name: WireBytes) throws(Refusal) -> Grant {
        guard let text = Self.deviceName(name) else {
            throw Refusal(
                .shape, "a device name has 1 to \(Limits.deviceName) of a-z 0-9 . _ -, or is `@gateway`")
        }
        guard let grant = grants[text] else { throw Self.unknown(text) }
        return grant
    }

    private static func unknown(_ name: String) -> Refusal {
        Refusal(.noRule, "no rule lets you open `\(name)`")
    }

    /// The name as text, if any device could have it. Nothing else may get into texts and logs.
    private static func deviceName(_ name: WireBytes) -> String? {
        guard name.count > 0, name.count <= Limits.deviceName else { return nil }
        if name.text == GatewayProfile.deviceName { return GatewayProfile.deviceName }
        let isName = name.pointer.allSatisfy {
            (97...122).contains($0) || (48...57).contains($0) || "._-".utf8.contains($0)
        }
        return isName ? name.text : nil
    }
}
