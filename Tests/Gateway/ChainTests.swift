import Foundation
import Glibc
import RingLab
import RingProtocol
import TestSupport
import Testing

/// Chains, drains and delays, as a raw client sees them.
@Suite(.timeLimit(.minutes(5))) struct ChainTests {
    private func results(_ completions: [RawCompletion]) -> [Int32] { completions.map(\.result) }

    @Test func aHundredCommandsAreOneRoundTripAndRunInOrder() throws {
        let site = try Site()
        let client = try site.greeted(.all)
        var entries = [RawEntry.open("null", slot: 0, id: 1).linked()]
        entries += (2...100).map { RawEntry.command(id: $0).linked() }
        entries.append(.close(slot: 0, id: 101))
        try client.submit(entries)
        let completions = try client.completions(101)
        #expect(completions.map(\.id) == Array(1...101))
        #expect(completions.allSatisfy { $0.result == 0 })
        #expect(site.gateway.engineCounters.submittedRingEntries == 99)
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
    }

    @Test func afterAFailureTheRestIsCancelled() throws {
        let site = try Site()
        let client = try site.greeted(.all)
        try client.submit([
            .nop(1).linked(), .open("absent", slot: 0, id: 2).linked(), .nop(3).linked(), .nop(4),
        ])
        let completions = try client.completions(4)
        #expect(completions.map(\.id) == [1, 2, 3, 4])
        #expect(results(completions) == [0, -ENOENT, -ECANCELED, -ECANCELED])
        #expect(completions[2].payload.isEmpty)
    }

    @Test func hardLinksGoOnAfterAFailure() throws {
        let site = try Site()
        let client = try site.greeted(.all)
        try client.submit([
            .open("absent", slot: 0, id: 1).linked(.hardlink), .nop(2).linked(), .nop(3),
        ])
        #expect(results(try client.completions(3)) == [-ENOENT, 0, 0])
    }

    @Test func oneDeniedElementAndNothingRuns() throws {
        let site = try Site()
        let client = try site.greeted(.all)
        try client.submit([.open("null", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit([
            .command(id: 2).linked(), .command(0x5412, id: 3).linked(), .command(id: 4),
        ])
        let completions = try client.completions(3)
        #expect(results(completions) == [-ECANCELED, -EACCES, -ECANCELED])
        #expect(completions[1].refusal?.reason == .never)
        #expect(site.gateway.engineCounters.submittedRingEntries == 0)
        // Not even the open before it.
        try client.submit([.open("random", slot: 1, id: 5).linked(), .open("private", slot: 2, id: 6)])
        #expect(results(try client.completions(2)) == [-ECANCELED, -EACCES])
        try client.submit([.command(slot: 1, id: 7)])
        #expect(try client.completions(1)[0].refusal?.reason == .slotNotOpen)
    }

    @Test func filesOpenedInTheChainCountForItsLaterElements() throws {
        let site = try Site()
        let client = try site.greeted(.all)
        // Closed twice: known before anything runs.
        try client.submit([
            .open("null", slot: 3, id: 1).linked(), .close(slot: 3, id: 2).linked(), .close(slot: 3, id: 3),
        ])
        let refused = try client.completions(3)
        #expect(results(refused) == [-ECANCELED, -ECANCELED, -EBADF])
        // The right on the device that the chain opens decides.
        try client.submit([.open("random", slot: 3, id: 4).linked(), .command(slot: 3, id: 5)])
        #expect(try client.completions(2).map(\.result) == [-ECANCELED, -EACCES])
    }

    @Test func delaysAreTheGatewaysOwn() throws {
        let board = try Board()
        let site = try Site(
            devices: ["board: {path: \(board.path), profile: tty, open: read-write}"],
            rules: ["{id: board, principals: [agent], devices: [board], write: true, commands: [TIOCGWINSZ]}"]
        )
        let client = try site.greeted(.all)
        let start = DispatchTime.now().uptimeNanoseconds
        // A ring, a clock, a worker, a clock, a ring.
        try client.submit([
            .open("board", slot: 0, id: 1).linked(), .write("1", id: 2).linked(),
            .delay(milliseconds: 20, id: 3).linked(),
            RawEntry(.command, id: 4, code: 0x5413).linked(), .delay(milliseconds: 20, id: 5).linked(),
            .write("0", id: 6),
        ])
        let completions = try client.completions(6)
        #expect(completions.map(\.id) == Array(1...6))
        #expect(results(completions) == [0, 1, 0, 0, 0, 1])
        #expect(DispatchTime.now().uptimeNanoseconds - start >= 40_000_000)
    }

    @Test func aShortTransferBreaksALink() throws {
        let board = try Board()
        let site = try Site(
            devices: ["board: {path: \(board.path), profile: tty, open: read-write}"],
            rules: ["{id: board, principals: [agent], devices: [board], read: true, write: true}"])
        let client = try site.greeted(.all)
        try client.submit([.open("board", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit([
            .write("uname\n", id: 2).linked(), .read(4_096, slot: 0, id: 3).linked(), .nop(4),
        ])
        let completions = try client.completions(3)
        #expect(completions[0].result == 6)
        #expect(completions[1].result > 0 && completions[1].result < 4_096)
        #expect(completions[2].result == -ECANCELED)
    }

    @Test func successesMayBeSkipped() throws {
        let site = try Site()
        let client = try site.greeted(.all)
        try client.submit([
            .nop(1).linked([.link, .skipSuccess]), .nop(2).linked([.link, .skipSuccess]), .nop(3),
            .open("absent", slot: 0, id: 4).linked([.link, .skipSuccess]),
            .nop(5).linked([.link, .skipSuccess]), .nop(6),
        ])
        let completions = try client.completions(4)
        #expect(completions.map(\.id) == [3, 4, 5, 6])
        #expect(results(completions) == [0, -ENOENT, -ECANCELED, -ECANCELED])
        // Alone, or as the last, it would leave the client without an answer.
        try client.submit([.nop(7).linked(.skipSuccess)])
        #expect(try client.completions(1)[0].refusal?.reason == .shape)
    }

    // MARK: Drains

    @Test func aDrainWaitsForAllBeforeItAndHoldsAllBehind() throws {
        let site = try Site()
        let client = try site.greeted(.all)
        try client.submit([
            .delay(milliseconds: 30, id: 1), .nop(2).linked(.drain), .nop(3),
            .nop(4).linked([.link, .drain]), .nop(5),
        ])
        try client.submit([.nop(6)])
        #expect(try client.completions(6).map(\.id) == [1, 2, 3, 4, 5, 6])
    }

    @Test func withoutADrainNothingIsHeld() throws {
        let site = try Site()
        let client = try site.greeted(.all)
        try client.submit([.delay(milliseconds: 50, id: 1), .nop(2)])
        #expect(try client.completions(2).map(\.id) == [2, 1])
    }

    @Test func whatWaitsIsChargedAndRefusedWhole() throws {
        let site = try Site()
        let client = try site.greeted(.all)
        try client.submit([.delay(milliseconds: 300, id: 1), .nop(2).linked(.drain)])
        let big = [UInt8](repeating: 0, count: Limits.payload)
        for id in 3...7 {
            try client.submit([RawEntry(.write, id: UInt64(id), argument: big)])
        }
        let completions = try client.completions(7)
        #expect(completions[0].id == 7)
        #expect(completions[0].refusal?.reason == .busy)
        #expect(completions.map(\.id).sorted() == Array(1...7))
    }

    // MARK: Broken ones

    @Test func aChainThatDoesNotEndInItsFrameEndsTheSession() throws {
        let site = try Site()
        let client = try site.greeted(.all)
        try client.submit([.nop(1), .nop(2).linked()])
        let error = try client.ending()
        #expect(error?.code == .malformed && error?.rule == 34)
    }

    @Test func flagsWithoutTheirFeatureEndTheSession() throws {
        let site = try Site()
        let client = try site.greeted([])
        try client.submit([.nop(1).linked(), .nop(2)])
        #expect(try client.ending()?.rule == 13)
        let second = try site.greeted([])
        try second.submit([.delay(milliseconds: 1, id: 1)])
        #expect(try second.completions(1)[0].refusal?.reason == .unsupported)
    }

    @Test func aSessionThatEndsTakesItsChainsWithIt() throws {
        let site = try Site()
        for _ in 0..<20 {
            let client = try site.greeted([.links])
            try client.submit(
                [.open("null", slot: 0, id: 1).linked(), .delay(milliseconds: 10_000, id: 2).linked()]
                    + (3...200).map { RawEntry.command(id: $0).linked() } + [.nop(201)])
            _ = try client.completions(1)
            client.vanish()
        }
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 && site.gateway.counters.open == 0 })
        #expect(site.gateway.engineCounters.submittedRingEntries == 0)
    }
}
