import RingPolicy
import RingProtocol

/// The `rules` of a site: who may do what on which device.
struct RuleReader {
    let principals: Named<Principal>
    let devices: Named<Device>
    private var ids: [String: Int] = [:]

    init(_ principals: Named<Principal>, _ devices: Named<Device>) {
        self.principals = principals
        self.devices = devices
    }

    mutating func read(_ value: Value, _ report: inout Report) -> [Rule] {
        guard let items = value.items("rules", maximum: FileLimits.rules, &report) else { return [] }
        return items.compactMap { readRule($0, &report) }
    }

    private mutating func readRule(_ value: Value, _ report: inout Report) -> Rule? {
        guard var map = MapReader(value, "a rule", &report) else { return nil }
        let id = map.required("id", &report).flatMap { readID($0, &report) }
        let who = map.required("principals", &report).flatMap { find($0, in: self.principals, &report) } ?? []
        let devices = map.required("devices", &report).flatMap { find($0, in: self.devices, &report) } ?? []
        let commandsValue = map.optional("commands")
        let commands = commandsValue.map { readCommands($0, devices, &report) } ?? [:]
        let readValue = map.optional("read")
        let writeValue = map.optional("write")
        map.finish(&report)
        let read = readValue.flatMap { TransferReader.read($0, "read", &report) }
        let write = writeValue.flatMap { TransferReader.read($0, "write", &report) }
        for device in devices {
            if let readValue, device.access == .writeOnly {
                report.add(
                    readValue.place, "device `\(device.name)` is opened write-only, so it cannot be read",
                    "open it read-write or remove `read`")
            }
            if let writeValue, device.access == .readOnly {
                report.add(
                    writeValue.place, "device `\(device.name)` is opened read-only, so it cannot be written",
                    "open it read-write or remove `write`")
            }
        }
        if commandsValue?.isEmptyList ?? true, readValue == nil, writeValue == nil {
            report.add(value.place, "the rule allows nothing", "add `commands`, `read` or `write`")
        }
        guard let id, let commands else { return nil }
        let lines = devices.map { ($0.name, commands[$0.profile.name] ?? []) }
        return Rule(
            id: id, principals: Set(who.map(\.name)),
            commands: Dictionary(lines, uniquingKeysWith: { first, _ in first }), read: read, write: write)
    }

    private mutating func readID(_ value: Value, _ report: inout Report) -> String? {
        guard let id = value.name("rule id", &report) else { return nil }
        if let line = ids.updateValue(value.place.line, forKey: id) {
            report.add(
                value.place, "rule id `\(id)` is used twice, first on line \(line)", "choose another id")
        }
        return id
    }

    /// The elements a list names, each once.
    private func find<Element>(
        _ value: Value, in named: Named<Element>, _ report: inout Report
    ) -> [Element]? {
        guard let items = value.items("\(named.what)s", maximum: FileLimits.names, &report) else {
            return nil
        }
        var seen: Set<String> = []
        return items.compactMap { item in
            if let name = item.text, !seen.insert(name).inserted {
                report.add(
                    item.place, "\(named.what) `\(name)` is named twice in one rule", "remove one of the two")
                return nil
            }
            return named.find(item, &report)
        }
    }

    /// What the rule allows, by the profile's name: devices of one profile get the same.
    private func readCommands(
        _ value: Value, _ devices: [Device], _ report: inout Report
    ) -> [String: [Rule.Command]]? {
        if value.isEmptyList { return [:] }
        guard let items = value.items("commands", maximum: FileLimits.commands, &report) else { return nil }
        var reader = CommandRuleReader(devices.map(\.profile))
        for item in items { reader.read(item, &report) }
        return reader.commands
    }
}

/// The bounds of a rule's `read` or `write`.
enum TransferReader {
    static func read(_ value: Value, _ what: String, _ report: inout Report) -> TransferRights? {
        if case .text(let text, isQuoted: false) = value.content {
            if text == "true" { return TransferRights(maxLength: Limits.payload) }
            report.add(
                value.place, "`\(what)` is `true` or a mapping of bounds, not \(value.words)",
                "write `true`, or leave `\(what)` out to forbid it")
            return nil
        }
        guard var map = MapReader(value, "`\(what)`", &report) else { return nil }
        let lengths = 1...Int128(Limits.payload)
        let length = map.optional("max-length").map { $0.number("max-length", in: lengths, &report) }
        let window = map.optional("window").map { $0.window(&report) }
        map.finish(&report)
        return TransferRights(
            maxLength: Int((length ?? nil) ?? lengths.upperBound), window: window ?? nil)
    }
}

extension Value {
    /// Positions `[first, end)`, of which there is at least one.
    func window(_ report: inout Report) -> Range<UInt64>? {
        guard let (first, end) = bounds("window", in: 0...Int128(UInt64.max), &report) else { return nil }
        guard first < end else {
            report.add(
                place, "window [\(first), \(end)) holds no position", "write [first, end] with first < end")
            return nil
        }
        return UInt64(first)..<UInt64(end)
    }
}
