import RingPolicy
import RingPolicyFile
import RingProtocol

/// `policy.plan`, `policy.apply` and `policy.rollback`.
extension Administrator {
    struct Outcome: Encodable {
        /// Of the policy in force when this is answered.
        var current: String
        /// Of the policy that was sent; nil when it has errors.
        var revision: String?
        var applied: Bool?
        /// `errors`, `revision`, `lockout` or `files`: why it was not applied.
        var refused: String?
        var errors: [String]?
        var changes: [PolicyChange]?
        var moreChanges: Int?
        /// In the history.
        var number: Int?
    }

    /// Errors of an answer.
    private static let shownErrors = 200

    func plan(_ request: PlanRequest, _ context: AdministrationContext) throws(Refusal)
        -> AdministrationAnswer
    {
        var outcome = Outcome(current: context.policy.revisionText)
        guard let new = compile(request.text, request.name, &outcome) else {
            return try outcome.answer()
        }
        outcome.compare(context.policy, new.snapshot, context.time)
        return try outcome.answer()
    }

    func apply(
        _ request: ApplyRequest, _ context: AdministrationContext
    ) throws(Refusal) -> AdministrationAnswer {
        let options = try ApplyOptions(request.ifRevision, request.dryRun, request.reason, request.force)
        return try install(request.text, request.name, .apply, options, context)
    }

    func rollback(
        _ request: RollbackRequest, _ context: AdministrationContext
    ) throws(Refusal) -> AdministrationAnswer {
        let options = try ApplyOptions(request.ifRevision, request.dryRun, request.reason, request.force)
        guard let store else { throw Self.keepsNothing }
        let entry = try Self.find(request.revision, in: try entries())
        let text: [UInt8]?
        do throws(FileFailure) { text = try store.text(of: entry) } catch { throw Refusal(.busy, error.text) }
        guard let text else {
            throw Refusal(
                .shape, "the text of number \(entry.number) is no longer kept; apply a file instead")
        }
        let name = "revision \(entry.number)"
        return try install(String(decoding: text, as: UTF8.self), name, .rollback, options, context)
    }

    /// The entry that a number or the beginning of a revision names.
    private static func find(_ word: String, in entries: [HistoryEntry]) throws(Refusal) -> HistoryEntry {
        let good = entries.filter { $0.error == nil }
        if let number = Int(word), let entry = good.last(where: { $0.number == number }) { return entry }
        let found = good.filter { $0.revision.hasPrefix(word) }
        guard word.utf8.count >= 4, let entry = found.last else {
            throw Refusal(.shape, "the history has no number or revision `\(word)`; see policy.history")
        }
        guard found.allSatisfy({ $0.revision == entry.revision }) else {
            throw Refusal(.shape, "several revisions start with `\(word)`; write more of it")
        }
        return entry
    }

    /// What makes a policy be in force, in this order: it is free of errors, nobody else was faster, the caller stays
    /// able to undo it, and it is on disk.
    private func install(
        _ text: String, _ name: String?, _ source: HistoryEntry.Source, _ options: ApplyOptions,
        _ context: AdministrationContext
    ) throws(Refusal) -> AdministrationAnswer {
        guard let store else { throw Self.keepsNothing }
        return try current.withLock { current throws(Refusal) in
            let old = context.policy
            var outcome = Outcome(current: old.revisionText, applied: false)
            guard let new = compile(text, name, &outcome) else { return try outcome.answer() }
            outcome.compare(old, new.snapshot, context.time)
            if let refusal = Self.objection(to: new.snapshot, options, context) {
                (outcome.refused, outcome.errors) = refusal
                return try outcome.answer()
            }
            if options.isDryRun { return try outcome.answer() }
            let number: Int
            do throws(FileFailure) {
                number = try keep(new, source, by: context.identity, options.reason, at: context.time, store)
            } catch {
                (outcome.refused, outcome.errors) = ("files", [error.text])
                return try outcome.answer()
            }
            outcome.applied = true
            outcome.number = number
            outcome.current = new.snapshot.revisionText
            current = Current(
                text: new.text, snapshot: new.snapshot, time: context.time, by: context.identity,
                number: number)
            return try outcome.answer(newPolicy: new.snapshot)
        }
    }

