import RingPolicy

/// What the rules of a site can name.
struct Site {
    let profiles: Named<Profile>
    let principals: Named<Principal>
    let roles: Named<Role>
    let devices: Named<Device>
    let procedures: Named<Procedure>

    /// Elements that a list or a selector named.
    struct Selection<Element> {
        var elements: [Element] = []
        /// Whether all were found; those that were not have been reported, here or where they are defined.
        var isComplete = true
    }

    /// Names of those that `principals` and `roles` of a rule stand for; nil when it has neither.
    func readPrincipals(_ map: inout MapReader, _ report: inout Report) -> Selection<String>? {
        let named = map.optional("principals").map { $0.named(principals, in: "rule", &report) }
        let rolesValue = map.optional("roles")
        let selected = rolesValue.map { $0.named(roles, in: "rule", &report) }
        guard named != nil || selected != nil else { return nil }
        var names = Set(named?.elements.map(\.name) ?? [])
        for role in selected?.elements ?? [] { names.formUnion(role.reach) }
        let isComplete = (named?.isComplete ?? true) && (selected?.isComplete ?? true)
        if let rolesValue, isComplete, names.isEmpty {
            report.add(rolesValue.place, "these roles have no members", "give them `members`")
        }
        return Selection(elements: names.sorted(), isComplete: isComplete && !names.isEmpty)
    }

    /// The procedures a rule names, each alone or with conditions on its parameters.
    func readProcedures(
        _ value: Value, _ report: inout Report
    ) -> Selection<(device: String, command: FileRights.Command)> {
        var selection = Selection<(device: String, command: FileRights.Command)>()
        guard let items = value.items("procedures", maximum: FileLimits.names, &report) else {
            return Selection(isComplete: false)
        }
        var budget = ConditionBudget()
        for item in items {
            var name: Value? = item, conditions: Value?
            if case .map = item.content {
                guard var map = MapReader(item, "a procedure", &report) else { continue }
                name = map.required("use", &report)
                conditions = map.required("where", &report)
                map.finish(&report)
            }
            guard let name, let procedure = procedures.find(name, &report),
                let device = devices.elements.first(where: { $0.name == procedure.device })?.element
            else {
                selection.isComplete = false
                continue
            }
            if let conditions, case .map(let pairs) = conditions.content {
                budget.count(conditions: pairs.count, at: conditions.place, &report)
            }
            var reader = ConditionReader(procedure.shape, device.profile, .rule)
            let tests = conditions.map { reader.read($0, &report) } ?? []
            selection.elements.append((device.name, .init(procedure.shape, where: tests)))
        }
        return selection
    }

    /// The devices that `devices` and `labels` of a rule stand for; nil when it has neither.
    func readDevices(_ map: inout MapReader, _ report: inout Report) -> Selection<Device>? {
        let list = map.optional("devices")
        let labels = map.optional("labels")
        guard list != nil || labels != nil else { return nil }
        if let list, let gateway = list.gatewayItem {
            if list.itemCount != 1 || labels != nil {
                report.add(
                    gateway.place, "`\(GatewayProfile.deviceName)` stands alone in a rule",
                    "write a rule of its own for it")
                return Selection(elements: [GatewayProfile.device], isComplete: false)
            }
            return Selection(elements: [GatewayProfile.device])
        }
        var selection = list?.named(devices, in: "rule", &report) ?? Selection()
        if let labels { select(labels, &selection, &report) }
        return selection
    }

    private func select(_ value: Value, _ selection: inout Selection<Device>, _ report: inout Report) {
        guard let labels = value.labels(&report) else {
            selection.isComplete = false
            return
        }
        let known = devices.elements.compactMap(\.element)
        let matching = known.filter { device in labels.allSatisfy { device.labels[$0.key] == $0.value } }
        if matching.isEmpty {
            selection.isComplete = false
            // A device that is ill-defined may be the one that is meant.
            guard known.count == devices.elements.count else { return }
            let all = Set(known.flatMap { $0.labels.map { "\($0.key): \($0.value)" } })
            report.add(
                value.place, "no device has these labels",
                all.isEmpty
                    ? "give devices `labels`" : "known: \(all.sorted().prefix(12).joined(separator: ", "))")
        }
        let named = Set(selection.elements.map(\.name))
        selection.elements += matching.filter { !named.contains($0.name) }
    }
}

extension Value {
    /// The elements a list names, each once.
    func named<Element>(
        _ named: Named<Element>, in holder: String, _ report: inout Report
    ) -> Site.Selection<Element> {
        guard let items = items("\(named.what)s", maximum: FileLimits.names, &report) else {
            return Site.Selection(isComplete: false)
        }
        var selection = Site.Selection<Element>()
        var seen: Set<String> = []
        for item in items {
            if let name = item.text, !seen.insert(name).inserted {
                report.add(
                    item.place, "\(named.what) `\(name)` is named twice in one \(holder)",
                    "remove one of the two")
                selection.isComplete = false
            } else if let element = named.find(item, &report) {
                selection.elements.append(element)
            } else {
                selection.isComplete = false
            }
        }
        return selection
    }

    /// Labels of a device, or those a selector asks for.
    func labels(_ report: inout Report) -> [String: String]? {
        guard case .map(let pairs) = content, !pairs.isEmpty, pairs.count <= FileLimits.labels else {
            report.add(
                place, "`labels` is a mapping of 1 to \(FileLimits.labels) labels, not \(words)",
                "write {KEY: VALUE, ...}")
            return nil
        }
        var labels: [String: String] = [:]
        for pair in pairs {
            guard let key = pair.key.label("label", &report),
                let value = pair.value.label("label value", &report)
            else { continue }
            labels[key] = value
        }
        return labels.count == pairs.count ? labels : nil
    }

    fileprivate var itemCount: Int { if case .list(let items) = content { items.count } else { 0 } }

    fileprivate var gatewayItem: Value? {
        guard case .list(let items) = content else { return nil }
        return items.first { $0.text == GatewayProfile.deviceName }
    }
}
