import RingPolicy

/// The `commands` of one rule, resolved in the profile of every device the rule names.
struct CommandRuleReader {
    private let profiles: [Profile]
    /// By the profile's name.
    private(set) var commands: [String: [Rule.Command]] = [:]
    /// Commands named so far, and whether without conditions.
    private var named: [String: Bool] = [:]

    init(_ profiles: [Profile]) { self.profiles = profiles }

    mutating func read(_ item: Value, _ report: inout Report) {
        guard let (name, place, conditions) = readItem(item, &report) else { return }
        let isFree = conditions == nil
        if let other = named[name], other || isFree {
            report.add(
                place, "command `\(name)` is named twice, and once without conditions",
                "keep the one that says what you mean")
            return
        }
        named[name] = isFree
        var seen: Set<String> = []
        for profile in profiles where seen.insert(profile.name).inserted {
            guard let shape = profile.command(named: name) else {
                report.add(
                    place, "profile `\(profile.name)` has no command `\(name)`",
                    Suggestion.hint(for: name, among: profile.commands.map(\.name)))
                continue
            }
            let tests = conditions.map { ConditionReader(shape).read($0, &report) } ?? []
            commands[profile.name, default: []].append(Rule.Command(shape, where: tests))
        }
    }

    private func readItem(
        _ item: Value, _ report: inout Report
    ) -> (name: String, place: Location, conditions: Value?)? {
        guard case .map = item.content else {
            return item.symbol("command", &report).map { ($0, item.place, nil) }
        }
        guard var map = MapReader(item, "a command", &report) else { return nil }
        let use = map.required("use", &report)
        let conditions = map.required("where", &report)
        map.finish(&report)
        guard let use, let conditions, let name = use.symbol("command", &report) else { return nil }
        return (name, use.place, conditions)
    }
}
