import Foundation
import RingClient
import RingLab
import RingPolicy
import RingProtocol
import TestSupport
import Testing

/// Another policy takes the place of the one in force for everybody at once, and touches nothing that is
/// still allowed.
@Suite struct PolicySwapTests {
    private func results(_ client: RawClient, _ count: Int) throws -> [UInt64: RawCompletion] {
        Dictionary(
            uniqueKeysWithValues: try client.completions(count).map { ($0.header.requestID.value, $0) })
    }

    @Test func aRemovedRuleClosesItsSlotAndNothingElse() throws {
        let site = try Site(SitePolicy())
        let client = try site.greeted()
        try client.submit([.open("null", slot: 0, id: 1), .open("random", slot: 1, id: 2)])
        _ = try client.completions(2)
        try site.apply(SitePolicy(number: 2, rules: [SitePolicy.nullRule]))
        try client.submit([
            RawEntry(.command, id: 3, slot: 0),
            RawEntry(.command, id: 4, slot: 1, code: 0x8004_5200),
            RawEntry(.close, id: 5, slot: 1), .open("random", slot: 2, id: 6),
        ])
        let answers = try results(client, 4)
        #expect(answers[3]?.header.result == 0)
        for id in [UInt64(4), 5] {
            #expect(answers[id]?.refusal?.reason == .slotNotOpen)
            #expect(answers[id]?.refusal?.text == "slot 1 was closed because the policy changed")
        }
        #expect(answers[6]?.refusal?.reason == .noRule)
        #expect(eventually { site.gateway.engineCounters.openFiles == 1 })
        try client.submit([.open("null", slot: 1, id: 7)])
        #expect(try client.completions(1)[0].header.result == 0, "the slot is free")
    }

    @Test func aRuleThatStaysKeepsItsSlotUnderTheNewConditions() throws {
        let site = try Site(SitePolicy())
        let client = try site.greeted()
        try client.submit([.open("null", slot: 0, id: 1)])
        _ = try client.completions(1)
        let narrow = SitePolicy.rule("narrow", on: "null", [SitePolicy.another])
        try site.apply(SitePolicy(number: 2, rules: [narrow]))
        try client.submit([RawEntry(.command, id: 2, slot: 0), RawEntry(.command, id: 3, slot: 0, code: 1)])
        let answers = try results(client, 2)
        #expect(answers[2]?.refusal?.reason == .noRule)
        #expect(answers[3]?.header.result == 0)
        #expect(site.gateway.engineCounters.submittedOpens == 1, "nothing was opened again")
    }

    @Test func anotherFileUnderTheSameNameIsNotTheSameDevice() throws {
        let site = try Site(SitePolicy())
        let client = try site.greeted()
        try client.submit([.open("null", slot: 0, id: 1)])
        _ = try client.completions(1)
        var moved = SitePolicy(number: 2)
        moved.devices = [
            Device(
                name: "null", path: "/dev/zero", kind: .character, access: .readOnly,
                profile: SitePolicy.null.profile)
        ]
        moved.rules = [SitePolicy.nullRule]
        try site.apply(moved)
        try client.submit([RawEntry(.command, id: 2, slot: 0)])
        #expect(try client.completions(1)[0].refusal?.reason == .slotNotOpen)
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
    }

    @Test func aRemovedPrincipalLosesItsSessionAndNobodyElse() throws {
        let site = try Site(SitePolicy())
        let other = try site.certificates.client(uri: "ringgate://test.example/other")
        let leaving = try site.greeted(other)
        let staying = try site.greeted()
        try staying.submit([.open("null", slot: 0, id: 1)])
        _ = try staying.completions(1)
        var policy = SitePolicy(number: 2)
        policy.principals["other"] = nil
        try site.apply(policy)
        #expect(throws: SessionError.self) { try leaving.completions(1) }
        do {
            _ = try site.greeted(other)
            Issue.record("a principal that is gone was greeted")
        } catch is RawClient.Failure {}
        try staying.submit([RawEntry(.command, id: 2, slot: 0)])
        #expect(try staying.completions(1)[0].header.result == 0)
    }

    @Test func theEndOfASessionSaysThatThePolicyChanged() throws {
        let site = try Site(SitePolicy())
        let client = try site.greeted()
        let other = try site.certificates.client(uri: "ringgate://test.example/other")
        var policy = SitePolicy(number: 2)
        policy.principals["agent"] = nil
        try site.apply(policy, seenBy: other)
        let frame = try client.frame()
        #expect(frame?.type == .error)
        let error = try frame?.payload.withUnsafeBytes { try SessionError.decode(WireBytes($0)) }
        #expect(error?.code == .revoked)
        #expect(error?.text.hasPrefix("the policy changed") == true)
        #expect(try client.frame() == nil)
    }

