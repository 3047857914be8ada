import RingPolicy
import RingProtocol

/// The least rules that allow what was denied or observed.
///
/// Nevers, destructive commands and administration are not among it, whatever was asked for. What is proposed is tried
/// on the very requests it was made from before anybody sees it.
struct Suggestion {
    struct LeftOut {
        let request: LoggedRequest
        let why: String
    }
    /// Who, and on which device.
    private struct Group: Hashable, Comparable {
        let principal: String
        let device: String

        static func < (left: Self, right: Self) -> Bool {
            (left.principal, left.device) < (right.principal, right.device)
        }
    }
    private struct Needs {
        /// By the chain of handles' profiles; empty for the device itself.
        var files: [[String]: LeastRights] = [:]
        var requests: [LoggedRequest] = []
    }

    private(set) var rules: [RuleDraft] = []
    private(set) var leftOut: [LeftOut] = []
    /// Requests that the rules allow.
    private(set) var allowed = 0

    private let policy: PolicySnapshot
    private let time: UInt64
    private var needs: [Group: Needs] = [:]

    init(from requests: [LoggedRequest], under policy: PolicySnapshot, at time: UInt64) {
        self.policy = policy
        self.time = time
        for request in requests where Self.isCandidate(request) { consider(request) }
        for group in needs.keys.sorted() { draft(group) }
        verify()
    }

    /// The rules as a piece of a policy file.
    var text: String { (["rules:"] + rules.flatMap(\.lines)).joined(separator: "\n") + "\n" }

    private static func isCandidate(_ request: LoggedRequest) -> Bool {
        request.refusal.map { $0.reason == .noRule || $0.reason == .constraint } ?? true
    }

    // MARK: Gathering

    private mutating func consider(_ request: LoggedRequest) {
        let now = request.withEntry { entry in
            policy.explain(entry, on: request.device, for: request.principals, at: time)
        }
        // Since then somebody has allowed it.
        guard now.verdict != .allowed else { return }
        do throws(LeastRights.Exclusion) { try gather(request) } catch {
            leftOut.append(LeftOut(request: request, why: error.text))
        }
    }

    private mutating func gather(_ request: LoggedRequest) throws(LeastRights.Exclusion) {
        let path = request.device.split(separator: "/").map(String.init)
        guard let device = policy.devices.first(where: { $0.name == path.first }) else {
            throw .init("the policy has no such device")
        }
        guard device.kind != .gateway else { throw .init("administration is given by hand") }
        guard request.operation != .open, request.operation != .describe else {
            throw .init("opening shows no need; observe the device to learn what is done with it")
        }
        guard let principal = policy.mostSpecific(of: request.principals) else {
            throw .init("the policy no longer has principals \(request.principals.description)")
        }
        guard !request.isCut else {
            throw .init("its argument has more bytes than the log keeps")
        }
        let isHandle = path.count > 1
        guard request.operation != .read || isHandle || device.access != .writeOnly,
            request.operation != .write || isHandle || device.access != .readOnly
        else { throw .init("the device is opened \(device.access)") }
        guard let profile = policy.profile(of: request.device) else {
            throw .init("the policy has no such profile")
        }
        let group = Group(principal: principal, device: device.name)
        var needed = needs[group] ?? Needs()
        var least = needed.files[Array(path.dropFirst())] ?? LeastRights(profile)
        var flaw: LeastRights.Exclusion?
        request.withEntry { entry in
            do throws(LeastRights.Exclusion) { try least.add(entry) } catch { flaw = error }
        }
        if let flaw { throw flaw }
        needed.files[Array(path.dropFirst())] = least
        needed.requests.append(request)
        needs[group] = needed
    }

    // MARK: Drafting

    /// Rules for one principal and device: as few as the bound of conditions in a rule lets be.
    private mutating func draft(_ group: Group) {
        guard let needed = needs[group] else { return }
        var drafts: [RightsDraft] = []
        var current = RightsDraft()
        for path in needed.files.keys.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            guard let least = needed.files[path], let links = links(path, needed.files, group) else {
                continue
            }
            let commands = least.commands
            var pieces: [(inout RightsDraft) -> Void] = commands.map { command in { $0.add([command]) } }
            let (read, write) = (least.readRights, least.writeRights)
            if read != nil || write != nil { pieces.append { ($0.read, $0.write) = (read, write) } }
            for piece in pieces {
                var larger = current
                larger.change(links[...], piece)
                if larger.conditionCount > LeastRights.maximumConditions, !current.isEmpty {
                    drafts.append(current)
                    larger = RightsDraft()
                    larger.change(links[...], piece)
                }
                current = larger
            }
        }
        drafts.append(current)
        let origin = "from \(needed.requests.count) requests, the last at \(needed.requests.last?.time ?? 0)"
        for rights in drafts where !rights.isEmpty {
            var rule = RuleDraft(
                id: freshID(), principal: group.principal, device: group.device, rights: rights,
                origin: origin)
            rule.keepApart(from: policy.rules)
            rules.append(rule)
        }
    }

    /// The commands that give the files on the way; nil when nothing allows one of them.
    private func links(
        _ path: [String], _ files: [[String]: LeastRights], _ group: Group
    ) -> [RightsDraft.Link]? {
        var links: [RightsDraft.Link] = []
        for depth in path.indices {
            let above = Array(path[..<depth])
            let needed = files[above]?.commands.filter { $0.shape.givenProfile == path[depth] } ?? []
            let giving = needed.isEmpty ? allowedNow(path[depth], above, group) : needed
            guard !giving.isEmpty else { return nil }
            links.append(.init(profile: path[depth], giving: giving))
        }
        return links
    }

    /// Commands that give files of `profile` and that a rule allows already: a rule names them to speak of the files.
    private func allowedNow(_ profile: String, _ above: [String], _ group: Group) -> [FileRights.Command] {
        for rule in policy.rules where rule.principals.contains(group.principal) {
            var rights = rule.rights[group.device]
            for name in above { rights = rights?.handles[name] }
            let giving = (rights?.commands ?? []).filter { $0.shape.givenProfile == profile }
            if !giving.isEmpty { return giving }
        }
        return []
    }

    private func freshID() -> String {
        let used = Set(policy.rules.map(\.id) + policy.nevers.map(\.id) + rules.map(\.id))
        var number = 1
        while used.contains("suggested-\(number)") { number += 1 }
        return "suggested-\(number)"
    }

    // MARK: Trying out

    /// Replays every request under the policy with the rules added.
    private mutating func verify() {
        let proposed = policy.adding(rules.map(\.rule))
        for request in needs.sorted(by: { $0.key < $1.key }).flatMap(\.value.requests) {
            let explanation = request.withEntry { entry in
                proposed.explain(entry, on: request.device, for: request.principals, at: time)
            }
            if explanation.verdict == .allowed {
                allowed += 1
            } else {
                leftOut.append(LeftOut(request: request, why: explanation.text))
            }
        }
    }
}

extension PolicySnapshot {
    /// The one of a peer's principals that speaks of the fewest certificates.
    fileprivate func mostSpecific(of peer: PrincipalSet) -> String? {
        let names = Set(peer.sortedNames)
        let known = principals.filter { names.contains($0.name) }
        return known.max { ($0.specificity, $1.name) < ($1.specificity, $0.name) }?.name
    }

    func adding(_ more: [Rule]) -> PolicySnapshot {
        PolicySnapshot(
            revision: revision, principals: principals, devices: devices, rules: rules + more, nevers: nevers,
            profiles: Array(profiles.values))
    }
}
