import RingPolicy

/// The `never` of a site: what wins over every rule.
struct NeverReader {
    private let site: Site

    init(_ site: Site) { self.site = site }

    /// The nevers that are free of errors.
    func read(_ value: Value, _ ids: inout RuleIDs, _ report: inout Report) -> [NeverRule] {
        guard let items = value.items("never", maximum: FileLimits.nevers, &report) else { return [] }
        return items.compactMap { readNever($0, &ids, &report) }
    }

    private func readNever(_ value: Value, _ ids: inout RuleIDs, _ report: inout Report) -> NeverRule? {
        let before = report.diagnostics.count
        guard var map = MapReader(value, "a never", &report) else { return nil }
        let id = map.required("id", &report).flatMap { ids.read($0, &report) }
        let who = site.readPrincipals(&map, &report)
        let named = site.readDevices(&map, &report)
        let devices = named?.elements ?? site.devices.elements.compactMap(\.element) + [GatewayProfile.device]
        var reader = RightsReader(site.profiles, .never, "the never")
        let rights = reader.read(&map, on: devices.map(\.profile), &report)
        let read = readFlag(map.optional("read"), "read", devices, &report)
        let write = readFlag(map.optional("write"), "write", devices, &report)
        if map.lacks(["commands", "read", "write", "handles"]) {
            report.add(
                value.place, "the never forbids nothing", "add `commands`, `handles`, `read` or `write`")
        }
        map.finish(&report)
        guard let id, who?.isComplete ?? true, named?.isComplete ?? true, report.diagnostics.count == before
        else { return nil }
        let byProfile = rights.mapValues(\.fileRights)
        let lines = devices.map { ($0.name, byProfile[$0.profile.name] ?? FileRights()) }
        return NeverRule(
            id: id, principals: who.map { Set($0.elements) },
            commands: Dictionary(lines) { first, _ in first },
            forbidsRead: read, forbidsWrite: write)
    }

    private func readFlag(
        _ value: Value?, _ key: String, _ devices: [Device], _ report: inout Report
    ) -> Bool {
        guard let value else { return false }
        guard case .text("true", isQuoted: false) = value.content else {
            report.add(
                value.place, "`\(key)` of a never is `true`, not \(value.words)",
                "write `true`, or leave it out")
            return false
        }
        guard devices.isEmpty || devices.contains(where: { $0.kind != .gateway }) else {
            report.add(value.place, "nobody can \(key) the gateway", "remove `\(key)`")
            return false
        }
        return true
    }
}
