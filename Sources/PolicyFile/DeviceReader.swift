import RingPolicy

/// The `devices` of a site: files under the names clients know.
struct DeviceReader {
    private let profiles: Named<Profile>
    /// Devices that were read, by what no other device may share with them.
    private var owners: [DevicePlace.Identity: String] = [:]
    /// Bytes of scrollback that devices may still ask for.
    private var scrollback = FileLimits.scrollback
    /// Procedures that devices name, to be looked up when procedures are known.
    private(set) var releases: [NamedRelease] = []

    init(_ profiles: Named<Profile>) { self.profiles = profiles }

    mutating func read(_ value: Value, _ report: inout Report) -> Named<Device> {
        var devices = Named<Device>("device")
        for pair in value.namedItems("devices", &report) ?? [] {
            if pair.key.text == GatewayProfile.deviceName {
                report.add(
                    pair.key.place, "`\(GatewayProfile.deviceName)` is there without being defined",
                    "name it in a rule and remove it here")
                continue
            }
            guard let name = pair.key.name("device", &report) else { continue }
            devices.add(name, readDevice(name, pair.value, &report))
        }
        return devices
    }

    private mutating func readDevice(_ name: String, _ value: Value, _ report: inout Report) -> Device? {
        let what = "device `\(name)`"
        guard var map = MapReader(value, what, &report) else { return nil }
        let profile = map.required("profile", &report).flatMap { profiles.find($0, &report) }
        let kind = readKind(map.optional("kind"), &report)
        let place = DevicePlace.read(&map, value, what, kind, &report)
        let access = readAccess(map.optional("open"), kind, &report)
        let expected = map.optional("expect")
        let identity = expected.map { IdentityReader.read($0, kind, &report) } ?? DeviceIdentity()
        let labels = map.optional("labels").map { $0.labels(&report) } ?? [:]
        map.replaced("share", "write `lease: none`, `lease: shared` or `lease: exclusive`", &report)
        let lease = map.optional("lease").map { LeaseReader.read($0, what, &report) } ?? LeaseTerms()
        let onRelease = readRelease(map.optional("on-release"), name, lease, &report)
        let consoleValue = map.optional("console")
        let console = consoleValue.map { ConsoleReader.read($0, what, kind, access, &report) }
        let limits = map.optional("limits").map { LimitsReader.read($0, what, &report) } ?? UseLimits()
        let observation = map.optional("observe").map { ObservationReader.read($0, &report) }
        let process = map.optional("process")
        let hasOwnProcess = process.map { readProcess($0, kind, profile, consoleValue, &report) } ?? false
        map.finish(&report)
        if let place { claim(place.identity, name, place.location, "are one file", &report) }
        if let identity, let kind, let expected, let node = DevicePlace.Identity(identity, kind) {
            claim(node, name, expected.place, "expect one device number", &report)
        }
        if let console = console ?? nil, let consoleValue { claim(console, name, consoleValue, &report) }
        guard let place, let profile, let kind, let access, let identity, let labels, let limits,
            let lease
        else { return nil }
        return Device(
            name: name, path: place.path, followsLink: place.isLink, kind: kind, access: access,
            profile: profile,
            identity: identity, labels: labels, lease: lease, onRelease: onRelease,
            console: (console ?? nil)?.terms, limits: limits, observation: observation ?? nil,
            hasOwnProcess: hasOwnProcess)
    }

    /// Who runs the device: the gateway, unless it says `own`.
    private func readProcess(
        _ value: Value, _ kind: NodeKind?, _ profile: Profile?, _ console: Value?, _ report: inout Report
    ) -> Bool {
        guard value.choice("process", ["own": true], &report) == true else { return false }
        let before = report.diagnostics.count
        if kind == .tcp {
            report.add(value.place, "a connection needs no process of its own", "remove `process`")
        }
        if console != nil {
            report.add(
                value.place, "the gateway keeps what a console says, which another process would have",
                "remove `process` or `console`")
        }
        if let profile, profile.commands.contains(where: \.usesDescriptors) {
            report.add(
                value.place,
                "commands of profile `\(profile.name)` give or take files, which stay with the gateway",
                "remove `process`")
        }
        return report.diagnostics.count == before
    }

    /// The procedure's name. Whether there is such a procedure is told later.
    private mutating func readRelease(
        _ value: Value?, _ device: String, _ lease: LeaseTerms?, _ report: inout Report
    ) -> String? {
        guard let value, let name = value.name("procedure", &report) else { return nil }
        releases.append(NamedRelease(device: device, procedure: value))
        if lease?.mode == LeaseTerms.Mode.none {
            report.add(
                value.place, "`on-release` is done when a lease ends, and nobody can lease `\(device)`",
                "write `lease: exclusive` or `lease: shared` as well, or remove it")
        }
        return name
    }

    /// The log is one file of one device, and memory is bounded for all of them.
    private mutating func claim(
        _ console: ConsoleReader.Placed, _ device: String, _ value: Value, _ report: inout Report
    ) {
        if let log = console.terms.log {
            claim(.path(log), device, console.logPlace, "are one file", &report)
        }
        scrollback -= console.terms.scrollback
        guard scrollback < 0, scrollback + console.terms.scrollback >= 0 else { return }
        report.add(
            value.place, "consoles keep more than \(FileLimits.scrollback) bytes together",
            "give some a smaller `scrollback`")
    }

    /// One thing has one name, or a rule on one name would say nothing about the other.
    private mutating func claim(
        _ identity: DevicePlace.Identity, _ device: String, _ location: Location, _ problem: String,
        _ report: inout Report
    ) {
        guard let other = owners.updateValue(device, forKey: identity) else { return }
        report.add(
            location, "devices `\(other)` and `\(device)` \(problem)", "use one device in the rules")
    }

    private func readKind(_ value: Value?, _ report: inout Report) -> NodeKind? {
        guard let value else { return .character }
        return value.choice(
            "kind", ["character": NodeKind.character, "block": .block, "regular": .regular, "tcp": .tcp],
            &report)
    }

    private func readAccess(_ value: Value?, _ kind: NodeKind?, _ report: inout Report) -> FileAccess? {
        guard let value else { return kind == .tcp ? .readWrite : .readOnly }
        guard kind != .tcp else {
            report.add(value.place, "a connection is always open both ways", "remove `open`")
            return nil
        }
        return value.choice(
            "way to open",
            ["read-only": FileAccess.readOnly, "write-only": .writeOnly, "read-write": .readWrite], &report)
    }
}
