import RingPolicy

/// Rules that change nothing: what they allow is never allowed, or allowed by another rule already. Who
/// wrote one meant something else.
struct Reachability {
    /// A set of numbered things.
    private struct BitSet {
        private var words: [UInt64]

        init(_ members: some Sequence<Int>, of count: Int) {
            words = [UInt64](repeating: 0, count: count / 64 + 1)
            for member in members { words[member / 64] |= 1 << UInt64(member % 64) }
        }

        func isSubset(of other: Self) -> Bool {
            words.indices.allSatisfy { words[$0] & ~other.words[$0] == 0 }
        }
    }

    private let rules: [PlacedRule]
    private let nevers: [NeverRule]
    private let principals: [BitSet]
    private let devices: [BitSet]

    init(_ rules: [PlacedRule], _ nevers: [NeverRule]) {
        self.rules = rules
        self.nevers = nevers
        principals = Self.sets(rules.map(\.principals))
        devices = Self.sets(rules.map { $0.devices.map(\.name) })
    }

    private static func sets(_ lists: [[String]]) -> [BitSet] {
        var numbers: [String: Int] = [:]
        for name in lists.joined() where numbers[name] == nil { numbers[name] = numbers.count }
        return lists.map { BitSet($0.compactMap { numbers[$0] }, of: numbers.count) }
    }

    func check(_ report: inout Report) {
        for (index, rule) in rules.enumerated() {
            reportForbidden(rule, &report)
            guard let other = rules.indices.first(where: { isCovered(index, by: $0) }) else { continue }
            report.add(
                rule.place,
                "rule `\(rule.id)` allows nothing that rule `\(rules[other].id)` on line "
                    + "\(rules[other].place.line) "
                    + "does not allow already", "remove one of the two, or narrow the other one")
        }
    }

    /// Of two rules that say the same, the later one is superfluous.
    private func isCovered(_ index: Int, by other: Int) -> Bool {
        // A procedure is a right of its own, which no other rule's commands make up for.
        rules[index].procedures.isEmpty && index != other && isWithin(index, other)
            && (other < index || !isWithin(other, index))
    }

    private func isWithin(_ index: Int, _ other: Int) -> Bool {
        guard principals[index].isSubset(of: principals[other]), devices[index].isSubset(of: devices[other]),
            rules[index].limits.isCovered(by: rules[other].limits)
        else { return false }
        return rules[index].rights.allSatisfy { name, rights in
            rules[other].rights[name].map(rights.isCovered) ?? false
        }
    }

    /// What nevers forbid on every device of the rule, whatever the argument.
    private func reportForbidden(_ rule: PlacedRule, _ report: inout Report) {
        let nevers = nevers.filter { $0.principals?.isSuperset(of: rule.principals) ?? true }
        guard !nevers.isEmpty else { return }
        var findings = Findings()
        for device in rule.devices {
            guard let rights = rule.rights[device.profile.name] else { continue }
            let forbidden = nevers.compactMap { never in never.commands[device.name].map { (never.id, $0) } }
            findings.note(rights, forbidden)
            let here = nevers.filter { $0.commands[device.name] != nil }
            if let read = rights.read {
                findings.note("reading", read.place, here.first(where: \.forbidsRead)?.id)
            }
            if let write = rights.write {
                findings.note("writing", write.place, here.first(where: \.forbidsWrite)?.id)
            }
        }
        findings.report(&report)
    }

    /// What a rule allows, by the place that says so: it is in vain when a never forbids it on each device.
    private struct Findings {
        private var forbidden: [Location: (what: String, never: String)] = [:]
        private var possible: Set<Location> = []

        mutating func note(_ what: String, _ place: Location, _ never: String?) {
            if let never { forbidden[place] = (what, never) } else { possible.insert(place) }
        }

        mutating func note(_ rights: PlacedRights, _ nevers: [(id: String, rights: FileRights)]) {
            for command in rights.commands {
                let never = nevers.first { never in never.rights.commands.contains(where: command.isForbidden)
                }
                note("`\(command.command.shape.name)`", command.place, never?.id)
            }
            for (name, handle) in rights.handles {
                note(handle, nevers.compactMap { never in never.rights.handles[name].map { (never.id, $0) } })
            }
        }

        func report(_ report: inout Report) {
            for (place, finding) in forbidden.sorted(by: { $0.key < $1.key }) where !possible.contains(place)
            {
                report.add(
                    place, "\(finding.what) is never allowed here, by never `\(finding.never)`",
                    "remove it, or narrow the never")
            }
        }
    }
}

extension PlacedRights.Command {
    /// Whether the never's conditions hold whenever these do.
    fileprivate func isForbidden(by never: FileRights.Command) -> Bool {
        guard never.shape.name == command.shape.name else { return false }
        let words = Set(command.conditions.map(\.words))
        return never.conditions.allSatisfy { words.contains($0.words) }
    }
}

extension UseLimits {
    /// Whether `other` is nowhere stricter.
    fileprivate func isCovered(by other: UseLimits) -> Bool {
        func isCovered<T: Comparable>(_ value: T?, by bound: T?) -> Bool {
            guard let bound else { return true }
            return value.map { $0 <= bound } ?? false
        }
        return isCovered(inFlight, by: other.inFlight) && isCovered(rate, by: other.rate)
            && isCovered(timeout, by: other.timeout)
    }
}
