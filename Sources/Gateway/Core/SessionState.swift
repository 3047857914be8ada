import RingPolicy
import RingProtocol

/// What a frame means in the session's present state.
enum Received {
    case entries(Submission)
    case acknowledged
    case goodbye
}

/// One session's protocol state: phase, request ids, credits, slots, and what the client has not acknowledged. A
/// plain value without sockets, clock or kernel, so that it can be driven by bytes alone. Not copyable, so that the
/// hot path never copies it.
struct SessionState: ~Copyable {
    enum Phase: Equatable {
        case open
        /// The client has said goodbye.
        case closing
    }

    private(set) var phase = Phase.open
    /// What was granted.
    let features: Features
    /// Entries that count against the credit: not answered, or with `resume` not acknowledged.
    private(set) var inFlight = 0
    /// Entries without their last completion.
    private(set) var unanswered = 0
    /// Entries that were accepted so far.
    private(set) var accepted = 0
    private(set) var lastRequestID = RequestID(0)
    private var payloadInFlight = 0
    private let allowedFlags: EntryFlags
    private(set) var replay = ReplayLog()
    var streams = StreamTable()
    /// Chains and drains.
    var sequencer = Sequencer()
    var slots = SlotTable()
    var meters = RuleMeters()

    /// Whether answers are kept until they are acknowledged.
    var keepsAnswers: Bool { features.contains(.resume) }

    /// Picks the version and features.
    init(_ hello: Hello) throws(WireError) {
        guard hello.versions.contains(Welcome.version) else {
            throw WireError(
                .version, rule: 7,
                "versions \(hello.versions.lowerBound) to \(hello.versions.upperBound) offered; this gateway speaks 1"
            )
        }
        features = hello.features.intersection(.supported)
        allowedFlags = EntryFlags.allowed(by: features)
        slots.create()
    }

    /// What a connection without a session may send: a hello and nothing else.
    static func greeting(_ frame: Frame) throws(WireError) -> Hello {
        try expectHello(frame.header.type)
        return try Hello.decode(frame.payload)
    }

    static func expectHello(_ type: FrameType) throws(WireError) {
        guard type == .hello else {
            throw WireError(.unexpectedFrame, rule: 9, "frame `\(type)` while greeting")
        }
    }

    /// Whether a frame of that type may come now.
    func expect(_ type: FrameType) throws(WireError) {
        switch (phase, type) {
        case (.open, .submit), (.open, .goodbye): break
        case (.open, .acknowledge) where keepsAnswers: break
        default: throw WireError(.unexpectedFrame, rule: 9, "frame `\(type)` while \(phase)")
        }
    }

    /// Judges a frame. An error ends the session.
    mutating func receive(_ frame: Frame) throws(WireError) -> Received {
        try expect(frame.header.type)
        switch frame.header.type {
        case .submit: return .entries(try accept(frame))
        case .acknowledge:
            try acknowledge(Acknowledge.decode(frame.payload).received)
            return .acknowledged
        default:
            // Of the others `expect` lets through a goodbye alone.
            guard try Goodbye.decode(frame.payload) == .done else {
                throw WireError(.malformed, rule: 28, "a client's goodbye has reason 0")
            }
            phase = .closing
            return .goodbye
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
        unanswered += frame.header.count
        accepted += frame.header.count
        lastRequestID = submission.lastRequestID
        return submission
    }

    private mutating func acknowledge(_ completions: UInt64) throws(WireError) {
        guard let returned = replay.acknowledge(completions) else {
            throw WireError(
                .malformed, rule: 36,
                "\(completions) completions acknowledged, of \(replay.acknowledged) to \(replay.total)")
        }
        inFlight -= returned.entries
        payloadInFlight -= returned.payload
    }

    /// A client is back: what it has received by its own account is acknowledged. False when that cannot be.
    mutating func resume(received: UInt64) -> Bool {
        guard phase == .open, let returned = replay.acknowledge(received) else { return false }
        inFlight -= returned.entries
        payloadInFlight -= returned.payload
        return true
    }

    // MARK: Credits

    /// Counts payload bytes against the session's credit until they are returned, or their completion is.
    mutating func charge(_ bytes: Int) throws(Refusal) {
        guard payloadInFlight + bytes <= Limits.payloadInFlight else {
            throw Refusal(
                .busy, "\(payloadInFlight) payload bytes are unanswered; at most \(Limits.payloadInFlight)")
        }
        payloadInFlight += bytes
    }

    mutating func refund(_ bytes: Int) { payloadInFlight -= bytes }

    /// A completion is written. It takes `charge` with it: back to the credit now, or when it is acknowledged.
    @inline(__always)
    mutating func complete(_ header: CompletionHeader, _ payload: UnsafeRawBufferPointer, charge: Int) {
        let isFinal = !header.flags.contains(.more)
        if isFinal { unanswered -= 1 }
        guard !keepsAnswers else { return replay.append(header, payload, charge: charge) }
        if isFinal { inFlight -= 1 }
        payloadInFlight -= charge
    }

    /// Completions without a payload are written, each the last of its entry, which takes `charge` with it.
    @inline(__always)
    mutating func complete(bare completions: UnsafeRawBufferPointer, charge: Int) {
        let count = completions.count / Limits.completionHeader
        unanswered -= count
        guard !keepsAnswers else { return replay.append(bare: completions, charge: charge) }
        inFlight -= count
        payloadInFlight -= charge * count
    }

    /// An entry has ended whose completion is not sent.
    mutating func completeUnseen(charge: Int) {
        unanswered -= 1
        inFlight -= 1
        payloadInFlight -= charge
    }

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

extension Features {
    /// What this gateway can grant.
    static let supported: Features = [
        .links, .cancel, .timeouts, .streams, .poll, .leases, .resume, .skipSuccess, .traceContext,
    ]
}
