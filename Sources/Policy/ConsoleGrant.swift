import RingProtocol

extension PolicySnapshot {
    /// The opening of a device for the gateway's own reading of its console: nothing but that, in no client's name.
    /// nil for a device without one.
    public func authorizeConsole(of device: Device) -> AuthorizedOpen? {
        guard device.console != nil else { return nil }
        let rights = FileRights(read: TransferRights(maxLength: Limits.payload))
        let source = GrantParts.Source(rule: "console", rights: rights, limits: UseLimits())
        return AuthorizedOpen(Grant(GrantParts(device, [source], [], profiles, nil)))
    }
}
