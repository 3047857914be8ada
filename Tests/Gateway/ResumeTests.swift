import Foundation
import Glibc
import RingGateway
import RingProtocol
import TestSupport
import Testing

/// Sessions that outlive their connections, as a raw client sees them.
@Suite(.timeLimit(.minutes(5))) struct ResumeTests {
    private func resumption(_ welcome: Welcome, received: UInt64) -> Hello.Resumption {
        Hello.Resumption(
            epoch: welcome.epoch, session: welcome.session, token: welcome.token, received: received)
    }

    /// A site whose sessions wait so many milliseconds.
    private func site(graceMilliseconds: UInt64) throws -> Site {
        var limits = GatewayLimits()
        limits.resumeGrace = graceMilliseconds * 1_000_000
        return try Site(limits: limits)
    }

    @Test func whatWasNotReceivedIsSaidAgain() throws {
        let site = try Site()
        let first = try site.raw(site.agent)
        let welcome = try first.greet(.all)
        #expect(welcome.resumption == .fresh && welcome.grace == 30_000)
        try first.submit([.open("null", slot: 4, id: 1), .nop(2), .nop(3)])
        _ = try first.completions(3)
        first.vanish()
        // It has seen one of the three, so it says.
        let second = try site.raw(site.agent)
        let again = try second.greet(.all, resumption: resumption(welcome, received: 1))
        #expect(again.resumption == .resumed)
        #expect(again.session == welcome.session && again.lastRequestID == RequestID(3))
        #expect(try second.completions(2).map(\.id) == [3, 1])
        // The files are as they were.
        try second.submit([.command(slot: 4, id: 4)])
        #expect(try second.completions(1)[0].result == 0)
    }

    @Test func aRowIsSaidAgainEntryByEntry() throws {
        let site = try Site()
        let first = try site.raw(site.agent)
        let welcome = try first.greet(.all)
        try first.submit([.open("null", slot: 0, id: 1)])
        _ = try first.completions(1)
        try first.submit((2...301).map { .command(id: $0) })
        #expect(try first.completions(300).map(\.id) == Array(2...301))
        first.vanish()
        let second = try site.raw(site.agent)
        _ = try second.greet(.all, resumption: resumption(welcome, received: 151))
        let again = try second.completions(150)
        #expect(again.map(\.id) == Array(152...301) && again.allSatisfy { $0.result == 0 })
        // And the credit of what was acknowledged is there again.
        try second.submit((302...400).map { .command(id: $0) })
        #expect(try second.completions(99).map(\.id) == Array(302...400))
    }

    @Test func whatEndsMeanwhileIsAnsweredLater() throws {
        let site = try Site()
        let first = try site.raw(site.agent)
        let welcome = try first.greet(.all)
        try first.submit([
            .open("null", slot: 0, id: 1).linked(), .delay(milliseconds: 200, id: 2).linked(),
            .command(id: 3),
        ])
        _ = try first.completions(1)
        first.vanish()
        #expect(eventually { site.gateway.engineCounters.submittedRingEntries == 1 })
        let second = try site.raw(site.agent)
        let again = try second.greet(.all, resumption: resumption(welcome, received: 1))
        #expect(again.resumption == .resumed)
        #expect(try second.completions(2).map(\.id) == [2, 3])
    }

    @Test func idsGoOnWhereTheyWere() throws {
        let site = try Site()
        let first = try site.raw(site.agent)
        let welcome = try first.greet(.all)
        try first.submit([.nop(10)])
        _ = try first.completions(1)
        first.vanish()
        let second = try site.raw(site.agent)
        _ = try second.greet(.all, resumption: resumption(welcome, received: 1))
        // A replayed frame is not run again; it ends the session.
        try second.submit([.nop(10)])
        let error = try second.ending()
        #expect(error?.code == .requestID && error?.rule == 14)
        // And a session that ended for cause is gone.
        let third = try site.raw(site.agent)
        #expect(try third.greet(.all, resumption: resumption(welcome, received: 1)).resumption == .lost)
    }

    @Test func nobodyElseGetsIt() throws {
        let site = try Site()
        let first = try site.raw(site.agent)
        let welcome = try first.greet(.all)
        try first.submit([.open("null", slot: 0, id: 1)])
        _ = try first.completions(1)
        first.vanish()
        let right = resumption(welcome, received: 1)
        let wrong = [
            Hello.Resumption(
                epoch: right.epoch &+ 1, session: right.session, token: right.token, received: 1),
            Hello.Resumption(
                epoch: right.epoch, session: right.session &+ 1, token: right.token, received: 1),
            Hello.Resumption(
                epoch: right.epoch, session: right.session,
                token: SessionToken(right.token.first ^ 1, right.token.second), received: 1),
            Hello.Resumption(
                epoch: right.epoch, session: right.session, token: right.token, received: 2),
        ]
        for asked in wrong {
            let client = try site.raw(site.agent)
            let answer = try client.greet(.all, resumption: asked)
            #expect(answer.resumption == .lost)
            #expect(answer.session != welcome.session && answer.lastRequestID == RequestID(0))
        }
        // The same name, another key: not the one who had it.
        let impostor = try site.certificates.client(uri: Site.agentURI)
        let client = try site.raw(impostor)
        #expect(try client.greet(.all, resumption: right).resumption == .lost)
        // All that has not hurt the one who has.
        let owner = try site.raw(site.agent)
        #expect(try owner.greet(.all, resumption: right).resumption == .resumed)
    }

    @Test func theOldConnectionIsCutWhenItsClientIsBack() throws {
        let site = try Site()
        let first = try site.raw(site.agent)
        let welcome = try first.greet(.all)
        try first.submit([.nop(1)])
        _ = try first.completions(1)
        let second = try site.raw(site.agent)
        let again = try second.greet(.all, resumption: resumption(welcome, received: 1))
        #expect(again.resumption == .resumed)
        #expect(throws: (any Error).self) {
            try first.submit([.nop(2)])
            while try first.frame() != nil {}
            throw RawClient.Failure(step: "end", reason: "close_notify")
        }
        try second.submit([.nop(2)])
        #expect(try second.completions(1)[0].id == 2)
    }

    @Test func afterTheGraceItIsOver() throws {
        let site = try site(graceMilliseconds: 300)
        let first = try site.raw(site.agent)
        let welcome = try first.greet(.all)
        try first.submit([.open("null", slot: 0, id: 1)])
        _ = try first.completions(1)
        #expect(site.gateway.engineCounters.openFiles == 1)
        first.vanish()
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
        let second = try site.raw(site.agent)
        #expect(try second.greet(.all, resumption: resumption(welcome, received: 1)).resumption == .lost)
    }

    @Test func withoutTheFeatureItIsOverAtOnce() throws {
        let site = try Site()
        let first = try site.raw(site.agent)
        let welcome = try first.greet([.links])
        #expect(welcome.features == [.links])
        try first.submit([.open("null", slot: 0, id: 1)])
        _ = try first.completions(1)
        first.vanish()
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
    }

    @Test func aGoodbyeIsForGood() throws {
        let site = try Site()
        let first = try site.raw(site.agent)
        let welcome = try first.greet(.all)
        try first.submit([.nop(1)])
        try first.send(Goodbye.done.encoded())
        _ = try first.completions(1)
        while try first.frame() != nil {}
        let second = try site.raw(site.agent)
        #expect(try second.greet(.all, resumption: resumption(welcome, received: 1)).resumption == .lost)
    }

    // MARK: Acknowledging

    @Test func whatIsNotAcknowledgedCountsAgainstTheCredit() throws {
        let site = try Site()
        let client = try site.greeted(.all)
        try client.submit((1...UInt64(Limits.inFlight)).map { .nop($0) })
        _ = try client.completions(Limits.inFlight)
        try client.acknowledge(24)
        try client.submit((2_001...2_024).map { .nop($0) })
        _ = try client.completions(24)
        try client.submit([.nop(3_000)])
        #expect(try client.ending()?.rule == 17)
    }

    @Test(arguments: [UInt64(4), .max, 1])
    func impossibleAcknowledgementsEndTheSession(_ number: UInt64) throws {
        let site = try Site()
        let client = try site.greeted(.all)
        try client.submit([.nop(1), .nop(2), .nop(3)])
        _ = try client.completions(3)
        try client.acknowledge(2)
        try client.acknowledge(number)
        let error = try client.ending()
        #expect(error?.code == .malformed && error?.rule == 36)
    }

    @Test func answersOfTheGatewaysOwnAreCountedToo() throws {
        let site = try Site()
        let client = try site.greeted(.all)
        // Each answer is kept until it is acknowledged; the budget bounds them.
        var next: UInt64 = 1
        var busy = false
        while next < 1_000, !busy {
            try client.submit([RawEntry(.describe, id: next, argument: Array("random".utf8))])
            busy = try client.completions(1)[0].refusal?.reason == .busy
            next += 1
        }
        try client.acknowledge(next - 1)
        try client.submit([RawEntry(.describe, id: next, argument: Array("random".utf8))])
        #expect(try client.completions(1)[0].result == 0)
    }

    @Test func manyLostSessionsMakeRoomForNewOnes() throws {
        var limits = GatewayLimits()
        limits.sessions = 8
        let site = try Site(limits: limits)
        for _ in 0..<40 {
            let client = try site.greeted(.all)
            try client.submit([.open("null", slot: 0, id: 1)])
            #expect(try client.completions(1)[0].result == 0)
            client.vanish()
            #expect(eventually { site.gateway.counters.open == 0 })
        }
        #expect(eventually { site.gateway.engineCounters.openFiles <= 8 })
    }
}
