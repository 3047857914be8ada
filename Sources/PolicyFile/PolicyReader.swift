import RingPolicy

/// What a policy file says.
struct PolicyContents {
    var principals: [Principal] = []
    var roles: [Role] = []
    var devices: [Device] = []
    var rules: [Rule] = []
    var nevers: [NeverRule] = []
}

/// A site's policy file. docs/policy.md describes it.
enum PolicyReader {
    static func read(
        _ source: SourceText, _ profiles: Named<Profile>, _ report: inout Report
    ) -> PolicyContents {
        guard let root = YAMLReader.read(source, &report), var map = MapReader(root, "a policy", &report)
        else { return PolicyContents() }
        if let version = map.required("version", &report) { checkVersion(version, &report) }
        let site = readSite(&map, profiles, &report)
        var ids = RuleIDs()
        let rules = map.required("rules", &report).map { RuleReader(site).read($0, &ids, &report) } ?? []
        let nevers = map.optional("never").map { NeverReader(site).read($0, &ids, &report) } ?? []
        map.finish(&report)
        Reachability(rules, nevers).check(&report)
        return PolicyContents(
            principals: site.principals.elements.compactMap(\.element),
            roles: site.roles.elements.compactMap(\.element),
            devices: site.devices.elements.compactMap(\.element), rules: rules.map(\.rule), nevers: nevers)
    }

    private static func readSite(
        _ map: inout MapReader, _ profiles: Named<Profile>, _ report: inout Report
    ) -> Site {
        let principals =
            map.required("principals", &report).map { PrincipalReader.read($0, &report) }
            ?? Named("principal")
        var roleReader = RoleReader(principals)
        let roles = map.optional("roles").map { roleReader.read($0, &report) } ?? Named("role")
        var deviceReader = DeviceReader(profiles)
        let devices =
            map.required("devices", &report).map { deviceReader.read($0, &report) } ?? Named("device")
        var procedureReader = ProcedureReader(devices, profiles)
        let procedures =
            map.optional("procedures").map { procedureReader.read($0, &report) } ?? Named("procedure")
        for release in deviceReader.releases { release.check(procedures, &report) }
        return Site(
            profiles: profiles, principals: principals, roles: roles, devices: devices.with(procedures),
            procedures: procedures)
    }

    private static func checkVersion(_ value: Value, _ report: inout Report) {
        guard let version = value.number("version", in: 0...Int128(UInt32.max), &report), version != 1 else {
            return
        }
        report.add(value.place, "policies of version \(version) are not known here", "write `version: 1`")
    }
}
