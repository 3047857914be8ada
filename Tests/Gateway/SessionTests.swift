import Foundation
import RingClient
import RingGateway
import RingLab
import RingProtocol
import TestSupport
import Testing

/// Sessions beside each other, and how they end.
@Suite struct SessionTests {
    private static let boardRule = [
        "{id: board, principals: [agent], devices: [board], read: true, write: true, commands: [TIOCGWINSZ]}"
    ]

    private func boardSite(_ board: borrowing Board) throws -> Site {
        try Site(
            devices: ["board: {path: \(board.path), profile: tty, open: read-write}"], rules: Self.boardRule)
    }

    @Test func sixteenClientsAtOnceGetTheirOwnAnswers() async throws {
        let site = try Site()
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    let connection = try await site.connect()
                    let device = try await connection.open("null")
                    var answered = 0
                    for _ in 0..<8 {
                        var batch = Batch()
                        for _ in 0..<256 { batch.command(device, SubOpcode(0), argument: []) }
                        answered += try await connection.submit(batch).filter { $0.result == 0 }.count
                    }
                    await connection.close()
                    return answered
                }
            }
            for try await answered in group { #expect(answered == 8 * 256) }
        }
        #expect(site.gateway.engineCounters.submittedRingEntries == 16 * 8 * 256)
        #expect(eventually { site.gateway.counters.open == 0 && site.gateway.engineCounters.openFiles == 0 })
    }

    @Test func aClientKilledMidCommandLeavesNothingBehind() throws {
        let board = try Board()
        let site = try boardSite(board)
        for _ in 0..<10 {
            let client = try site.greeted()
            try client.submit([.open("board", slot: 0, id: 1)])
            _ = try client.completions(1)
            try client.submit((0..<64).map { .read(4096, slot: 0, id: 2 + $0) })
            client.vanish()
        }
        #expect(eventually { site.gateway.counters.open == 0 })
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
    }

    @Test func aCloseCancelsWhatStillWaits() throws {
        let board = try Board()
        let site = try boardSite(board)
        let client = try site.greeted()
        try client.submit([.open("board", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit(
            (0..<8).map { .read(4096, slot: 0, id: 2 + $0) } + [RawEntry(.close, id: 20, slot: 0)])
        let completions = try client.completions(9)
        #expect(completions.last?.header.requestID.value == 20)
        #expect(completions.last?.header.result == 0)
        #expect(completions.filter { $0.header.result == -125 }.count >= 7)
    }

    @Test func aGoodbyeIsAnsweredAfterWhatIsOwed() throws {
        let site = try Site()
        let client = try site.greeted()
        try client.send(
            RawEntry.frame([.open("random", slot: 0, id: 1), RawEntry(.nop, id: 2)]) + Goodbye.done.encoded())
        #expect(Set(try client.completions(2).map(\.header.requestID.value)) == [1, 2])
        #expect(try client.frame()?.type == .goodbye)
        #expect(try client.frame() == nil)
        #expect(eventually { site.gateway.counters.open == 0 && site.gateway.engineCounters.openFiles == 0 })
    }

    @Test func aClientMayCloseItsSideRightAfterItsGoodbye() throws {
        let site = try Site()
        let client = try site.greeted()
        try client.send(
            RawEntry.frame([.open("random", slot: 0, id: 1), RawEntry(.nop, id: 2)]) + Goodbye.done.encoded())
        client.endWriting()
        #expect(Set(try client.completions(2).map(\.header.requestID.value)) == [1, 2])
        #expect(try client.frame()?.type == .goodbye)
        #expect(eventually { site.gateway.counters.open == 0 })
    }

    @Test func drainingMidLoadLosesNoCompletionOwed() async throws {
        let site = try Site()
        let connection = try await site.connect()
        let device = try await connection.open("null")
        var replies: [Reply] = []
        for round in 0..<200 {
            var batch = Batch()
            for _ in 0..<500 { batch.command(device, SubOpcode(0), argument: []) }
            if round == 100 { site.gateway.drain() }
            guard let answered = try? await connection.submit(batch) else { break }
            #expect(answered.count == 500)
            replies += answered
        }
        let ran = replies.filter { $0.result == 0 }.count
        #expect(ran >= 100 * 500)
        #expect(replies.allSatisfy { $0.result == 0 || $0.refusal?.reason == .draining })
        #expect(site.gateway.engineCounters.submittedRingEntries == ran, "nothing ran without being answered")
        site.gateway.wait()
    }

    @Test func drainingEndsAWaitingReadInOrder() throws {
        let board = try Board()
        var limits = GatewayLimits()
        limits.drainDeadline = 2_000_000_000
        let site = try Site(
            devices: ["board: {path: \(board.path), profile: tty, open: read-write}"], rules: Self.boardRule,
            limits: limits)
        let client = try site.greeted()
        try client.submit([.open("board", slot: 0, id: 1), .open("null", slot: 1, id: 2)])
        _ = try client.completions(2)
        // The board has written nothing but its banner: of these reads all but the first few wait.
        try client.submit((10..<30).map { .read(4096, slot: 0, id: $0) } + [RawEntry(.nop, id: 30)])
        var answers = try client.completions(1)
        site.gateway.drain()
        try client.submit([RawEntry(.command, id: 31, slot: 1), RawEntry(.close, id: 32, slot: 1)])
        answers += try client.completions(23 - answers.count)
        let results = Dictionary(
            uniqueKeysWithValues: answers.map { ($0.header.requestID.value, $0.header.result) })
        #expect(results[29] == -125, "what waited is cancelled")
        #expect(results[32] == 0, "a close is carried out")
        #expect([0, -108].contains(results[31]))
        #expect(try client.frame() == nil, "the session ends with close_notify")
        #expect(throws: RawClient.Failure.self) { try site.raw(site.agent) }
        site.gateway.wait()
    }

    @Test func aReaderThatTakesNothingIsPausedAndOthersAreNot() throws {
        let site = try Site()
        let greedy = try site.greeted()
        try greedy.submit([.open("random", slot: 0, id: 1)])
        _ = try greedy.completions(1)
        // More answers than sockets and high-water mark hold; the writes fit into what the kernel buffers.
        for round in 0..<40 {
            try greedy.submit((0..<4).map { .read(1 << 18, slot: 0, id: 10 + UInt64(round) * 4 + $0) })
        }
        let other = try site.greeted()
        try other.submit([.open("null", slot: 0, id: 1)])
        #expect(try other.completions(1)[0].header.result == 0)
        try other.submit([RawEntry(.command, id: 2, slot: 0)])
        #expect(try other.completions(1)[0].header.result == 0)
        // Nothing is lost once the reader reads again.
        let answers = try greedy.completions(160)
        #expect(Set(answers.map(\.header.requestID.value)) == Set(10..<170))
        #expect(answers.allSatisfy { $0.header.result == 1 << 18 || $0.refusal?.reason == .busy })
    }

    @Test func connectionsBeyondTheLimitAreClosed() throws {
        var limits = GatewayLimits()
        limits.sessions = 2
        let site = try Site(limits: limits)
        let first = try site.greeted()
        let second = try site.greeted()
        #expect(throws: RawClient.Failure.self) { try site.greeted() }
        try first.submit([RawEntry(.nop, id: 1)])
        try second.submit([RawEntry(.nop, id: 1)])
        #expect(try first.completions(1).count == 1)
        #expect(try second.completions(1).count == 1)
    }
}
