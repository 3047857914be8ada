import NIOCore
import RingProtocol
import Testing

@testable import RingClient

/// The accounts by themselves: whatever happens to calls, they come back to zero.
struct LedgerTests {
    private var welcome: Welcome {
        var welcome = Welcome()
        welcome.inFlight = 3
        return welcome
    }

    private func call(_ entries: Int, ticket: Ticket? = nil) -> Call {
        var batch = Batch()
        for _ in 0..<entries { batch.append(.list, reply: 100) }
        return Call(batch, .batch, ticket: ticket, continuation: nil)
    }

    /// Sends what the credit allows; the ids sent.
    private func send(_ ledger: inout Ledger) -> [UInt64] {
        var ids: [UInt64] = []
        while let frame = ledger.nextFrame(ByteBufferAllocator()) {
            frame.withUnsafeReadableBytes { bytes in
                let whole = WireBytes(bytes)
                for index in 0..<(frame.readableBytes - Limits.frameHeader) / Limits.entryHeader {
                    ids.append(
                        whole.load(UInt64.self, at: Limits.frameHeader + index * Limits.entryHeader + 8))
                }
            }
        }
        return ids
    }

    /// Completes requests in this order; the calls that ended by it.
    private func complete(_ ids: [UInt64], _ ledger: inout Ledger) throws -> [ObjectIdentifier] {
        try ids.compactMap { id in
            let header = CompletionHeader(RequestID(id), result: 0, flags: .engine(.gateway))
            return try ledger.complete(header, WireBytes()).map(ObjectIdentifier.init)
        }
    }

    @Test func `ids rise over calls and frames, and answers in any order bring the credit back`() throws {
        var ledger = Ledger(welcome)
        let calls = [call(2), call(3), call(1)]
        for call in calls { ledger.enqueue(call) }
        let first = send(&ledger)
        #expect(first == [1, 2, 3])
        #expect(ledger.entriesInFlight == 3 && ledger.payloadInFlight == 300)
        let none = try complete([3, 1], &ledger)
        let second = send(&ledger)
        #expect(none == [] && second == [4, 5])
        let two = try complete([5, 4, 2], &ledger)
        #expect(two == [calls[1], calls[0]].map(ObjectIdentifier.init))
        let third = send(&ledger)
        let last = try complete(third, &ledger)
        #expect(third == [6] && last == [ObjectIdentifier(calls[2])])
        #expect(ledger.isIdle && ledger.entriesInFlight == 0 && ledger.payloadInFlight == 0)
    }

    @Test func `a call abandoned half-way is gone once its sent part is answered`() throws {
        var ledger = Ledger(welcome)
        let ticket = Ticket()
        let abandoned = call(5, ticket: ticket)
        ledger.enqueue(abandoned)
        let sent = send(&ledger)
        let begun = try complete([2], &ledger)
        #expect(sent == [1, 2, 3] && begun == [])
        let found = ledger.abandon(ticket)
        let more = send(&ledger)
        #expect(found === abandoned && more == [])
        #expect(!ledger.isIdle && ledger.entriesInFlight == 2)
        let ended = try complete([1, 3], &ledger)
        #expect(ended == [ObjectIdentifier(abandoned)])
        #expect(ledger.isIdle && ledger.entriesInFlight == 0 && ledger.payloadInFlight == 0)
    }

    @Test func `a call whose sent part was answered is gone as soon as it is abandoned`() throws {
        var ledger = Ledger(welcome)
        let ticket = Ticket()
        let abandoned = call(4, ticket: ticket)
        ledger.enqueue(abandoned)
        let ended = try complete(send(&ledger), &ledger)
        #expect(ended == [])
        let found = ledger.abandon(ticket)
        #expect(found === abandoned && ledger.isIdle)
        let again = ledger.abandon(ticket)
        #expect(again == nil)
    }

    @Test func `taking all gives each call once, also one sent in part`() {
        var ledger = Ledger(welcome)
        let calls = [call(1), call(4), call(1)]
        for call in calls { ledger.enqueue(call) }
        let sent = send(&ledger)
        let taken = ledger.takeAll()
        #expect(sent == [1, 2, 3] && taken.map(ObjectIdentifier.init) == calls.map(ObjectIdentifier.init))
        #expect(ledger.isIdle)
    }
}