    /// nil, and the reasons in `outcome`, when the text is no policy.
    private func compile(_ text: String, _ name: String?, _ outcome: inout Outcome) -> Compiled? {
        do throws(PolicyErrors) {
            let new = try compile(SourceText(path: String((name ?? "policy").prefix(255)), text: text))
            outcome.revision = new.snapshot.revisionText
            return new
        } catch {
            outcome.refused = "errors"
            outcome.errors = error.diagnostics.prefix(Self.shownErrors).map(\.description)
            return nil
        }
    }

    private static func objection(
        to new: PolicySnapshot, _ options: ApplyOptions, _ context: AdministrationContext
    ) -> (String, [String])? {
        let revision = context.policy.revisionText
        if let wanted = options.ifRevision, wanted.utf8.count < 8 || !revision.hasPrefix(wanted.lowercased())
        {
            return (
                "revision",
                [
                    "the policy in force is \(revision), not \(wanted); look at what was changed, then plan again"
                ]
            )
        }
        guard !options.isForced, !mayApply(context, new) else { return nil }
        return (
            "lockout",
            [
                "\(context.identity) could not apply a policy any more; allow it policy.apply on "
                    + "`\(GatewayProfile.deviceName)`, or say `force` if that is meant"
            ]
        )
    }

    /// Whether who asks could put the old policy back.
    private static func mayApply(_ context: AdministrationContext, _ policy: PolicySnapshot) -> Bool {
        let peer =
            context.peer
            ?? PeerIdentity(uris: [context.identity], keyHash: [], commonName: nil, issuer: "")
        do throws(IdentityError) {
            let principals = try policy.recognize(peer)
            let entry = Entry(
                .command, requestID: RequestID(1), subOpcode: SubOpcode(GatewayCommand.policyApply.rawValue))
            return policy.explain(entry, on: GatewayProfile.deviceName, for: principals, at: context.time)
                .verdict == .allowed
        } catch {
            return false
        }
    }

    /// Keeps a policy and makes it the one that the next start reads; its number in the history.
    private func keep(
        _ new: Compiled, _ source: HistoryEntry.Source, by: String, _ reason: String?, at time: UInt64,
        _ store: PolicyStore
    ) throws(FileFailure) -> Int {
        let number = try store.nextNumber()
        // What most likely fails comes first: space and permissions where the policy lies.
        var file = try PreparedFile(files.policy, new.text)
        let entry = HistoryEntry(
            number: number, revision: new.snapshot.revisionText, time: time, by: by, reason: reason,
            source: source, error: nil)
        let line = try store.record(entry, new.text)
        do throws(FileFailure) { try file.commit() } catch {
            store.retract(from: line)
            throw error
        }
        return number
    }
}

extension Administrator.Outcome {
    fileprivate mutating func compare(_ old: PolicySnapshot, _ new: PolicySnapshot, _ time: UInt64) {
        let plan = PolicyPlan(from: old, to: new, at: time)
        changes = plan.changes
        moreChanges = plan.more == 0 ? nil : plan.more
    }

    /// The outcome as a document, with as many of the changes as fit.
    fileprivate func answer(newPolicy: PolicySnapshot? = nil) throws(Refusal) -> AdministrationAnswer {
        var shortened = self
        while true {
            do throws(Refusal) {
                return try AdministrationAnswer(shortened, newPolicy: newPolicy)
            } catch {
                guard let changes = shortened.changes, !changes.isEmpty else { throw error }
                shortened.changes = Array(changes.prefix(changes.count / 2))
                shortened.moreChanges = (shortened.moreChanges ?? 0) + (changes.count + 1) / 2
            }
        }
    }
}
