import RingLab
import RingPolicy
import RingProtocol
import TestSupport
import Testing

/// Bounds of rules hold for a session, bounds of devices for all sessions together.
@Suite struct LimitTests {
    private func site(
        _ board: borrowing Board, rule: UseLimits = UseLimits(), device: UseLimits = UseLimits(),
        lease: LeaseTerms.Mode = .none
    ) throws -> Site {
        var policy = SitePolicy()
        policy.devices.append(SitePolicy.terminal(board.path, lease: lease, limits: device))
        policy.rules.append(SitePolicy.rule("board", on: "board", [], read: 4096, limits: rule))
        return try Site(policy)
    }

    /// A client with the board in slot 0, whose banner has been read.
    private func client(_ site: Site) throws -> RawClient {
        let client = try site.greeted()
        try client.submit([.open("board", slot: 0, id: 1)])
        #expect(try client.completions(1)[0].header.result == 0)
        return client
    }

    /// Reads what the board says by itself; the read behind that waits and is not answered.
    private func waitForInput(_ client: RawClient) throws {
        var text = ""
        var id: UInt64 = 100
        while !text.hasSuffix("board> ") {
            try client.submit([.read(4096, slot: 0, id: id)])
            text += String(decoding: try client.completions(1)[0].payload, as: UTF8.self)
            id += 1
        }
        try client.submit([.read(4096, slot: 0, id: id), RawEntry(.nop, id: id + 1)])
        #expect(try client.completions(1)[0].header.requestID.value == id + 1)
    }

    @Test func aRuleBoundsWhatASessionHasInFlight() throws {
        let board = try Board()
        let site = try site(board, rule: UseLimits(inFlight: 4))
        let client = try client(site)
        try client.submit([.open("board", slot: 1, id: 2)])
        #expect(try client.completions(1)[0].header.result == 0)
        // Over both slots: opening a device twice does not double what its rule allows.
        try client.submit(
            (0..<4).map { .read(4096, slot: UInt16($0 % 2), id: 10 + $0) }
                + (0..<3).map { .read(4096, slot: UInt16($0 % 2), id: 20 + $0) })
        var refusals: [Refusal] = []
        while refusals.count < 3 {
            refusals += try client.completions(1).compactMap(\.refusal)
        }
        for refusal in refusals {
            #expect(refusal.reason == .busy)
            #expect(refusal.rule == "board")
            #expect(refusal.text.contains("4 entries are unanswered"))
        }
        // What has come back makes room.
        try client.submit([RawEntry(.close, id: 30, slot: 0), RawEntry(.close, id: 31, slot: 1)])
        var closed = 0
        while closed < 2 {
            closed += try client.completions(1).filter { $0.header.requestID.value >= 30 }.count
        }
        try client.submit([.open("board", slot: 0, id: 40)])
        _ = try client.completions(1)
        try client.submit([.read(4096, slot: 0, id: 41), RawEntry(.close, id: 42, slot: 0)])
        #expect(try client.completions(2).allSatisfy { $0.refusal == nil })
    }

    @Test func aRuleBoundsHowOften() throws {
        var policy = SitePolicy()
        policy.rules = [
            SitePolicy.rule("null", on: "null", [SitePolicy.nothing], limits: UseLimits(rate: 5))
        ]
        let site = try Site(policy)
        let client = try site.greeted()
        try client.submit([.open("null", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit((0..<20).map { RawEntry(.command, id: 10 + $0, slot: 0) })
        let answers = try client.completions(20)
        #expect(answers.filter { $0.header.result == 0 }.count == 5)
        #expect(answers.filter { $0.refusal?.reason == .busy && $0.refusal?.rule == "null" }.count == 15)
        // Another session has a budget of its own, and this one's comes back.
        let other = try site.greeted()
        try other.submit([.open("null", slot: 0, id: 1)])
        _ = try other.completions(1)
        try other.submit([RawEntry(.command, id: 2, slot: 0)])
        #expect(try other.completions(1)[0].header.result == 0)
        var id: UInt64 = 100
        #expect(
            eventually {
                id += 1
                try? client.submit([RawEntry(.command, id: id, slot: 0)])
                return (try? client.completions(1)[0].header.result) == 0
            })
    }

    @Test func aDeviceBoundsAllItsSessionsTogether() throws {
        let board = try Board()
        let site = try site(board, device: UseLimits(inFlight: 1))
        let first = try client(site)
        try waitForInput(first)
        let second = try client(site)
        try second.submit([.read(4096, slot: 0, id: 2)])
        let refusal = try second.completions(1)[0].refusal
        #expect(refusal?.reason == .busy)
        #expect(refusal?.text.contains("`board`") == true)
        // A session that vanishes gives its share back once its files are closed.
        first.vanish()
        #expect(eventually { site.gateway.engineCounters.openFiles == 1 })
        try second.submit([.read(4096, slot: 0, id: 3), RawEntry(.close, id: 4, slot: 0)])
        #expect(try second.completions(2).allSatisfy { $0.refusal == nil })
    }

    @Test func anExclusiveDeviceHasOneSession() throws {
        let board = try Board()
        let site = try site(board, lease: .exclusive)
        let first = try client(site)
        try first.submit([.open("board", slot: 1, id: 2)])
        #expect(try first.completions(1)[0].header.result == 0, "the same session may open it again")
        let second = try site.greeted()
        try second.submit([.open("board", slot: 0, id: 1)])
        let refusal = try second.completions(1)[0].refusal
        #expect(refusal?.reason == .busy)
        #expect(refusal?.text.contains("is held by session") == true)
        try first.submit([RawEntry(.close, id: 3, slot: 0), RawEntry(.close, id: 4, slot: 1)])
        _ = try first.completions(2)
        try second.submit([.open("board", slot: 0, id: 2)])
        #expect(try second.completions(1)[0].header.result == 0)
        second.vanish()
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
        try first.submit([.open("board", slot: 0, id: 5)])
        #expect(try first.completions(1)[0].header.result == 0)
    }
}
