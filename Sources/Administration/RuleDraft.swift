import RingPolicy
import RingProtocol

/// Rights on one file while a rule is being put together, and on the files that its commands give.
struct RightsDraft {
    var commands: [FileRights.Command] = []
    var read: TransferRights?
    var write: TransferRights?
    /// By the profile's name.
    var handles: [String: RightsDraft] = [:]

    var isEmpty: Bool { commands.isEmpty && read == nil && write == nil && handles.isEmpty }

    /// Conditions in all of it.
    var conditionCount: Int {
        commands.reduce(0) { $0 + $1.conditions.count } + handles.values.reduce(0) { $0 + $1.conditionCount }
    }

    var rights: FileRights {
        FileRights(commands: commands, read: read, write: write, handles: handles.mapValues(\.rights))
    }

    /// Adds commands that are not named yet; those that are keep the conditions they have.
    mutating func add(_ more: [FileRights.Command]) {
        let named = Set(commands.map(\.shape.name))
        commands += more.filter { !named.contains($0.shape.name) }
    }

    /// Changes the rights at the end of a chain of handles, naming on the way the commands that give them.
    mutating func change(_ path: ArraySlice<Link>, _ body: (inout RightsDraft) -> Void) {
        guard let link = path.first else { return body(&self) }
        add(link.giving)
        handles[link.profile, default: RightsDraft()].change(path.dropFirst(), body)
    }

    /// A kind of handle, and the commands that give it.
    struct Link {
        let profile: String
        let giving: [FileRights.Command]
    }
}

/// A rule that is proposed.
struct RuleDraft {
    let id: String
    let principal: String
    let device: String
    let rights: RightsDraft
    /// For a comment: what it was made from.
    let origin: String
    var limits = UseLimits()

    var rule: Rule { Rule(id: id, principals: [principal], rights: [device: rights.rights], limits: limits) }

    /// Where a rule would become superfluous beside this one, which is an error in a policy file, this one gets a bound
    /// that every session has anyway: the two are then different. Merging them is for people to decide.
    mutating func keepApart(from rules: [Rule]) {
        let mine = rights.rights
        let isSuperfluous = rules.contains { rule in
            rule.principals == [principal] && Set(rule.rights.keys) == [device] && rule.limits.isEmpty
                && rule.rights.values.allSatisfy { $0.isCovered(by: mine) }
        }
        if isSuperfluous { limits = UseLimits(inFlight: Limits.inFlight) }
    }

    /// As an item of `rules` in a policy file.
    var lines: [String] {
        ["  # \(origin)", "  - id: \(id)"]
            + ["principals: [\(YAMLText.name(principal))]", "devices: [\(YAMLText.name(device))]"]
            .map { "    " + $0 } + rights.lines.map { "    " + $0 }
            + (limits.inFlight.map { ["    limits: {in-flight: \($0)}"] } ?? [])
    }
}

extension FileRights {
    /// Whether all of it is allowed there as well, whatever the argument.
    fileprivate func isCovered(by other: FileRights) -> Bool {
        let free = Set(other.commands.filter(\.conditions.isEmpty).map(\.shape.name))
        return commands.allSatisfy { free.contains($0.shape.name) } && Self.isCovered(read, by: other.read)
            && Self.isCovered(write, by: other.write)
            && handles.allSatisfy { name, rights in other.handles[name].map(rights.isCovered) ?? false }
    }

    private static func isCovered(_ transfer: TransferRights?, by other: TransferRights?) -> Bool {
        guard let transfer else { return true }
        guard let other, transfer.maxLength <= other.maxLength else { return false }
        guard let outer = other.window else { return true }
        return transfer.window.map { outer.contains($0.lowerBound) && $0.upperBound <= outer.upperBound }
            ?? false
    }
}

extension RightsDraft {
    fileprivate var lines: [String] {
        var lines: [String] = []
        for (key, listed) in [
            ("commands", commands.filter { !$0.shape.isGuarded }),
            ("destructive", commands.filter(\.shape.isGuarded)),
        ] where !listed.isEmpty {
            lines.append("\(key):")
            lines += listed.map { "  - " + YAMLText.command($0) }
        }
        if let read { lines.append("read: " + YAMLText.transfer(read)) }
        if let write { lines.append("write: " + YAMLText.transfer(write)) }
        guard !handles.isEmpty else { return lines }
        lines.append("handles:")
        for (profile, rights) in handles.sorted(by: { $0.key < $1.key }) {
            lines.append("  \(YAMLText.name(profile)):")
            lines += rights.lines.map { "    " + $0 }
        }
        return lines
    }
}

/// Pieces of a policy file.
private enum YAMLText {
    /// Words that need quotes to be names (docs/policy.md).
    private static let reserved: Set<String> = [
        "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n",
    ]

    static func name(_ name: String) -> String {
        let isPlain = name.utf8.first.map { (97...122).contains($0) || (65...90).contains($0) } ?? false
        return isPlain && !reserved.contains(name.lowercased()) ? name : "\"\(name)\""
    }

    static func command(_ command: FileRights.Command) -> String {
        let conditions = command.conditions.compactMap { condition in
            condition.term.map { "\(condition.path): {\(term($0))}" }
        }
        guard !conditions.isEmpty else { return name(command.shape.name) }
        return "{use: \(name(command.shape.name)), where: {\(conditions.joined(separator: ", "))}}"
    }

    private static func term(_ term: Condition.Term) -> String {
        switch term {
        case .value(.equals(let value)): "equals: \(value)"
        case .value(.oneOf(let values)): "in: [\(values.map { "\($0)" }.joined(separator: ", "))]"
        case .value(.range(let range)): "range: [\(range.lowerBound), \(range.upperBound)]"
        case .value(.mask(let mask)): "mask: 0x\(String(mask, radix: 16))"
        case .value(.sum): ""
        case .window(let window): "window: [\(window.lowerBound), \(window.upperBound)]"
        case .maxLength(let length): "max-length: \(length)"
        }
    }

    static func transfer(_ rights: TransferRights) -> String {
        let window = rights.window.map { ", window: [\($0.lowerBound), \($0.upperBound)]" } ?? ""
        return "{max-length: \(rights.maxLength)\(window)}"
    }
}
