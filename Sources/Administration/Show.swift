import RingPolicy
import RingProtocol

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension AdministrationAnswer {
    /// An answer with `reply` as its document.
    init(_ reply: some Encodable, newPolicy: PolicySnapshot? = nil) throws(Refusal) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let json = try? encoder.encode(reply), json.count <= Limits.payload else {
            throw Refusal(.busy, "the answer is longer than \(Limits.payload) bytes; ask for less")
        }
        self.init(document: Array(json), newPolicy: newPolicy)
    }
}

/// `policy.show`, `policy.effective` and `policy.history`: what is, without changing it.
extension Administrator {
    private struct Shown: Encodable {
        let revision: String
        let text: String
        let file: String
        let appliedAt: UInt64
        let appliedBy: String
        let number: Int?
    }

    func show(_ request: EmptyRequest, _ context: AdministrationContext) throws(Refusal)
        -> AdministrationAnswer
    {
        guard let current = current.withLock({ $0 }), current.snapshot.revision == context.policy.revision
        else {
            throw Refusal(.unsupported, "the policy in force did not come from the gateway's file")
        }
        return try AdministrationAnswer(
            Shown(
                revision: current.snapshot.revisionText, text: String(decoding: current.text, as: UTF8.self),
                file: files.policy, appliedAt: current.time, appliedBy: current.by, number: current.number))
    }

    private struct Effective: Encodable {
        let principals: [String]
        let devices: [DeviceDescription]
    }

    func effective(
        _ request: EffectiveRequest, _ context: AdministrationContext
    ) throws(Refusal) -> AdministrationAnswer {
        let peer = try request.as.request.resolved(in: context.policy)
        let rights = context.policy.policy(for: peer, at: context.time)
        return try AdministrationAnswer(
            Effective(principals: peer.sortedNames, devices: rights.descriptions))
    }

    private struct History: Encodable {
        let current: String
        /// Newest first.
        let history: [HistoryEntry]
    }

    /// Entries of an answer unless asked for otherwise.
    private static let historyLength = 50

    func history(
        _ request: HistoryRequest, _ context: AdministrationContext
    ) throws(Refusal) -> AdministrationAnswer {
        let limit = request.limit ?? Self.historyLength
        guard (1...1000).contains(limit) else { throw Refusal(.shape, "`limit` is 1 to 1000") }
        let entries = try entries()
        return try AdministrationAnswer(
            History(current: context.policy.revisionText, history: Array(entries.suffix(limit).reversed())))
    }

    func entries() throws(Refusal) -> [HistoryEntry] {
        guard let store else { throw Self.keepsNothing }
        do { return try store.history() } catch { throw Refusal(.busy, error.text) }
    }

    static var keepsNothing: Refusal {
        Refusal(
            .unsupported,
            "this gateway keeps no revisions, so its policy cannot be changed from here; start it with "
                + "`state: DIRECTORY` in its configuration, or change the file and send SIGHUP")
    }
}
