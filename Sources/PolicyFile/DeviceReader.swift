import RingPolicy

/// The `devices` of a site: files under the names clients know.
struct DeviceReader {
    let profiles: Named<Profile>
    private var paths: [String: String] = [:]

    init(_ profiles: Named<Profile>) { self.profiles = profiles }

    mutating func read(_ value: Value, _ report: inout Report) -> Named<Device> {
        var devices = Named<Device>("device")
        for pair in value.namedItems("devices", &report) ?? [] {
            guard let name = pair.key.name("device", &report) else { continue }
            devices.add(name, readDevice(name, pair.value, &report))
        }
        return devices
    }

    private mutating func readDevice(_ name: String, _ value: Value, _ report: inout Report) -> Device? {
        guard var map = MapReader(value, "device `\(name)`", &report) else { return nil }
        let path = map.required("path", &report).flatMap { readPath($0, name, &report) }
        let profile = map.required("profile", &report).flatMap { profiles.find($0, &report) }
        let kind = readKind(map.optional("kind"), &report)
        let access = readAccess(map.optional("open"), &report)
        map.finish(&report)
        guard let path, let profile, let kind, let access else { return nil }
        return Device(name: name, path: path, kind: kind, access: access, profile: profile)
    }

    private func readKind(_ value: Value?, _ report: inout Report) -> NodeKind? {
        guard let value else { return .character }
        return value.choice(
            "kind", ["character": NodeKind.character, "block": .block, "regular": .regular], &report)
    }

    private func readAccess(_ value: Value?, _ report: inout Report) -> FileAccess? {
        guard let value else { return .readOnly }
        return value.choice(
            "way to open",
            ["read-only": FileAccess.readOnly, "write-only": .writeOnly, "read-write": .readWrite], &report)
    }

    /// A path has one spelling here, so that two devices cannot be one file unnoticed.
    private mutating func readPath(_ value: Value, _ device: String, _ report: inout Report) -> String? {
        guard let path = value.line("path", &report, maximum: FileLimits.path) else { return nil }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard path.hasPrefix("/") else {
            report.add(value.place, "path \(value.words) is not absolute", "start it with /")
            return nil
        }
        guard !parts.contains(".."), !parts.contains("."), !parts.dropFirst().contains("") else {
            report.add(
                value.place, "path \(value.words) has `..`, `.`, `//` or ends in `/`",
                "write the path without them")
            return nil
        }
        if let other = paths.updateValue(device, forKey: path) {
            report.add(
                value.place, "devices `\(other)` and `\(device)` have one path", "use one device in the rules"
            )
            return nil
        }
        return path
    }
}
