import Foundation
import Glibc
import RingGateway
import RingProtocol
import TestSupport
import Testing

/// Streams of reads and polls, as a raw client sees them.
@Suite(.timeLimit(.minutes(5))) struct StreamTests {
    private func site(_ line: SerialLine) throws -> Site {
        try Site(
            devices: ["line: {path: \(line.path), profile: tty, open: read-write}"],
            rules: ["{id: line, principals: [agent], devices: [line], read: true, write: true}"])
    }

    private func text(_ completions: [RawCompletion]) -> String {
        completions.map { String(decoding: $0.payload, as: UTF8.self) }.joined()
    }

    @Test func eventsComeAsLongAsThereIsCredit() throws {
        let line = try SerialLine()
        let site = try site(line)
        let client = try site.greeted(.all)
        try client.submit([.open("line", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit([.stream(4, credit: 2, slot: 0, id: 2)])
        line.say("abcdefghijkl")
        let first = try client.completions(2)
        #expect(first.allSatisfy { $0.id == 2 && $0.isEvent && $0.result == 4 })
        #expect(text(first) == "abcdefgh")
        #expect(first[0].header.deviceTime > 0 && first[0].header.deviceTime <= first[1].header.deviceTime)
        // It rests: what is left stays in the device.
        try client.submit([.nop(3)])
        #expect(try client.completions(1)[0].id == 3)
        try client.submit([.credit(5, stream: 2, id: 4)])
        let more = try client.completions(2)
        #expect(more.map(\.id) == [4, 2] && text(more) == "ijkl")
        line.say("m")
        #expect(text(try client.completions(1)) == "m")
        try client.submit([.cancel(2, id: 5)])
        let ends = try client.completions(2)
        #expect(ends.map(\.id) == [2, 5] && ends.map(\.result) == [-ECANCELED, 0])
        #expect(!ends[0].isEvent)
        try client.submit([.credit(1, stream: 2, id: 6)])
        #expect(try client.completions(1)[0].result == -ENOENT)
    }

    @Test func aRestingStreamIsCancelledToo() throws {
        let line = try SerialLine()
        let site = try site(line)
        let client = try site.greeted(.all)
        try client.submit([.open("line", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit([.stream(1, credit: 1, slot: 0, id: 2)])
        line.say("ab")
        _ = try client.completions(1)
        try client.submit([.cancel(2, id: 3)])
        #expect(try client.completions(2).map(\.id) == [2, 3])
        // And one whose slot is closed, before the close is answered.
        try client.submit([.stream(1, credit: 1, slot: 0, id: 4)])
        _ = try client.completions(1)
        try client.submit([.close(slot: 0, id: 5)])
        let ends = try client.completions(2)
        #expect(ends.map(\.id) == [4, 5] && ends.map(\.result) == [-ECANCELED, 0])
    }

    @Test func aHangUpEndsAStream() throws {
        var line: SerialLine? = try SerialLine()
        let site = try site(try #require(line))
        let client = try site.greeted(.all)
        try client.submit([.open("line", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit([.stream(16, credit: 9, slot: 0, id: 2)])
        line = nil
        let end = try client.completions(1)[0]
        #expect(!end.isEvent && (end.result == 0 || end.result == -EIO))
    }

    @Test func theCreditCountsAsPayload() throws {
        let line = try SerialLine()
        let site = try site(line)
        let client = try site.greeted(.all)
        try client.submit([.open("line", slot: 0, id: 1)])
        _ = try client.completions(1)
        // 4 MiB is all; the policy allows the length.
        try client.submit([
            .stream(4_096, credit: 1_000, slot: 0, id: 2), .stream(4_096, credit: 1_000, slot: 0, id: 3),
        ])
        #expect(try client.completions(1)[0].refusal?.reason == .busy)
        try client.submit([.cancel(2, id: 4)])
        _ = try client.completions(2)
        try client.submit([.stream(4_096, credit: 1_000, slot: 0, id: 5), .nop(6)])
        #expect(try client.completions(1)[0].id == 6)
        try client.submit([.credit(4_000, stream: 5, id: 7)])
        #expect(try client.completions(1)[0].refusal?.reason == .busy)
    }

    @Test func wrongCreditsAreRefused() throws {
        let line = try SerialLine()
        let site = try site(line)
        let client = try site.greeted(.all)
        try client.submit([.open("line", slot: 0, id: 1)])
        _ = try client.completions(1)
        let zero = RawEntry.stream(4, credit: 0, slot: 0, id: 2)
        var without = RawEntry.stream(4, credit: 1, slot: 0, id: 3)
        without.flags = 0
        var at = RawEntry.stream(4, credit: 1, slot: 0, id: 4)
        at.offset = 0
        try client.submit([
            zero, without, at, .stream(4, credit: 4_097, slot: 0, id: 5),
            .credit(0, stream: 1, id: 6), .credit(4_097, stream: 1, id: 7),
            RawEntry.nop(8).linked(.multishot), .close(slot: 0, id: 9).linked(.multishot),
        ])
        #expect(try client.completions(8).allSatisfy { $0.refusal?.reason == .shape })
    }

    @Test func aStreamGoesOnOverALostConnection() throws {
        let line = try SerialLine()
        let site = try site(line)
        let first = try site.raw(site.agent)
        let welcome = try first.greet(.all)
        try first.submit([.open("line", slot: 0, id: 1)])
        _ = try first.completions(1)
        try first.submit([.stream(100, credit: 100, slot: 0, id: 2)])
        line.say("before ")
        _ = try first.completions(1)
        first.vanish()
        line.say("between")
        let second = try site.raw(site.agent)
        let resumption = Hello.Resumption(
            epoch: welcome.epoch, session: welcome.session, token: welcome.token, received: 2)
        #expect(try second.greet(.all, resumption: resumption).resumption == .resumed)
        line.say(" after")
        var heard = ""
        while heard.count < 13 { heard += text(try second.completions(1)) }
        #expect(heard == "between after")
    }

    @Test func whoDoesNotReadStopsItsOwnStreamsAlone() throws {
        let site = try Site(
            devices: ["urandom: {path: /dev/urandom, profile: random}"],
            rules: ["{id: urandom, principals: [agent], devices: [urandom], read: true}"])
        let lazy = try site.greeted(.all)
        try lazy.submit([.open("urandom", slot: 0, id: 1)])
        _ = try lazy.completions(1)
        try lazy.submit([.stream(900, credit: 4_096, slot: 0, id: 2)])
        let busy = try site.greeted(.all)
        for id in 1...200 {
            try busy.submit([.nop(UInt64(id))])
            #expect(try busy.completions(1)[0].result == 0)
            try busy.acknowledge(UInt64(id))
        }
        // All of it is there once it reads, in order and complete.
        #expect(try lazy.completions(4_096).allSatisfy { $0.isEvent && $0.payload.count == 900 })
    }

    @Test func aReaderThatComesBackFindsItsStreamGoingOn() throws {
        let site = try Site(
            devices: ["urandom: {path: /dev/urandom, profile: random}"],
            rules: ["{id: urandom, principals: [agent], devices: [urandom], read: true}"])
        // Without resume, events give their charge back when they are written, read or not.
        let client = try site.greeted([.streams])
        try client.submit([.open("urandom", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit([.stream(4_096, credit: 900, slot: 0, id: 2)])
        for id in 3...30 {
            try client.submit([.credit(100, stream: 2, id: UInt64(id))])
            Thread.sleep(forTimeInterval: 0.01)
        }
        // Far more than sockets hold: the gateway has let the stream rest.
        var (events, expected, answers) = (0, 900, 0)
        while answers < 28 || events < expected {
            let completion = try client.completions(1)[0]
            if completion.id == 2 {
                events += 1
                #expect(completion.payload.count == 4_096)
            } else {
                answers += 1
                if completion.result == 0 { expected += 100 }
            }
        }
        #expect(events == expected)
    }

    // MARK: Polls

    @Test func aPollTellsOnceWhatThereIs() throws {
        let line = try SerialLine()
        let site = try site(line)
        let client = try site.greeted(.all)
        try client.submit([.open("line", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit([RawEntry(.poll, id: 2, code: PollEvents.writable.rawValue)])
        #expect(try client.completions(1)[0].result == 4)
        try client.submit([RawEntry(.poll, id: 3, code: PollEvents.readable.rawValue)])
        line.say("x")
        #expect(try client.completions(1)[0].result == 1)
        try client.submit([RawEntry(.poll, id: 4, code: PollEvents.priority.rawValue).within(20)])
        #expect(try client.completions(1)[0].result == -ETIME)
        try client.submit([RawEntry(.poll, id: 5), RawEntry(.poll, id: 6, code: 0x8000)])
        #expect(try client.completions(2).allSatisfy { $0.refusal?.reason == .shape })
    }

    @Test func aPollStreamCountsWhatItDropped() throws {
        let line = try SerialLine()
        let site = try site(line)
        let client = try site.greeted(.all)
        try client.submit([.open("line", slot: 0, id: 1)])
        _ = try client.completions(1)
        var poll = RawEntry(
            .poll, id: 2, code: PollEvents.readable.rawValue, argument: [0, 0, 0, 0, 1, 0, 0, 0])
        poll.flags = EntryFlags.multishot.rawValue
        try client.submit([poll])
        line.say("1")
        let event = try client.completions(1)[0]
        #expect(event.isEvent && event.result == 1)
        for index in 2...6 {
            line.say("\(index)")
            Thread.sleep(forTimeInterval: 0.05)
        }
        try client.submit([.credit(2, stream: 2, id: 3)])
        let next = try client.completions(2)
        #expect(next[0].id == 3 && next[0].result == 0)
        #expect(next[1].id == 2 && (next[1].lost ?? 0) > 0)
        try client.submit([.close(slot: 0, id: 4)])
        #expect(try client.completions(2).map(\.id) == [2, 4])
    }

    @Test func readingNeedsTheRight() throws {
        let line = try SerialLine()
        let site = try Site(
            devices: ["line: {path: \(line.path), profile: tty, open: read-write}"],
            rules: ["{id: line, principals: [agent], devices: [line], write: true}"])
        let client = try site.greeted(.all)
        try client.submit([.open("line", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit([
            .stream(4, credit: 2, slot: 0, id: 2), RawEntry(.poll, id: 3, code: 1),
            RawEntry(.poll, id: 4, code: 5), RawEntry(.poll, id: 5, code: 4),
        ])
        #expect(try client.completions(4).map(\.result) == [-EACCES, -EACCES, -EACCES, 4])
    }
}
