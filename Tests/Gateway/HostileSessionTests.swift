import Glibc
import RingGateway
import RingProtocol
import TestSupport
import Testing

/// An authenticated client that guesses: slots, ids, leases, tokens of another. Nothing it tries succeeds, and the other
/// notices nothing (T21).
@Suite(.timeLimit(.minutes(5))) struct HostileSessionTests {
    private func site(_ line: SerialLine) throws -> Site {
        try Site(
            devices: ["line: {path: \(line.path), profile: tty, open: read-write, lease: exclusive}"],
            rules: ["{id: line, principals: [agent], devices: [line], read: true, write: true}"])
    }

    @Test func guessingFindsNothing() throws {
        let line = try SerialLine()
        let site = try site(line)
        let victim = try site.raw(site.agent)
        let welcome = try victim.greet(.all)
        try victim.submit([.lease(.acquire, #"{"devices":["line"]}"#, id: 1), .open("line", slot: 7, id: 2)])
        #expect(try victim.completions(2).allSatisfy { $0.result == 0 })
        try victim.submit([.stream(64, credit: 64, slot: 7, id: 3)])
        let hostile = try site.greeted(.all)
        var id: UInt64 = 0
        var acknowledged: UInt64 = 0
        func tryAll(_ entries: [(UInt64) -> RawEntry]) throws {
            for start in stride(from: 0, to: entries.count, by: 500) {
                let batch = entries[start..<min(start + 500, entries.count)].map { make in
                    id += 1
                    return make(id)
                }
                try hostile.submit(batch)
                for completion in try hostile.completions(batch.count) {
                    #expect(completion.result < 0, "\(completion.header)")
                }
                acknowledged += UInt64(batch.count)
                try hostile.acknowledge(acknowledged)
            }
        }
        // All slots there can be, each in three ways.
        try tryAll(
            (0...UInt16.max).flatMap { slot -> [(UInt64) -> RawEntry] in
                [
                    { .read(1, slot: slot, id: $0) }, { .write("x", slot: slot, id: $0) },
                    { .close(slot: slot, id: $0) },
                ]
            })
        // Leases and streams by their numbers; those of others are as unknown as those that are not.
        try tryAll(
            (0..<1_000).flatMap { number -> [(UInt64) -> RawEntry] in
                [
                    { .lease(.release, "{\"lease\":\(number)}", id: $0) },
                    { .lease(.transfer, "{\"lease\":\(number),\"to\":\(welcome.session)}", id: $0) },
                    { .lease(.renew, "{\"lease\":\(number)}", id: $0) },
                    { .cancel(UInt64(number) << 40, id: $0) },
                    { .credit(1, stream: UInt64(number), id: $0) },
                ]
            })
        for guess in UInt64(0)..<50 {
            let thief = try site.raw(site.agent)
            let asked = Hello.Resumption(
                epoch: welcome.epoch, session: welcome.session,
                token: SessionToken(welcome.token.first, guess), received: 0)
            #expect(try thief.greet(.all, resumption: asked).resumption == .lost)
        }
        // The other has what it had.
        line.say("untouched")
        #expect(try victim.completions(1)[0].payload == Array("untouched".utf8))
        try victim.submit([.lease(.status, "", id: 4)])
        #expect(try victim.completions(1)[0].payload.count > 40)
    }

    @Test func triesAtRandomAreRefusedAndForgotten() throws {
        let site = try Site()
        let client = try site.greeted([.links, .cancel])
        var id: UInt64 = 0
        // As many as the credit takes at a time; the gateway keeps nothing of them.
        for _ in 0..<50 {
            let entries = (0..<1_000).map { _ in
                id += 1
                return RawEntry.command(UInt32.random(in: 1...UInt32.max), slot: .random(in: 0...63), id: id)
            }
            try client.submit(entries)
            #expect(try client.completions(1_000).allSatisfy { $0.refusal != nil })
        }
        #expect(site.gateway.engineCounters.submittedRingEntries == 0)
        #expect(site.gateway.engineCounters.submittedCalls == 0)
    }
}
