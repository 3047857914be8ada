import RingProtocol

extension CompletionHeader {
    /// Proves what a completion must keep to beyond its framing: rules.
    func prove(_ payload: WireBytes, _ features: Features) throws(WireError) {
        let isStreaming = !features.isDisjoint(with: [.streams, .leases])
        guard isStreaming || flags.isDisjoint(with: [.more, .gap]) else {
            throw WireError(.reserved, rule: 23, "completion flags of a feature that was not granted")
        }
        guard !flags.contains(.gap) || (flags.contains(.more) && result == 0) else {
            throw WireError(.malformed, rule: 37, "a gap with result \(result)")
        }
        if flags.contains(.gap) { _ = try Gap.decode(payload) }
        if flags.contains(.refused) {
            guard result < 0 else { throw WireError(.malformed, rule: 24, "refused with result \(result)") }
            _ = try Refusal.decode(payload)
        } else if result < 0, payload.count > 0 {
            throw WireError(.malformed, rule: 24, "result \(result) with a payload")
        }
        guard !flags.contains(.denied) || (flags.contains(.refused) && result == -13) else {
            throw WireError(.malformed, rule: 26, "denied with result \(result)")
        }
    }
}
