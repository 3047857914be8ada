import RingPolicy

/// What the conditions of one rule may cost, counted as they are read.
struct ConditionBudget {
    private var conditions = 0
    /// Elements to look at, by profile and command.
    private var evaluations: [String: Int] = [:]

    /// Counts the `where` at `place`; reports when it is the one too many.
    mutating func count(conditions count: Int, at place: Location, _ report: inout Report) {
        if conditions <= FileLimits.conditions, conditions + count > FileLimits.conditions {
            report.add(
                place, "the rule has more than \(FileLimits.conditions) conditions up to here",
                "use fewer, or write several rules")
        }
        conditions += count
    }

    mutating func count(
        evaluations count: Int, of command: String, in profile: String, at place: Location,
        _ report: inout Report
    ) {
        let sum = evaluations[profile + "/" + command, default: 0] + count
        evaluations[profile + "/" + command] = sum
        guard sum > FileLimits.evaluations else { return }
        report.add(
            place,
            "the conditions on `\(command)` may have to look at \(sum) elements; "
                + "at most \(FileLimits.evaluations)",
            "test fewer fields of arrays, or give the arrays a smaller `max` in profile `\(profile)`")
    }
}

/// The commands that one rule names, resolved in the profile of every device of the rule.
struct CommandRuleReader {
    private struct Item {
        let name: String
        let place: Location
        let conditions: Value?
    }

    private let profiles: [Profile]
    private let purpose: RightsReader.Purpose
    /// By the profile's name.
    private(set) var rights: [String: PlacedRights]
    /// Commands named so far, and whether without conditions.
    private var named: [String: Bool] = [:]

    init(_ profiles: [Profile], _ purpose: RightsReader.Purpose) {
        self.profiles = profiles
        self.purpose = purpose
        rights = Dictionary(profiles.map { ($0.name, PlacedRights()) }) { first, _ in first }
    }

    mutating func read(
        _ value: Value, isDestructive: Bool, _ budget: inout ConditionBudget, _ report: inout Report
    ) {
        guard let item = readItem(value, &report) else { return }
        let isFree = item.conditions == nil
        if let other = named[item.name], other || isFree {
            report.add(
                item.place, "command `\(item.name)` is named twice, and once without conditions",
                "keep the one that says what you mean")
            return
        }
        named[item.name] = isFree
        if let conditions = item.conditions, case .map(let pairs) = conditions.content {
            budget.count(conditions: pairs.count, at: conditions.place, &report)
        }
        var seen: Set<String> = []
        let kinds = profiles.filter { seen.insert($0.name).inserted }
        let isKnown = kinds.contains { $0.command(named: item.name) != nil }
        for profile in kinds {
            guard let shape = profile.command(named: item.name) else {
                // A never forbids a command where there is one.
                if purpose != .never || !isKnown { reportUnknown(item, profile, kinds, &report) }
                continue
            }
            checkGuard(shape, item.place, isDestructive: isDestructive, &report)
            var reader = ConditionReader(shape, profile, purpose)
            let conditions = item.conditions.map { reader.read($0, &report) } ?? []
            if let place = item.conditions?.place {
                budget.count(evaluations: reader.cost, of: shape.name, in: profile.name, at: place, &report)
            }
            rights[profile.name]?.commands.append(
                .init(command: FileRights.Command(shape, where: conditions), place: item.place))
        }
    }

    private func reportUnknown(
        _ item: Item, _ profile: Profile, _ kinds: [Profile], _ report: inout Report
    ) {
        if purpose == .never, kinds.count > 1 {
            let known = Set(kinds.flatMap { $0.commands.map(\.name) })
            report.add(
                item.place, "no device here has a command `\(item.name)`",
                Suggestion.hint(for: item.name, among: Array(known)))
        } else {
            report.add(
                item.place, "profile `\(profile.name)` has no command `\(item.name)`",
                Suggestion.hint(for: item.name, among: profile.commands.map(\.name)))
        }
    }

    /// Allowing what destroys has to be said in so many words.
    private func checkGuard(
        _ shape: CommandShape, _ place: Location, isDestructive: Bool, _ report: inout Report
    ) {
        guard purpose != .never, shape.isGuarded != isDestructive else { return }
        if shape.isGuarded {
            report.add(
                place, "`\(shape.name)` is guarded: it may lose data or harm the device",
                "name it under `destructive` if that is meant")
        } else {
            report.add(place, "`\(shape.name)` is not guarded", "name it under `commands`")
        }
    }

    private func readItem(_ value: Value, _ report: inout Report) -> Item? {
        guard case .map = value.content else {
            return readName(value, &report).map { Item(name: $0, place: value.place, conditions: nil) }
        }
        guard var map = MapReader(value, "a command", &report) else { return nil }
        let use = map.required("use", &report)
        let conditions = map.required("where", &report)
        map.finish(&report)
        guard let use, let conditions, let name = readName(use, &report) else { return nil }
        guard !isOnGateway else {
            report.add(conditions.place, "commands of the gateway have no conditions", "remove `where`")
            return nil
        }
        return Item(name: name, place: use.place, conditions: conditions)
    }

    /// Only the gateway's own commands have dots in their names.
    private func readName(_ value: Value, _ report: inout Report) -> String? {
        // Devices that were not found have been reported; what they would have known cannot be.
        if profiles.isEmpty { return value.text }
        let hasGateway = profiles.contains { $0.name == GatewayProfile.profile.name }
        if isOnGateway || (hasGateway && value.text?.contains(".") == true) {
            return value.name("command", &report)
        }
        return value.symbol("command", &report)
    }

    private var isOnGateway: Bool {
        !profiles.isEmpty && profiles.allSatisfy { $0.name == GatewayProfile.profile.name }
    }
}