    @Test func whatIsInFlightIsAnsweredUnderThePolicyThatAdmittedIt() throws {
        let board = try Board()
        var policy = SitePolicy()
        policy.devices.append(SitePolicy.terminal(board.path))
        policy.rules.append(SitePolicy.rule("board", on: "board", [], read: 4096, write: 64))
        let site = try Site(policy)
        let client = try site.greeted()
        try client.submit([.open("board", slot: 0, id: 1)])
        _ = try client.completions(1)
        // The banner may satisfy some; others wait.
        try client.submit((0..<8).map { .read(4096, slot: 0, id: 10 + $0) } + [RawEntry(.nop, id: 18)])
        var answers: [UInt64: RawCompletion] = [:]
        // Once it has answered the nop, it has admitted the reads.
        while answers[18] == nil {
            for completion in try client.completions(1) {
                answers[completion.header.requestID.value] = completion
            }
        }
        policy.number = 2
        policy.rules[policy.rules.count - 1] = SitePolicy.rule("board", on: "board", [], write: 64)
        try site.apply(policy)
        try client.submit([
            .read(1, slot: 0, id: 20),
            RawEntry(.write, id: 21, slot: 0, offset: .max, argument: Array("x\r".utf8)),
        ])
        while answers[20] == nil || answers[21] == nil || !(10..<18).contains(where: { answers[$0] != nil }) {
            for completion in try client.completions(1) {
                answers[completion.header.requestID.value] = completion
            }
        }
        #expect(answers[20]?.refusal?.reason == .noRule)
        #expect(answers[21]?.header.result == 2)
        #expect((10..<18).allSatisfy { answers[$0].map { $0.header.result > 0 } ?? true })
    }

    @Test func twoHundredSwapsUnderLoadDropNothingAndMixNothing() async throws {
        let wide = SitePolicy(number: 1)
        let narrow = SitePolicy(
            number: 2,
            rules: [SitePolicy.rule("narrow", on: "null", [SitePolicy.nothing]), SitePolicy.randomRule])
        let site = try Site(wide)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    let connection = try await site.connect()
                    let null = try await connection.open("null")
                    let random = try await connection.open("random")
                    var mixed = 0
                    for _ in 0..<100 {
                        var batch = Batch()
                        for index in 0..<128 {
                            batch.command(null, SubOpcode(UInt32(index % 2)), argument: [])
                        }
                        batch.command(random, SubOpcode(0x8004_5200), argument: [])
                        let replies = try await connection.submit(batch)
                        #expect(replies.count == 129)
                        #expect(replies.last?.refusal == nil)
                        let allowed = stride(from: 0, to: 128, by: 2).filter { replies[$0].result == 0 }.count
                        #expect(allowed == 64, "what both policies allow always runs")
                        let others = stride(from: 1, to: 128, by: 2).filter { replies[$0].result == 0 }.count
                        if others != 0 && others != 64 { mixed += 1 }
                    }
                    await connection.close()
                    return mixed
                }
            }
            group.addTask {
                for round in 0..<200 {
                    site.gateway.apply((round % 2 == 0 ? narrow : wide).snapshot)
                    await Task.yield()
                }
                return 0
            }
            for try await mixed in group { #expect(mixed == 0, "a frame is decided by one policy") }
        }
        #expect(eventually { site.gateway.counters.open == 0 && site.gateway.engineCounters.openFiles == 0 })
    }

    @Test func theEndOfAnObservationIsNoticed() throws {
        var policy = SitePolicy()
        let end = UInt64(Date().timeIntervalSince1970) + 2
        policy.devices.append(
            Device(
                name: "observed", path: "/dev/null", kind: .character, access: .readOnly,
                profile: SitePolicy.null.profile, observation: Observation(until: end, includesWrites: false))
        )
        policy.rules.append(SitePolicy.rule("observed", on: "observed", [SitePolicy.another]))
        let site = try Site(policy)
        let client = try site.greeted()
        try client.submit([.open("observed", slot: 0, id: 1), RawEntry(.nop, id: 2)])
        _ = try client.completions(2)
        try client.submit([RawEntry(.command, id: 3, slot: 0)])
        #expect(
            try client.completions(1)[0].header.result == 0, "no rule allows it, but the device is observed")
        var id: UInt64 = 3
        #expect(
            eventually {
                id += 1
                try? client.submit([RawEntry(.command, id: id, slot: 0)])
                return (try? client.completions(1)[0].refusal?.reason) == .noRule
            })
        try client.submit([RawEntry(.command, id: id + 1, slot: 0, code: 1)])
        #expect(try client.completions(1)[0].header.result == 0, "what a rule allows goes on")
    }
}
