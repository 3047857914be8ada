import RingEngine
import RingPolicy
import RingProtocol

/// What a frame means in the session's present state.
enum Received {
    case hello(Hello)
    case entries(Submission)
    case goodbye
}

/// One session's protocol state: phase, request ids, credits and slots. A plain value without sockets, clock or
/// kernel, so that it can be driven by bytes alone. Not copyable, so that the hot path never copies it.
struct SessionState: ~Copyable {
    enum Phase: Equatable {
        case greeting
        case open
        case closing
    }

    /// A slot of the client's file table.
    struct Slot {
        enum Use: UInt8 {
            case free
            case opening
            case open
            case closing
        }
        var use = Use.free
        var file = OpenFileID(0)
        /// What the client may do on the file; resolved once, when the slot was opened.
        var grant: Grant?
    }

    private(set) var phase = Phase.greeting
    private(set) var inFlight = 0
    private var lastRequestID = RequestID(0)
    private var payloadInFlight = 0
    private var allowedFlags: EntryFlags = []
    private var slots: [Slot] = []

    /// A slot as the hot path needs it.
    struct OpenSlot {
        let file: OpenFileID
        /// Unretained: the slot holds the grant, and it cannot be freed while its entry is decided.
        unowned(unsafe) let grant: Grant
    }

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
        slots = Array(repeating: Slot(), count: Limits.slots)
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

    // MARK: Slots

    /// The open slot an entry names.
    @inline(__always)
    func openSlot(_ slot: FileSlot) throws(Refusal) -> OpenSlot {
        guard Int(slot.index) < slots.count, slots[Int(slot.index)].use == .open,
            let grant = slots[Int(slot.index)].grant
        else { throw notOpen(slot) }
        return OpenSlot(file: slots[Int(slot.index)].file, grant: grant)
    }

    private func notOpen(_ slot: FileSlot) -> Refusal {
        guard Int(slot.index) < slots.count else {
            return Refusal(.slotNotOpen, "slot \(slot.index) does not exist; there are \(slots.count)")
        }
        let why =
            slots[Int(slot.index)].use == .opening
            ? "is not open yet; wait for the open's completion" : "is not open"
        return Refusal(.slotNotOpen, "slot \(slot.index) \(why)")
    }

    /// Sets a free slot aside for an open that is under way.
    mutating func reserve(_ slot: FileSlot, for grant: Grant) throws(Refusal) {
        guard Int(slot.index) < slots.count else { throw notOpen(slot) }
        guard slots[Int(slot.index)].use == .free else {
            throw Refusal(.slotInUse, "slot \(slot.index) is in use; close it first")
        }
        slots[Int(slot.index)] = Slot(use: .opening, grant: grant)
    }

    /// The open has succeeded.
    mutating func opened(_ slot: FileSlot, _ file: OpenFileID) {
        slots[Int(slot.index)].use = .open
        slots[Int(slot.index)].file = file
    }

    /// The slot's file is on its way out; nothing more may name it.
    mutating func beginClose(_ slot: FileSlot) throws(Refusal) -> OpenFileID {
        let file = try openSlot(slot).file
        slots[Int(slot.index)].use = .closing
        return file
    }

    /// The slot may be used again: its file is closed, or was never opened.
    mutating func free(_ slot: FileSlot) { slots[Int(slot.index)] = Slot() }

    /// Gives up all open slots; their files are the caller's to close.
    mutating func takeOpenFiles() -> [OpenFileID] {
        var files: [OpenFileID] = []
        for index in slots.indices where slots[index].use == .open {
            slots[index].use = .closing
            files.append(slots[index].file)
        }
        return files
    }
}
