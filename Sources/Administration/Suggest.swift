import RingPolicy
import RingProtocol

/// `policy.suggest`.
extension Administrator {
    private struct Suggested: Encodable {
        struct LeftOut: Encodable {
            let session: UInt64
            let request: UInt64
            let device: String
            let why: String
        }

        /// Rules to be added to the policy, as YAML; empty when there is nothing to add.
        let text: String
        let rules: Int
        let requests: Int
        let leftOut: [LeftOut]
        let leftOutCount: Int
    }

    /// Requests left out that an answer names.
    private static let namedLeftOut = 100

    func suggest(
        _ request: SuggestRequest, _ context: AdministrationContext
    ) throws(Refusal) -> AdministrationAnswer {
        let since = request.since ?? 0
        let requests = context.requests.requests.filter { $0.time >= since }
        let suggestion = Suggestion(from: requests, under: context.policy, at: context.time)
        let leftOut = suggestion.leftOut.prefix(Self.namedLeftOut).map { left in
            Suggested.LeftOut(
                session: left.request.session, request: left.request.requestID.value,
                device: left.request.device, why: left.why)
        }
        return try AdministrationAnswer(
            Suggested(
                text: suggestion.rules.isEmpty ? "" : suggestion.text, rules: suggestion.rules.count,
                requests: suggestion.allowed, leftOut: leftOut, leftOutCount: suggestion.leftOut.count))
    }
}
