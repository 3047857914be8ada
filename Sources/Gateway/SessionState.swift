import RingPolicy
import RingProtocol

/// What a frame means in the session's present state.
enum Received {
    case hello(Hello)
    case entries(Submission)
    case goodbye
}

/// One session's protocol state: phase, request ids, credits and slots. A plain value without sockets, clock
/// or kernel, so that it can be driven by bytes alone. Not copyable, so that the hot path never copies it.
struct SessionState: ~Copyable {
    enum Phase: Equatable {
        case greeting
        case open
        case closing
    }

    private(set) var phase = Phase.greeting
    private(set) var inFlight = 0
    private var lastRequestID = RequestID(0)
    private var payloadInFlight = 0
    private var allowedFlags: EntryFlags = []
    var slots = SlotTable()
    var meters = RuleMeters()

    /// Features this gateway can grant.
    static let supportedFeatures: Features = []

    /// Longest frame payload the peer may send now.
    var payloadLimit: Int { phase == .greeting ? Limits.greetingPayload : Limits.framePayload }

    /// Judges a frame. An error ends the session.
    mutating func receive(_ frame: Frame) throws(WireError) -> Received {
        switch (phase, frame.header.type) {
        case (.greeting, .hello): return .hello(try Hello.decode(frame.payload))
        case (.open, .submit): return .entries(try accept(frame))
        case (.open, .goodbye):
            guard try Goodbye.decode(frame.payload) == .done else {
                throw WireError(.malformed, rule: 28, "a client's goodbye has reason 0")
            }
            phase = .closing
            return .goodbye
        default:
            throw WireError(.unexpectedFrame, rule: 9, "frame `\(frame.header.type)` while \(phase)")
        }
    }

    private mutating func accept(_ frame: Frame) throws(WireError) -> Submission {
        let submission = try Submission(frame, allowed: allowedFlags, after: lastRequestID)
        guard inFlight + frame.header.count <= Limits.inFlight else {
            throw WireError(
                .limit, rule: 17,
                "\(frame.header.count) entries on top of \(inFlight) unanswered; at most \(Limits.inFlight)")
        }
        inFlight += frame.header.count
        lastRequestID = submission.lastRequestID
        return submission
    }

    /// Picks the version and features. The session is open afterwards.
    mutating func negotiate(_ hello: Hello) throws(WireError) -> Features {
        guard hello.versions.contains(Welcome.version) else {
            throw WireError(
                .version, rule: 7,
                "versions \(hello.versions.lowerBound) to \(hello.versions.upperBound) offered; this gateway speaks 1"
            )
        }
        let features = hello.features.intersection(Self.supportedFeatures)
        allowedFlags = EntryFlags.allowed(by: features)
        slots.create()
        phase = .open
        return features
    }

    // MARK: Credits

    /// Counts payload bytes against the session's credit until `answered`.
    mutating func charge(_ bytes: Int) throws(Refusal) {
        guard payloadInFlight + bytes <= Limits.payloadInFlight else {
            throw Refusal(
                .busy, "\(payloadInFlight) payload bytes are unanswered; at most \(Limits.payloadInFlight)")
        }
        payloadInFlight += bytes
    }

    mutating func refund(_ bytes: Int) { payloadInFlight -= bytes }

    /// An entry's only completion was written.
    mutating func answered() { inFlight -= 1 }

    // MARK: Files

    /// Puts what the peer may do now in place of what it might do before; the result is the caller's to
    /// close.
    mutating func regrant(by rights: PeerPolicy, now: UInt64) -> [SlotTable.Closing] {
        slots.regrant(by: rights, &meters, now: now)
    }

    /// Refuses an entry under the slot's rule with these limits when it would be one too many.
    mutating func checkRule(_ slot: FileSlot, limit: Int, now: UInt64) throws(Refusal) -> RuleMeters.Index {
        let indices = slots[slot].meters
        guard indices.indices.contains(limit) else { return 0 }
        try meters.check(indices[limit], now: now)
        return indices[limit]
    }
}
