import RingProtocol

/// One session's streams, by the request id of their entry. A plain value: it knows what the client will take, not where
/// events come from.
struct StreamTable {
    struct Stream {
        /// The entry's own bytes, for the next operation of the stream.
        fileprivate let entry: [UInt8]
        let operation: Operation
        /// Nothing of a device for a list.
        let slot: FileSlot?
        /// Payload bytes of the session's credit that one event has.
        let eventCharge: Int
        /// Events that the client takes yet.
        fileprivate(set) var credit: Int
        /// Events that were dropped and of which the client was not told yet.
        fileprivate(set) var lost: UInt64 = 0
        /// Whether an operation of it is with the engine.
        var isRunning = false
        /// The device whose console it looks at; 0 when it has operations of its own.
        let console: DeviceTable.Index
        /// It ends with its first event.
        let isSingle: Bool
        /// Cancels to be answered with its end.
        var cancels: [RequestID] = []

        var isCancelled: Bool { !cancels.isEmpty }
        /// Credit bytes that its end gives back.
        var unusedCharge: Int { credit * eventCharge }
    }

    private var streams: [RequestID: Stream] = [:]
    /// Streams rest because the client does not take its bytes.
    var isThrottled = false

    var isEmpty: Bool { streams.isEmpty }
    /// Those that do not end by themselves.
    var count: Int { streams.isEmpty ? 0 : streams.values.count { !$0.isSingle } }

    subscript(id: RequestID) -> Stream? {
        get { streams[id] }
        set { streams[id] = newValue }
    }

    /// Streams that could go on if they may: no operation of theirs is under way, and they have credit.
    var resting: [RequestID] {
        streams.filter { !$0.value.isRunning && $0.value.credit > 0 }.keys.sorted()
    }

    /// All streams of an operation, in order of their ids.
    func all(of operation: Operation) -> [RequestID] {
        streams.filter { $0.value.operation == operation }.keys.sorted()
    }

    /// All streams on a slot, or of the session.
    func all(on slot: FileSlot? = nil) -> [RequestID] {
        streams.filter { slot == nil || $0.value.slot == slot }.keys.sorted()
    }

    mutating func begin(_ entry: Entry, _ terms: StreamTerms, console: DeviceTable.Index = 0) {
        var bytes = [UInt8](repeating: 0, count: entry.size)
        bytes.withUnsafeMutableBytes { entry.encode(into: $0) }
        streams[entry.requestID] = Stream(
            entry: bytes, operation: entry.operation ?? .nop,
            slot: entry.operation == .list ? nil : entry.slot, eventCharge: terms.eventCharge,
            credit: terms.credit, console: console, isSingle: !entry.isStream)
    }

    /// Hands over the entry as the next operation of the stream has it.
    func withEntry<Result>(_ id: RequestID, _ body: (Entry) -> Result) -> Result? {
        guard let stream = streams[id] else { return nil }
        return stream.entry.withUnsafeBytes { bytes in
            var run = EntryRun(proven: WireBytes(bytes), count: 1)
            return run.next().map(body)
        }
    }

    /// Counts an event against the credit. False when there is none left: the event is lost.
    mutating func takeCredit(_ id: RequestID) -> Bool {
        guard let stream = streams[id] else { return false }
        guard stream.credit > 0 else {
            streams[id]?.lost += 1
            return false
        }
        streams[id]?.credit -= 1
        return true
    }

    /// Adds credit. nil when the stream would be owed more than it may.
    mutating func grant(_ id: RequestID, _ events: Int) -> Bool {
        guard let stream = streams[id], stream.credit + events <= Limits.credit else { return false }
        streams[id]?.credit += events
        return true
    }

    /// So much was dropped elsewhere.
    mutating func lose(_ id: RequestID, _ lost: UInt64) { streams[id]?.lost &+= lost }

    /// How many events were lost before the next, if any; told once, when the client takes events again.
    mutating func takeLost(_ id: RequestID) -> UInt64? {
        guard let stream = streams[id], stream.lost > 0, stream.credit > 0 else { return nil }
        streams[id]?.lost = 0
        return stream.lost
    }
}

/// What a stream's client has agreed to take.
struct StreamTerms {
    let credit: Int
    /// Payload bytes of the session's credit for one event.
    let eventCharge: Int
    /// Bytes of one event at most.
    let count: Int
    var charge: Int { credit * eventCharge }

    /// A console may be read from any position, and once.
    init(_ entry: Entry, anywhere: Bool = false) throws(Refusal) {
        if entry.operation == .read {
            guard let argument = ReadArgument.decode(entry),
                anywhere || entry.offset == Entry.currentPosition
            else {
                throw Refusal(
                    .shape,
                    "a read stream has offset 2^64-1, a count, and a credit of 1 to \(Limits.credit) events")
            }
            (credit, eventCharge) = (max(argument.credit, 1), argument.eventCharge)
            count = argument.count
        } else {
            guard let argument = StreamArgument.decode(entry) else {
                throw Refusal(.shape, "the argument is 8 bytes with a credit of 1 to \(Limits.credit) events")
            }
            credit = argument.credit
            count = 0
            eventCharge = entry.operation == .list ? Limits.documentEvent : Limits.eventOverhead
        }
    }
}
