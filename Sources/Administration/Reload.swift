import RingPolicy
import RingPolicyFile
import RingProtocol

/// Policies that come from the file: at start, and on SIGHUP.
extension Administrator {
    /// Begins with the policy that was loaded, or loads it, and notes in the history that it is in force, unless it was
    /// before.
    ///
    /// `time` is in seconds since 1970.
    public func start(at time: UInt64) throws(AdministrationError) -> PolicySnapshot {
        if current.withLock({ $0 == nil }) {
            do throws(PolicyErrors) { _ = try load() } catch { throw .policy(error) }
        }
        return try current.withLock { current throws(AdministrationError) in
            guard var begun = current else { throw .state("the policy was not loaded") }
            begun.time = time
            do throws(FileFailure) { try begin(&begun, at: time) } catch {
                throw .state("the directory of revisions cannot be used: \(error.text)")
            }
            current = begun
            return begun.snapshot
        }
    }

    private func begin(_ begun: inout Current, at time: UInt64) throws(FileFailure) {
        guard let store else { return }
        try store.prepare()
        let inForce = try store.history().last { $0.error == nil }
        if let inForce, inForce.revision == begun.snapshot.revisionText {
            (begun.time, begun.by, begun.number) = (inForce.time, inForce.by, inForce.number)
        } else {
            let new = Compiled(text: begun.text, snapshot: begun.snapshot)
            begun.number = try note(new, .start, by: Self.host, at: time, store)
        }
    }

    /// Reads the policy file again, for SIGHUP. Without `newPolicy` it is wrong, and nothing changes, or the same; the
    /// text says which, with every error on a line of its own.
    public func reload(_ context: AdministrationContext) -> ReloadOutcome {
        current.withLock { current in
            let new: Compiled
            do throws(PolicyErrors) { new = try loadFile() } catch {
                let trouble = noteFailure(error, context)
                let lines = ["the policy stays as it was, the file is wrong:", error.description, trouble]
                return ReloadOutcome(text: lines.compactMap(\.self).joined(separator: "\n"), isFailure: true)
            }
            guard new.snapshot.revision != context.policy.revision else {
                return ReloadOutcome(text: "the file has the policy that is in force")
            }
            current = Current(
                text: new.text, snapshot: new.snapshot, time: context.time, by: context.identity, number: nil)
            var text = "policy \(new.snapshot.revisionText)"
            if let store {
                // The file is what the next start reads, so a history that cannot be written must not keep it out.
                do throws(FileFailure) {
                    current?.number = try note(new, .reload, by: context.identity, at: context.time, store)
                } catch {
                    text += "\nit could not be noted in the history: \(error.text)"
                }
            }
            return ReloadOutcome(newPolicy: new.snapshot, text: text)
        }
    }

    private func note(
        _ new: Compiled, _ source: HistoryEntry.Source, by: String, at time: UInt64, _ store: PolicyStore
    ) throws(FileFailure) -> Int {
        let number = try store.nextNumber()
        let entry = HistoryEntry(
            number: number, revision: new.snapshot.revisionText, time: time, by: by, reason: nil,
            source: source, error: nil)
        _ = try store.record(entry, new.text)
        return number
    }

    /// Notes that the file was wrong; why that could not be noted, if so.
    private func noteFailure(_ errors: PolicyErrors, _ context: AdministrationContext) -> String? {
        guard let store else { return nil }
        let lines = errors.diagnostics.map(\.description)
        do throws(FileFailure) {
            let entry = HistoryEntry(
                number: try store.nextNumber(), revision: context.policy.revisionText, time: context.time,
                by: context.identity, reason: nil, source: .reload,
                error: "\(lines.count) errors, the first: \(lines.first ?? "")")
            _ = try store.record(entry, nil)
            return nil
        } catch {
            return "this could not be noted in the history: \(error.text)"
        }
    }
}

/// What became of reading the policy file again.
public struct ReloadOutcome: Sendable {
    /// To be put in force; nil when the file is wrong or says the same.
    public let newPolicy: PolicySnapshot?
    /// For the log.
    public let text: String
    /// Whether the file is wrong, so that the policy stays as it was.
    public let isFailure: Bool

    init(newPolicy: PolicySnapshot? = nil, text: String, isFailure: Bool = false) {
        self.newPolicy = newPolicy
        self.text = text
        self.isFailure = isFailure
    }
}
