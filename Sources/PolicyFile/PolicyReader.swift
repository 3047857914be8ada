import RingPolicy

/// A site's policy file. docs/policy.md describes it.
enum PolicyReader {
    static func read(
        _ source: SourceText, _ profiles: Named<Profile>, _ report: inout Report
    ) -> (principals: [Principal], devices: [Device], rules: [Rule]) {
        guard let root = YAMLReader.read(source, &report), var map = MapReader(root, "a policy", &report)
        else { return ([], [], []) }
        if let version = map.required("version", &report) { checkVersion(version, &report) }
        let principals =
            map.required("principals", &report).map { PrincipalReader.read($0, &report) }
            ?? Named("principal")
        var deviceReader = DeviceReader(profiles)
        let devices =
            map.required("devices", &report).map { deviceReader.read($0, &report) } ?? Named("device")
        var ruleReader = RuleReader(principals, devices)
        let rules = map.required("rules", &report).map { ruleReader.read($0, &report) } ?? []
        map.finish(&report)
        return (
            principals.elements.compactMap(\.element), devices.elements.compactMap(\.element), rules
        )
    }

    private static func checkVersion(_ value: Value, _ report: inout Report) {
        guard let version = value.number("version", in: 0...Int128(UInt32.max), &report), version != 1 else {
            return
        }
        report.add(value.place, "policies of version \(version) are not known here", "write `version: 1`")
    }
}
