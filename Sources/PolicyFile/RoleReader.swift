import RingPolicy

/// A name for several principals. Who inherits a role gets its rules as well.
public struct Role: Sendable, Hashable {
    public let name: String
    /// Names of principals that have the role itself.
    public let members: [String]
    /// Names of the roles whose rules its members get as well.
    public let inherits: [String]
    /// Names of all principals that a rule for the role applies to.
    public let reach: Set<String>
}

/// The `roles` of a site.
struct RoleReader {
    private struct Draft {
        let place: Location
        let members: [String]
        let inherits: [String]
    }

    private let principals: Named<Principal>
    private var drafts: [String: Draft] = [:]
    private var names: [String] = []
    private var mentions = 0

    init(_ principals: Named<Principal>) { self.principals = principals }

    mutating func read(_ value: Value, _ report: inout Report) -> Named<Role> {
        var roles = Named<Role>("role")
        let pairs = value.namedItems("roles", &report) ?? []
        // A role may inherit one that is defined further down.
        var known = Named<String>("role")
        for pair in pairs {
            var unused = Report("")
            if let name = pair.key.name("role", &unused) { known.add(name, name) }
        }
        for pair in pairs {
            guard let name = pair.key.name("role", &report) else { continue }
            names.append(name)
            drafts[name] = readDraft(name, pair, known, &report)
        }
        guard mentions <= FileLimits.roleMentions else {
            report.add(
                value.place,
                "the roles name \(mentions) members and roles; at most \(FileLimits.roleMentions)",
                "use fewer")
            for name in names { roles.add(name, nil) }
            return roles
        }
        let circular = reportCircles(&report)
        let heirs = heirs()
        for name in names {
            guard let draft = drafts[name], !circular.contains(name) else {
                roles.add(name, nil)
                continue
            }
            let role = Role(
                name: name, members: draft.members, inherits: draft.inherits, reach: reach(of: name, heirs))
            roles.add(name, role)
        }
        return roles
    }

    private mutating func readDraft(
        _ name: String, _ pair: Value.Pair, _ known: Named<String>, _ report: inout Report
    ) -> Draft? {
        guard var map = MapReader(pair.value, "role `\(name)`", &report) else { return nil }
        let members = map.optional("members").map { $0.named(principals, in: "role", &report) }
        let inherits = map.optional("inherits").map { $0.named(known, in: "role", &report) }
        map.finish(&report)
        guard members != nil || inherits != nil else { return nil }
        mentions += (members?.elements.count ?? 0) + (inherits?.elements.count ?? 0)
        guard members?.isComplete ?? true, inherits?.isComplete ?? true else { return nil }
        return Draft(
            place: pair.key.place, members: members?.elements.map(\.name) ?? [],
            inherits: inherits?.elements ?? [])
    }

    /// Reports each circle of roles once. Returns the roles that are in one, or inherit from one.
    private func reportCircles(_ report: inout Report) -> Set<String> {
        // What is left when roles that inherit only from sound ones are taken away again and again.
        var left = Set(drafts.keys)
        var sound: Set<String>
        repeat {
            sound = left.filter { drafts[$0]?.inherits.allSatisfy { !left.contains($0) } ?? true }
            left.subtract(sound)
        } while !sound.isEmpty
        var untold = left
        for start in names where untold.contains(start) {
            // Everything left inherits from something left, so the walk comes back to where it has been.
            var path: [String] = []
            var name = start
            while !path.contains(name), let next = drafts[name]?.inherits.first(where: left.contains) {
                path.append(name)
                name = next
            }
            let circle = path.drop { $0 != name }
            if untold.isSuperset(of: circle), let first = circle.first, let draft = drafts[first] {
                report.add(
                    draft.place,
                    "roles inherit in a circle: \((circle + [name]).joined(separator: " from "))",
                    "remove one `inherits` of these")
            }
            untold.subtract(path)
        }
        return left
    }

    /// The roles that inherit from each role directly.
    private func heirs() -> [String: [String]] {
        var heirs: [String: [String]] = [:]
        for name in names {
            for parent in drafts[name]?.inherits ?? [] { heirs[parent, default: []].append(name) }
        }
        return heirs
    }

    private func reach(of role: String, _ heirs: [String: [String]]) -> Set<String> {
        var found: Set<String> = [role]
        var waiting = [role]
        while let name = waiting.popLast() {
            for heir in heirs[name] ?? [] where found.insert(heir).inserted { waiting.append(heir) }
        }
        return found.reduce(into: []) { $0.formUnion(drafts[$1]?.members ?? []) }
    }
}
