import RingPolicy

/// The `rules` of a site: who may do what on which device.
struct RuleReader {
    private let site: Site

    init(_ site: Site) { self.site = site }

    /// The rules that are free of errors.
    func read(_ value: Value, _ ids: inout RuleIDs, _ report: inout Report) -> [PlacedRule] {
        guard let items = value.items("rules", maximum: FileLimits.rules, &report) else { return [] }
        var reach = (principals: 0, devices: 0)
        var rules: [PlacedRule] = []
        for item in items {
            guard let rule = readRule(item, &ids, &report) else { continue }
            reach.principals += rule.principals.count
            reach.devices += rule.devices.count
            guard max(reach.principals, reach.devices) <= FileLimits.reach else {
                report.add(
                    item.place,
                    "up to here the rules reach more than \(FileLimits.reach) principals or devices, "
                        + "counted by rule",
                    "use fewer rules with wide roles or labels")
                return []
            }
            rules.append(rule)
        }
        return rules
    }

    private func readRule(_ value: Value, _ ids: inout RuleIDs, _ report: inout Report) -> PlacedRule? {
        let before = report.diagnostics.count
        guard var map = MapReader(value, "a rule", &report) else { return nil }
        let id = map.required("id", &report).flatMap { ids.read($0, &report) }
        let who = site.readPrincipals(&map, &report)
        if who == nil {
            report.add(value.place, "a rule has no `principals`", "add `principals: [...]` or `roles: [...]`")
        }
        let proceduresValue = map.optional("procedures")
        let procedures = proceduresValue.map { site.readProcedures($0, &report) } ?? .init()
        let ofProcedures: Site.Selection<Device>? = map.lacks(["procedures"]) ? nil : .init()
        let devices = site.readDevices(&map, &report) ?? ofProcedures
        if devices == nil {
            report.add(value.place, "a rule has no `devices`", "add `devices: [...]` or `labels: {...}`")
        }
        let selected = devices?.elements ?? []
        let isOnGateway = selected.contains { $0.kind == .gateway }
        if isOnGateway, let proceduresValue {
            report.add(
                proceduresValue.place, "`\(GatewayProfile.deviceName)` stands alone in a rule",
                "write a rule of its own for the procedures")
        }
        var reader = RightsReader(site.profiles, isOnGateway ? .administration : .rule, "the rule")
        let rights = reader.read(&map, on: selected.map(\.profile), &report)
        let limitsValue = map.optional("limits")
        var limits = limitsValue.map { LimitsReader.read($0, "a rule", &report) } ?? UseLimits()
        let audit = map.optional("audit")?
            .choice("way of recording", ["counted": false, "each": true], &report)
        if audit == true { limits = limits?.recordingEach }
        if isOnGateway, let limitsValue, limits?.inFlight != nil {
            report.add(
                limitsValue.place, "the gateway answers one administrator's command after the other",
                "remove `in-flight`")
        }
        if map.lacks(["commands", "destructive", "read", "write", "procedures"]) {
            report.add(
                value.place, "the rule allows nothing",
                "add `commands`, `destructive`, `read`, `write` or `procedures`")
        }
        map.finish(&report)
        checkAccess(selected, rights, &report)
        guard let id, let who, let devices, let limits, who.isComplete, devices.isComplete,
            procedures.isComplete, report.diagnostics.count == before
        else { return nil }
        return PlacedRule(
            id: id, place: value.place, principals: who.elements, devices: selected, rights: rights,
            procedures: procedures.elements, limits: limits)
    }

    /// Reading and writing need a file that is opened for it.
    private func checkAccess(
        _ devices: [Device], _ rights: [String: PlacedRights], _ report: inout Report
    ) {
        for device in devices {
            if device.access == .writeOnly, let read = rights[device.profile.name]?.read {
                report.add(
                    read.place, "device `\(device.name)` is opened write-only, so it cannot be read",
                    "open it read-write or remove `read`")
            }
            if device.access == .readOnly, let write = rights[device.profile.name]?.write {
                report.add(
                    write.place, "device `\(device.name)` is opened read-only, so it cannot be written",
                    "open it read-write or remove `write`")
            }
        }
    }
}

/// The ids of rules and nevers, each used once.
struct RuleIDs {
    private var lines: [String: Int] = [:]

    mutating func read(_ value: Value, _ report: inout Report) -> String? {
        guard let id = value.name("rule id", &report) else { return nil }
        if let line = lines.updateValue(value.place.line, forKey: id) {
            report.add(
                value.place, "rule id `\(id)` is used twice, first on line \(line)", "choose another id")
        }
        return id
    }
}
