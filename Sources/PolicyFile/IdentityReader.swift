import RingPolicy

/// The `expect` of a device: what the node must show of itself.
enum IdentityReader {
    /// Properties of udev that have a key of their own.
    private static let named = ["serial": "ID_SERIAL_SHORT", "label": "ID_FS_LABEL"]

    static func read(_ value: Value, _ kind: NodeKind?, _ report: inout Report) -> DeviceIdentity? {
        guard var map = MapReader(value, "`expect`", &report) else { return nil }
        guard kind != .regular, kind != .tcp else {
            report.add(value.place, "only nodes have a device number and properties", "remove `expect`")
            return nil
        }
        // The kernel's own widths: 12 and 20 bits (linux/kdev_t.h).
        let major = map.optional("major").map { $0.number("major", in: 0...4095, &report) }
        let minor = map.optional("minor").map { $0.number("minor", in: 0...0xf_ffff, &report) }
        let propertiesValue = map.optional("properties")
        var properties = propertiesValue.map { readProperties($0, &report) } ?? [:]
        for (key, property) in named.sorted(by: { $0.key < $1.key }) {
            guard let given = map.optional(key), let text = given.line(key, &report) else { continue }
            if properties?.updateValue(text, forKey: property) != nil {
                report.add(
                    given.place, "`\(key)` is the property \(property), which is given too",
                    "remove one of the two")
            }
        }
        map.finish(&report)
        guard let properties else { return nil }
        return DeviceIdentity(
            major: (major ?? nil).map { UInt32($0) }, minor: (minor ?? nil).map { UInt32($0) },
            properties: properties)
    }

    private static func readProperties(_ value: Value, _ report: inout Report) -> [String: String]? {
        guard case .map(let pairs) = value.content, !pairs.isEmpty, pairs.count <= FileLimits.properties
        else {
            report.add(
                value.place, "`properties` is a mapping of 1 to \(FileLimits.properties), not \(value.words)",
                "write {ID_MODEL: VALUE, ...} as `udevadm info` shows them")
            return nil
        }
        var properties: [String: String] = [:]
        for pair in pairs {
            let name = pair.key.word(
                "udev property", &report, isWord: isPropertyName,
                hint: "use A-Z a-z 0-9 _ as `udevadm info` shows it")
            guard let name, let text = pair.value.line("property \(name)", &report) else { continue }
            properties[name] = text
        }
        return properties.count == pairs.count ? properties : nil
    }

    private static func isPropertyName(_ text: String) -> Bool {
        text.utf8.count <= FileLimits.name && text.utf8.allSatisfy { $0.isLetterOrDigit || $0 == 95 }
    }
}

/// The `limits` of a device or a rule.
enum LimitsReader {
    static func read(_ value: Value, _ what: String, _ report: inout Report) -> UseLimits? {
        guard var map = MapReader(value, "`limits` of \(what)", &report) else { return nil }
        let rates = 1...Int128(FileLimits.rate), entries = 1...Int128(FileLimits.inFlight)
        let rate = map.optional("rate").map { $0.number("rate", in: rates, &report) }
        let inFlight = map.optional("in-flight").map { $0.number("in-flight", in: entries, &report) }
        let timeout = map.optional("timeout").map { $0.duration("timeout", &report) }
        map.finish(&report)
        return UseLimits(
            inFlight: (inFlight ?? nil).map { Int($0) }, rate: (rate ?? nil).map { Int($0) },
            timeout: timeout ?? nil)
    }
}

/// The `observe` of a device.
enum ObservationReader {
    static func read(_ value: Value, _ report: inout Report) -> Observation? {
        guard var map = MapReader(value, "`observe`", &report) else { return nil }
        let until = map.required("until", &report)?.time("time", &report)
        let writes = map.optional("writes").map { $0.flag("writes", &report) } ?? false
        map.finish(&report)
        guard let until, let writes else { return nil }
        return Observation(until: until, includesWrites: writes)
    }
}
