import RingPolicy

/// One difference between what somebody may do under two policies.
struct PolicyChange: Encodable, Equatable, Sendable {
    let principal: String
    /// nil when it is about who the principal is.
    let device: String?
    /// `identity`, `open`, `read`, `write` or `command`.
    let what: String
    let command: String?
    /// `added`, `removed` or `changed`.
    let change: String
    /// In words, one alternative each; nil when there was nothing.
    let before: [String]?
    let after: [String]?
}

/// The difference of effective rights between two policies, principal by principal: not of their text, so that moving a
/// rule changes nothing and widening a pattern does.
struct PolicyPlan: Sendable {
    let changes: [PolicyChange]
    /// Changes there are beyond those listed.
    let more: Int

    /// Changes of one answer.
    static let limit = 2000

    init(from old: PolicySnapshot, to new: PolicySnapshot, at time: UInt64) {
        let before = Dictionary(old.principals.map { ($0.name, $0) }) { first, _ in first }
        let after = Dictionary(new.principals.map { ($0.name, $0) }) { first, _ in first }
        var changes: [PolicyChange] = []
        for name in Set(before.keys).union(after.keys).sorted() {
            changes += Self.identityChange(name, before[name], after[name])
            let peer = PrincipalSet(names: [name])
            let had = before[name] == nil ? [] : old.policy(for: peer, at: time).effectiveRights
            let has = after[name] == nil ? [] : new.policy(for: peer, at: time).effectiveRights
            changes += Self.changes(name, had, has)
        }
        more = max(0, changes.count - Self.limit)
        self.changes = Array(changes.prefix(Self.limit))
    }

    private static func identityChange(
        _ name: String, _ before: Principal?, _ after: Principal?
    ) -> [PolicyChange] {
        guard before?.words != after?.words else { return [] }
        return [
            PolicyChange(
                principal: name, device: nil, what: "identity", command: nil,
                change: word(before != nil, after != nil), before: before.map { [$0.words] },
                after: after.map { [$0.words] })
        ]
    }

    private struct Key: Hashable {
        let device: String
        let subject: EffectiveRight.Subject
    }

    private static func changes(
        _ name: String, _ before: [EffectiveRight], _ after: [EffectiveRight]
    ) -> [PolicyChange] {
        let had = Dictionary(before.map { (Key(device: $0.device, subject: $0.subject), $0) }) { $1 }
        let has = Dictionary(after.map { (Key(device: $0.device, subject: $0.subject), $0) }) { $1 }
        let changed = Set(had.keys).union(has.keys).filter { had[$0] != has[$0] }
        return changed.map { key in
            let (old, new) = (had[key], has[key])
            var words = new?.words
            if let old, old.words == words { words?.append("the profile describes the command differently") }
            return PolicyChange(
                principal: name, device: key.device, what: key.subject.word, command: key.subject.command,
                change: word(old != nil, new != nil), before: old?.words, after: words)
        }.sorted {
            ($0.device ?? "", $0.what, $0.command ?? "") < ($1.device ?? "", $1.what, $1.command ?? "")
        }
    }

    private static func word(_ wasThere: Bool, _ isThere: Bool) -> String {
        wasThere ? (isThere ? "changed" : "removed") : "added"
    }
}

extension EffectiveRight.Subject {
    fileprivate var word: String {
        switch self {
        case .open: "open"
        case .read: "read"
        case .write: "write"
        case .command: "command"
        }
    }

    fileprivate var command: String? {
        if case .command(let name) = self { name } else { nil }
    }
}
