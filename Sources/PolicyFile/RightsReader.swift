import RingPolicy
import RingProtocol

/// What a rule or a never says about files: the keys `commands`, `destructive`, `read`, `write` and
/// `handles`.
struct RightsReader {
    /// Who asks, which decides what may be said.
    enum Purpose {
        /// A rule on devices, or on files that their commands give.
        case rule
        /// A rule on the gateway itself.
        case administration
        /// A never.
        case never
    }

    let profiles: Named<Profile>
    let purpose: Purpose
    /// For error texts: `a rule`.
    let what: String
    private var budget = ConditionBudget()

    init(_ profiles: Named<Profile>, _ purpose: Purpose, _ what: String) {
        self.profiles = profiles
        self.purpose = purpose
        self.what = what
    }

    /// The rights on files of each of `kinds`, by the profile's name.
    mutating func read(
        _ map: inout MapReader, on kinds: [Profile], depth: Int = 0, _ report: inout Report
    ) -> [String: PlacedRights] {
        var reader = CommandRuleReader(kinds, purpose)
        let commands = map.optional("commands")
        readList(commands, "commands", isDestructive: false, &reader, &report)
        if purpose == .rule {
            let destructive = map.optional("destructive")
            readList(destructive, "destructive", isDestructive: true, &reader, &report)
        }
        var rights = reader.rights
        guard purpose != .administration else { return rights }
        if purpose == .rule {
            let read = map.optional("read").flatMap { TransferReader.read($0, "read", &report) }
            let write = map.optional("write").flatMap { TransferReader.read($0, "write", &report) }
            for profile in kinds {
                rights[profile.name, default: PlacedRights()].read = read
                rights[profile.name, default: PlacedRights()].write = write
            }
        }
        if let handles = map.optional("handles") { readHandles(handles, &rights, depth, &report) }
        return rights
    }

    private mutating func readList(
        _ value: Value?, _ key: String, isDestructive: Bool, _ reader: inout CommandRuleReader,
        _ report: inout Report
    ) {
        guard let value, !value.isEmptyList,
            let items = value.items(key, maximum: FileLimits.commands, &report)
        else { return }
        for item in items { reader.read(item, isDestructive: isDestructive, &budget, &report) }
    }

    /// Rights on files that commands give, by their profile.
    private mutating func readHandles(
        _ value: Value, _ rights: inout [String: PlacedRights], _ depth: Int, _ report: inout Report
    ) {
        guard depth < FileLimits.handleDepth else {
            report.add(
                value.place, "handles lie deeper than \(FileLimits.handleDepth) levels",
                "remove these `handles`")
            return
        }
        guard case .map(let pairs) = value.content, !pairs.isEmpty else {
            report.add(value.place, "`handles` is a mapping, not \(value.words)", "write {PROFILE: {...}}")
            return
        }
        let given = Set(
            rights.values.flatMap { $0.commands.compactMap(\.command.shape.givenProfile) }
                + (purpose == .never ? profiles.elements.map(\.name) : []))
        for pair in pairs {
            guard let profile = profiles.find(pair.key, &report) else { continue }
            guard given.contains(profile.name) else {
                report.add(
                    pair.key.place, "no command that \(what) names gives files of profile `\(profile.name)`",
                    Suggestion.hint(for: profile.name, among: Array(given)))
                continue
            }
            guard let handle = readHandle(pair.value, profile, depth, &report) else { continue }
            for (name, right) in rights where purpose == .never || right.gives(profile.name) {
                rights[name]?.handles[profile.name] = handle
            }
        }
    }

    private mutating func readHandle(
        _ value: Value, _ profile: Profile, _ depth: Int, _ report: inout Report
    ) -> PlacedRights? {
        guard var map = MapReader(value, "handle `\(profile.name)`", &report) else { return nil }
        let rights = read(&map, on: [profile], depth: depth + 1, &report)[profile.name]
        if map.lacks(["commands", "destructive", "read", "write", "handles"]) {
            report.add(value.place, "handle `\(profile.name)` says nothing", "add `commands`, or remove it")
        }
        map.finish(&report)
        return rights
    }
}

extension PlacedRights {
    fileprivate func gives(_ profile: String) -> Bool {
        commands.contains { $0.command.shape.givenProfile == profile }
    }
}

/// The bounds of a rule's `read` or `write`.
enum TransferReader {
    static func read(_ value: Value, _ what: String, _ report: inout Report) -> PlacedRights.Transfer? {
        if case .text(let text, isQuoted: false) = value.content {
            if text == "true" {
                return .init(rights: TransferRights(maxLength: Limits.payload), place: value.place)
            }
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
        let rights = TransferRights(
            maxLength: Int((length ?? nil) ?? lengths.upperBound), window: window ?? nil)
        return .init(rights: rights, place: value.place)
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
