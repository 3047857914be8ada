import NIOCore
import RingProtocol

/// The accounts of one session: what waits to be sent, what is unanswered, and the credit left. No I/O.
///
/// Calls are sent strictly in order, so request ids rise as they reach the wire and those of one call are
/// contiguous. `pending` is sorted by first id; every call in it has an unanswered entry or is still being
/// sent, so it is never longer than the credit plus one.
struct Ledger {
    private let limits: Welcome
    private var waiting = CircularBuffer<Call>()
    private var pending: [Call] = []
    /// Where the last completion was found: the next one is most often there too.
    private var cursor = 0
    private var nextID: UInt64 = 1
    /// Highest id of which the gateway has said anything.
    private var lastAnswered: UInt64 = 0
    private(set) var entriesInFlight = 0
    private(set) var payloadInFlight = 0

    init(_ limits: Welcome) { self.limits = limits }

    /// Whether every entry was handed to a frame.
    var isSent: Bool { waiting.isEmpty }
    var isIdle: Bool { waiting.isEmpty && pending.isEmpty }

    mutating func enqueue(_ call: Call) { waiting.append(call) }

    /// A whole submit frame with as many entries as the credit, the frame limit and the queue allow, or nil.
    mutating func nextFrame(_ allocator: ByteBufferAllocator) -> ByteBuffer? {
        guard let first = waiting.first else { return nil }
        var room = Room(entries: Int(limits.entriesPerFrame), bytes: Int(limits.frameLimit))
        guard nextRun(of: first, room).entries > 0 else { return nil }
        let unsent = first.batch.bytes.count - first.sentBytes
        var frame = allocator.buffer(capacity: Limits.frameHeader + min(unsent, Int(limits.frameLimit)))
        frame.writeRepeatingByte(0, count: Limits.frameHeader)
        while let call = waiting.first {
            let run = nextRun(of: call, room)
            guard run.entries > 0 else { break }
            append(run, of: call, to: &frame)
            room.entries -= run.entries
            room.bytes -= run.bytes
            if call.isSent { waiting.removeFirst() }
        }
        let header = FrameHeader(
            length: frame.readableBytes - Limits.frameHeader, type: .submit,
            count: Int(limits.entriesPerFrame) - room.entries)
        frame.withUnsafeMutableReadableBytes { header.encode(into: $0) }
        return frame
    }

    /// Takes a completion into account. Returns its call when that was the last answer it waited for.
    mutating func complete(_ header: CompletionHeader, _ payload: WireBytes) throws(WireError) -> Call? {
        let id = header.requestID.value
        guard let place = place(of: id) else {
            throw WireError(.requestID, rule: 20, "completion for request \(id), which is not in flight")
        }
        lastAnswered = max(lastAnswered, id)
        let call = pending[place]
        let index = Int(id - call.firstID)
        if header.flags.contains(.more) {
            guard call.tell(header, payload) else {
                throw WireError(.malformed, rule: 37, "an event for request \(id) that was not to come")
            }
            return nil
        }
        guard call.answer(index, header, payload) else {
            throw WireError(.requestID, rule: 20, "second completion for request \(id)")
        }
        entriesInFlight -= 1
        payloadInFlight -= Int(call.batch.costs[index].payload)
        guard call.isFinished else { return nil }
        remove(at: place)
        return call
    }

    /// Gives up the entries of the call that were not sent; those that were stay accounted until answered.
    /// Returns nil when there is no such call. A close is sent all the same: it frees something.
    mutating func abandon(_ ticket: Ticket) -> Call? {
        guard
            let call = pending.first(where: { $0.ticket === ticket })
                ?? waiting.first(where: { $0.ticket === ticket })
        else { return nil }
        if case .close = call.purpose { return call }
        call.dropUnsent()
        waiting.removeAll { $0 === call }
        if call.isFinished, let place = pending.firstIndex(where: { $0 === call }) { remove(at: place) }
        return call
    }

    /// Answers all that was not sent with `refusal`. Returns the calls that are finished by it.
    mutating func refuseUnsent(_ refusal: Refusal) -> [Call] {
        let refused = Array(waiting)
        waiting.removeAll()
        for call in refused { call.refuseUnsent(refusal) }
        let finished = refused.filter(\.isFinished)
        pending.removeAll(where: \.isFinished)
        cursor = 0
        return finished
    }

    /// Empties the ledger: every call that was not finished, each once.
    mutating func takeAll() -> [Call] {
        // The first waiting call is pending too when a part of it was sent.
        let calls = pending + waiting.filter { $0.sent == 0 }
        pending = []
        waiting.removeAll()
        entriesInFlight = 0
        payloadInFlight = 0
        return calls
    }

