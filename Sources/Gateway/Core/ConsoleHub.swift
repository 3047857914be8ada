import RingProtocol

/// One console that many read: its last bytes, and where each reader is in them.
///
/// A reader that is too slow loses bytes, never the console its pace: what was overwritten before it was taken is
/// reported with the reader's next event. A plain value without kernel or clock; copying it copies the scrollback.
struct ConsoleHub {
    /// A read or a stream, by its session and request.
    struct Key: Hashable {
        let session: UInt64
        let request: RequestID
    }

    /// Where a reader begins. A position names the same byte for as long as the console lives.
    enum Start {
        /// The oldest byte still there.
        case oldest
        /// The next byte to come.
        case newest
        /// This byte, counted from 0. If it was overwritten, the first event reports the gap.
        case position(UInt64)
    }

    /// What a reader is to be sent next.
    struct Event: Equatable {
        /// Bytes between the reader's event before and this one that were overwritten.
        let lost: UInt64
        /// Of the first byte.
        let position: UInt64
        /// 1 up to the reader's event size.
        let count: Int
        /// The reader was a single read, and is gone.
        let isLast: Bool
    }

    private struct Reader {
        let key: Key
        let eventSize: Int
        let isSingle: Bool
        var position: UInt64
        /// Events it takes before it must be granted more.
        var credit: UInt64
        var isHeld = false
    }

    private var ring: ByteRing
    private var readers: [Reader?]
    private var places: [Key: Int] = [:]
    /// Ready are those with something to take now, waiting those that have taken all. Who has no credit or is
    /// held is in neither, so a byte that arrives costs nothing for each reader.
    private var lists: ReaderLists

    /// Keeps `scrollback` bytes for at most `mostReaders` readers.
    init(scrollback: Int, mostReaders: Int = GatewayLimits.consoleReaders) {
        ring = ByteRing(capacity: scrollback)
        readers = Array(repeating: nil, count: mostReaders)
        places.reserveCapacity(mostReaders)
        lists = ReaderLists(capacity: mostReaders)
    }

    /// Position of the oldest byte still there.
    var oldest: UInt64 { ring.start }
    /// Position of the next byte to come.
    var newest: UInt64 { ring.end }
    /// All readers, in no order.
    var keys: [Key] { Array(places.keys) }

    // MARK: Bytes

    /// The console has said something. Allocates nothing.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        ring.append(bytes)
        lists.makeAllReady()
    }

    /// Whose turn it is.
    var firstReady: Key? { firstReady { _ in true } }

    /// Whose turn it is of those that are meant: a reader with credit and bytes to take. `take` sends it behind the others.
    func firstReady(where isMeant: (Key) -> Bool) -> Key? {
        lists.firstReady { place in readers[place].map { isMeant($0.key) } ?? false }
            .flatMap { readers[$0]?.key }
    }

    /// The reader's next event; nil when it is unknown or held, or has nothing to take or no credit.
    mutating func take(_ key: Key) -> Event? {
        guard let place = places[key], var reader = readers[place], !reader.isHeld, reader.credit > 0,
            reader.position < ring.end
        else { return nil }
        let position = max(reader.position, ring.start)
        let count = min(reader.eventSize, Int(clamping: ring.end - position))
        let event = Event(
            lost: position - reader.position, position: position, count: count, isLast: reader.isSingle)
        guard !reader.isSingle else {
            remove(place)
            return event
        }
        reader.position = position + UInt64(count)
        reader.credit -= 1
        readers[place] = reader
        enlist(place)
        return event
    }

    /// Lends an event's bytes, in two parts of which the second may be empty. Only until the next `append`.
    func withBytes<Result>(
        of event: Event,
        _ body: (_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Result
    ) -> Result {
        ring.withBytes(at: event.position, count: event.count, body)
    }

    // MARK: Readers

    /// Begins a stream that takes `credit` events of at most `eventSize` bytes, at least 1.
    mutating func begin(_ key: Key, at start: Start, eventSize: Int, credit: UInt32) throws(Refusal) {
        try begin(key, at: start, eventSize: eventSize, credit: credit, isSingle: false)
    }

    /// Begins a read that ends with its first event, of at most `size` bytes, at least 1.
    mutating func beginSingle(_ key: Key, at start: Start, size: Int) throws(Refusal) {
        try begin(key, at: start, eventSize: size, credit: 1, isSingle: true)
    }

    private mutating func begin(
        _ key: Key, at start: Start, eventSize: Int, credit: UInt32, isSingle: Bool
    ) throws(Refusal) {
        guard places[key] == nil else {
            throw Refusal(.busy, "request \(key.request.value) reads this console already")
        }
        guard let place = readers.firstIndex(where: { $0 == nil }) else {
            throw Refusal(.busy, "the console has \(readers.count) readers, which is the most")
        }
        readers[place] = Reader(
            key: key, eventSize: max(eventSize, 1), isSingle: isSingle, position: try position(start),
            credit: UInt64(credit))
        places[key] = place
        enlist(place)
    }

    private func position(_ start: Start) throws(Refusal) -> UInt64 {
        switch start {
        case .oldest: return ring.start
        case .newest: return ring.end
        case .position(let position):
            guard position <= ring.end else {
                throw Refusal(.shape, "position \(position) is not reached yet; the next is \(ring.end)")
            }
            return position
        }
    }

    /// Adds events to what a stream takes. False when there is no such stream.
    mutating func grant(_ key: Key, credit: UInt32) -> Bool {
        guard let place = places[key], let reader = readers[place], !reader.isSingle else { return false }
        let (sum, overflow) = reader.credit.addingReportingOverflow(UInt64(credit))
        readers[place]?.credit = overflow ? .max : sum
        if reader.credit == 0 { enlist(place) }
        return true
    }

    /// Keeps a reader from being ready, or lets it again: for a session that does not take what it is sent.
    mutating func setHeld(_ key: Key, _ isHeld: Bool) {
        guard let place = places[key], let reader = readers[place], reader.isHeld != isHeld else { return }
        readers[place]?.isHeld = isHeld
        enlist(place)
    }

    /// Whether a reader has taken all there is; nil when it is unknown. At the console's end, who has is done.
    func isCaughtUp(_ key: Key) -> Bool? {
        guard let place = places[key], let reader = readers[place] else { return nil }
        return reader.position == ring.end
    }

    /// Removes a reader. False when there is no such reader.
    @discardableResult mutating func end(_ key: Key) -> Bool {
        guard let place = places[key] else { return false }
        remove(place)
        return true
    }

    /// Removes all readers of a session.
    mutating func end(session: UInt64) {
        for place in readers.indices where readers[place]?.key.session == session { remove(place) }
    }

    private mutating func remove(_ place: Int) {
        if let key = readers[place]?.key { places[key] = nil }
        readers[place] = nil
        lists.remove(place)
    }

    /// Puts a reader into the list it belongs to.
    private mutating func enlist(_ place: Int) {
        guard let reader = readers[place] else { return }
        switch (reader.isHeld || reader.credit == 0, reader.position == ring.end) {
        case (true, _): lists.remove(place)
        case (false, true): lists.makeWaiting(place)
        case (false, false): lists.makeReady(place)
        }
    }
}
