import NIOCore
import RingProtocol
import Synchronization

/// Names one call across tasks, and remembers that it was cancelled even before the event loop has seen it.
final class Ticket: Sendable {
    private let flag = Atomic<Bool>(false)

    var isCancelled: Bool { flag.load(ordering: .acquiring) }
    func cancel() { flag.store(true, ordering: .releasing) }
}

/// What a caller gets when all entries of its call were answered.
struct Outcome: Sendable {
    let replies: [Reply]
    /// The slot that was filled.
    var lease = SlotLease.none
}

typealias CallContinuation = CheckedContinuation<Outcome, any Error>

/// Entries under way for one caller. Used on the connection's event loop only.
///
/// Ids of one call are contiguous: `firstID + 0 ..< sent`. That holds because calls are sent one after the
/// other, and it is what makes finding the call of a completion cheap.
final class Call {
    enum Purpose: Equatable {
        case batch
        /// An open, or a command that gives a file.
        case fill(SlotLease)
        case close(SlotLease)
        /// An entry with events, which go to the sink.
        case stream
    }

    private(set) var batch: Batch
    let purpose: Purpose
    let ticket: Ticket?
    private(set) var replies: [Reply]
    private var continuation: CallContinuation?
    /// Where events go, and how many more may come.
    var sink: EventSink?
    var credit = 0
    /// Who writes down what became of it.
    var recorder: Recorder?

    var firstID: UInt64 = 0
    /// Entries that got, or will get, an id. Less than the batch has when it was cancelled half-way.
    private(set) var count: Int
    private(set) var sent = 0
    private(set) var sentBytes = 0
    private(set) var answered = 0

    /// Stands in `replies` for an answer that has not come; no gateway can send these flags.
    private static let none = Reply(result: 0, flags: CompletionFlags(rawValue: .max))

    init(_ batch: Batch, _ purpose: Purpose, ticket: Ticket?, continuation: CallContinuation?) {
        self.batch = batch
        self.purpose = purpose
        self.ticket = ticket
        self.continuation = continuation
        count = batch.count
        replies = Array(repeating: Self.none, count: batch.count)
    }

    var isAbandoned: Bool { continuation == nil && sink == nil }
    var isSent: Bool { sent == count }
    var isFinished: Bool { answered == count }

    func markSent(entries: Int, bytes: Int) {
        sent += entries
        sentBytes += bytes
    }

    func isAnswered(_ index: Int) -> Bool { replies[index].flags != Self.none.flags }

    /// Hands an event on. False when none was to come.
    func tell(_ header: CompletionHeader, _ payload: WireBytes) -> Bool {
        guard purpose == .stream, credit > 0 else { return false }
        if !header.flags.contains(.gap) {
            credit -= 1
            recorder?.note(payload, of: batch)
        }
        sink?.take(header, payload)
        return true
    }

    /// Entries from `kept` on were never seen by the gateway; a call nobody waits for is content with the rest.
    func rewind(to kept: Int) {
        sent = kept
        sentBytes = batch.costs[..<kept].reduce(0) { $0 + Int($1.wire) }
        if isAbandoned, purpose == .batch { count = kept }
    }

    /// Keeps the answer to entry `index`; false when it was answered before.
    func answer(_ index: Int, _ header: CompletionHeader, _ payload: WireBytes) -> Bool {
        guard replies[index].flags == Self.none.flags else { return false }
        // Nobody will read the answer of an abandoned call, so its bytes are not kept.
        replies[index] = Reply(
            result: header.result, flags: header.flags, deviceTime: header.deviceTime,
            payload: isAbandoned || payload.count == 0 ? [] : payload.array, requestID: header.requestID)
        answered += 1
        return true
    }

    /// Answers every entry that was not sent, in place of the gateway.
    func refuseUnsent(_ refusal: Refusal) {
        for index in sent..<count { replies[index] = Reply(refusal) }
        answered += count - sent
        sent = count
    }

    /// Forgets the entries that were not sent.
    func dropUnsent() { count = sent }

    /// Hands the answers to the caller, if it still waits.
    func succeed() {
        var lease = SlotLease.none
        if case .fill(let filled) = purpose { lease = filled }
        if !isAbandoned { recorder?.note(batch, replies) }
        sink?.end(replies.first)
        continuation.take()?.resume(returning: Outcome(replies: replies, lease: lease))
    }

    func fail(_ error: any Error) {
        // A call nobody waits for, whose answer may never come, must not keep the connection alive.
        batch.forgetDevices()
        sink?.fail(error)
        continuation.take()?.resume(throwing: error)
    }
}