    /// The gateway has never seen entries above `last`: they wait to be sent again, under the ids they had. Result: the
    /// calls that nobody waits for and that have nothing left to be answered.
    mutating func rewind(to last: UInt64) throws(WireError) -> [Call] {
        guard last < nextID else {
            throw WireError(
                .malformed, rule: 39, "request \(last) accepted, of which \(nextID - 1) were sent")
        }
        guard last >= lastAnswered else {
            throw WireError(
                .malformed, rule: 39,
                "request \(last) was the last accepted, and \(lastAnswered) was answered")
        }
        var again: [Call] = []
        for call in pending where call.sent > 0 {
            let kept = last < call.firstID ? 0 : Int(min(last - call.firstID + 1, UInt64(call.sent)))
            guard kept < call.sent else { continue }
            for index in kept..<call.sent where !call.isAnswered(index) {
                entriesInFlight -= 1
                payloadInFlight -= Int(call.batch.costs[index].payload)
            }
            call.rewind(to: kept)
            if !call.isFinished { again.append(call) }
        }
        waiting.removeAll { call in again.contains { $0 === call } }
        for call in again.reversed() where !call.isSent { waiting.prepend(call) }
        let finished = pending.filter(\.isFinished)
        pending.removeAll { $0.isFinished || $0.sent == 0 }
        cursor = 0
        nextID = last + 1
        return finished
    }

    /// The call that a ticket names.
    func call(_ ticket: Ticket) -> Call? {
        pending.first { $0.ticket === ticket } ?? waiting.first { $0.ticket === ticket }
    }

    /// Ids of the call's entries that were sent and are not answered.
    func unanswered(_ ticket: Ticket) -> [UInt64] {
        guard let call = pending.first(where: { $0.ticket === ticket }) else { return [] }
        return (0..<call.sent).filter { !call.isAnswered($0) }.map { call.firstID + UInt64($0) }
    }

    private mutating func remove(at place: Int) {
        pending.remove(at: place)
        cursor = min(cursor, max(pending.count - 1, 0))
    }
}

// Filling frames.
extension Ledger {
    private struct Room {
        var entries: Int
        var bytes: Int
    }

    private struct Run {
        var entries = 0
        var bytes = 0
        var payload = 0
    }

    /// The longest run of unsent entries that fits the frame and the credit.
    private func nextRun(of call: Call, _ room: Room) -> Run {
        var run = Run()
        let entries = min(call.count - call.sent, room.entries, Int(limits.inFlight) - entriesInFlight)
        let credit = Int(limits.payloadInFlight) - payloadInFlight
        guard entries > 0 else { return run }
        var whole = Run()
        for cost in call.batch.costs[call.sent..<call.sent + entries] {
            guard run.bytes + Int(cost.wire) <= room.bytes else { break }
            // An entry or chain above the whole budget goes alone, for the gateway to refuse; waiting would not help.
            let isAlone = payloadInFlight + whole.payload == 0
            guard isAlone || run.payload + Int(cost.payload) <= credit else { break }
            run.entries += 1
            run.bytes += Int(cost.wire)
            run.payload += Int(cost.payload)
            // A chain goes into one frame.
            if !cost.isLinked { whole = run }
        }
        return whole
    }

    private mutating func append(_ run: Run, of call: Call, to frame: inout ByteBuffer) {
        if call.sent == 0 {
            call.firstID = nextID
            pending.append(call)
        }
        let start = frame.readableBytes
        frame.writeBytes(call.batch.bytes[call.sentBytes..<call.sentBytes + run.bytes])
        var id = nextID
        frame.withUnsafeMutableReadableBytes { bytes in
            var position = start
            for cost in call.batch.costs[call.sent..<call.sent + run.entries] {
                bytes.storeWire(id, at: position + 8)
                position += Int(cost.wire)
                id += 1
            }
        }
        nextID = id
        entriesInFlight += run.entries
        payloadInFlight += run.payload
        call.markSent(entries: run.entries, bytes: run.bytes)
    }

    /// Index in `pending` of the call that the id belongs to.
    private mutating func place(of id: UInt64) -> Int? {
        guard !pending.isEmpty else { return nil }
        if !pending[cursor].holds(id) {
            var low = 0
            var high = pending.count
            while low < high {
                let middle = (low + high) / 2
                if pending[middle].firstID <= id { low = middle + 1 } else { high = middle }
            }
            guard low > 0, pending[low - 1].holds(id) else { return nil }
            cursor = low - 1
        }
        return cursor
    }
}

extension Call {
    fileprivate func holds(_ id: UInt64) -> Bool { id >= firstID && id - firstID < UInt64(sent) }
}
