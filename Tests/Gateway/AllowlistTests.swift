import RingPolicy
import RingProtocol
import TestSupport
import Testing

/// What no rule allows makes no system call: shown by the engine's own counters.
@Suite struct AllowlistTests {
    private func calls(_ site: Site) -> [Int] {
        let counters = site.gateway.engineCounters
        return [counters.submittedRingEntries, counters.submittedCalls, counters.submittedOpens]
    }

    @Test func anUnlistedFileAndAnUnknownOneLookTheSame() throws {
        let site = try Site()
        let client = try site.greeted()
        try client.submit([.open("private", slot: 0, id: 1), .open("no-such-device", slot: 0, id: 2)])
        let completions = try client.completions(2)
        for completion in completions {
            #expect(completion.header.result == -13)
            #expect(completion.header.flags == [.denied, .refused])
            #expect(completion.refusal?.reason == .noRule)
            #expect(completion.refusal?.rule == "")
        }
        #expect(calls(site) == [0, 0, 0])
        #expect(site.gateway.counters.deniedEntries == 2)
    }

    @Test func anUnlistedSubOpcodeIsDeniedOnBothEngines() throws {
        let site = try Site()
        let client = try site.greeted()
        try client.submit([.open("null", slot: 0, id: 1), .open("random", slot: 1, id: 2)])
        _ = try client.completions(2)
        let before = calls(site)
        let codes: [UInt32] = [2, 0x1200, 0x8004_5200, 0xffff_ffff, 0x1_0000]
        try client.submit(
            codes.enumerated().map { RawEntry(.command, id: 10 + UInt64($0), slot: 0, code: $1) }
                + [
                    RawEntry(.command, id: 20, slot: 1, code: 0x5201),
                    RawEntry(.command, id: 21, slot: 1, code: 0),
                ])
        for completion in try client.completions(7) {
            #expect(completion.refusal?.reason == .noRule)
            #expect(completion.header.flags.engine == .gateway)
        }
        #expect(calls(site) == before)
    }

    @Test func whatIsDecidedForARowHoldsForNothingElse() throws {
        let site = try Site()
        let client = try site.greeted()
        try client.submit([.open("null", slot: 0, id: 1)])
        _ = try client.completions(1)
        let others: [(RawEntry, RefusalReason)] = [
            (RawEntry(.command, id: 0, code: 2), .noRule),
            (RawEntry(.command, id: 0, slot: 1), .slotNotOpen),
            (RawEntry(.command, id: 0, offset: 1), .shape),
            (RawEntry(.command, id: 0, argument: [0, 0, 0, 0, 0, 0, 0, 0]), .shape),
            (RawEntry(.sync, id: 0), .noRule),
        ]
        for (number, (other, reason)) in others.enumerated() {
            let before = site.gateway.engineCounters.submittedRingEntries
            let first = UInt64(number + 1) * 100
            var entries = (first..<first + 7).map { RawEntry.command(id: $0) }
            entries[3] = other
            entries[3].id = first + 3
            try client.submit(entries)
            let completions = try client.completions(7).sorted { $0.id < $1.id }
            #expect(completions.map(\.id) == Array(first..<first + 7))
            for completion in completions where completion.id != first + 3 {
                #expect(completion.header.result == 0 && completion.header.flags.engine == .ring)
            }
            #expect(completions[3].refusal?.reason == reason)
            #expect(eventually { site.gateway.engineCounters.submittedRingEntries == before + 6 })
        }
    }

    /// An argument that looks like the header of a command which is denied, and that command behind it.
    @Test func whatLooksLikeAnEntryIsNone() throws {
        let wide = CommandShape(
            name: "WIDE", code: SubOpcode(7), transport: .call, effect: .read, placement: .pointer,
            size: 32,
            fields: (0..<4).map { Field(name: "word\($0)", type: .unsigned(bytes: 8), offset: 8 * $0) })
        var policy = SitePolicy()
        policy.devices = [
            Device(
                name: "null", path: "/dev/null", kind: .character, access: .readOnly,
                profile: Profile(
                    name: "null", summary: "", commands: [SitePolicy.nothing, SitePolicy.another, wide]))
        ]
        policy.rules = [SitePolicy.rule("null", on: "null", [SitePolicy.nothing, wide])]
        let site = try Site(policy)
        let client = try site.greeted()
        try client.submit([.open("null", slot: 0, id: 1)])
        _ = try client.completions(1)
        let denied = RawEntry(.command, id: 3, code: SitePolicy.another.code.code)
        try client.submit([
            RawEntry(.command, id: 2, code: 7, argument: denied.bytes), denied,
            RawEntry(.command, id: 4, code: SitePolicy.another.code.code),
            RawEntry(.command, id: 5, code: SitePolicy.nothing.code.code),
            RawEntry(.command, id: 6, code: SitePolicy.nothing.code.code),
            .close(slot: 0, id: 7), RawEntry(.command, id: 8, code: SitePolicy.nothing.code.code),
        ])
        let answers = try client.completions(7).sorted { $0.id < $1.id }
        // It ran; /dev/null knows no such ioctl(2).
        #expect(answers[0].refusal == nil && answers[0].result < 0 && answers[0].flags.engine == .call)
        #expect(answers[1...2].allSatisfy { $0.refusal?.reason == .noRule })
        #expect(answers[3...4].allSatisfy { $0.result == 0 } && answers[6].refusal?.reason == .slotNotOpen)
    }

    @Test func aBuiltInNeverIsNamed() throws {
        let site = try Site()
        let client = try site.greeted()
        try client.submit([.open("null", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit([RawEntry(.command, id: 2, slot: 0, code: 0x5412, argument: [7])])
        let refusal = try client.completions(1)[0].refusal
        #expect(refusal?.reason == .never)
        #expect(refusal?.rule == "never/TIOCSTI")
        #expect(calls(site) == [0, 0, 1])
    }

    @Test func readingAndWritingNeedRulesOfTheirOwn() throws {
        let site = try Site()
        let client = try site.greeted()
        try client.submit([.open("null", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit([
            .read(16, slot: 0, id: 2), RawEntry(.write, id: 3, slot: 0, offset: .max, argument: [1]),
            RawEntry(.sync, id: 4, slot: 0),
        ])
        for completion in try client.completions(3) { #expect(completion.refusal?.reason == .noRule) }
        #expect(calls(site) == [0, 0, 1])
    }

    @Test func aSlotIsOnlyWhatWasOpenedInIt() throws {
        let site = try Site()
        let client = try site.greeted()
        try client.submit([
            RawEntry(.command, id: 1, slot: 0), RawEntry(.command, id: 2, slot: 64),
            RawEntry(.command, id: 3, slot: 65_535), RawEntry(.close, id: 4, slot: 5),
            .open("null", slot: 64, id: 5),
        ])
        for completion in try client.completions(5) { #expect(completion.refusal?.reason == .slotNotOpen) }
        try client.submit([.open("null", slot: 3, id: 6), .open("random", slot: 3, id: 7)])
        let both = try client.completions(2)
        #expect(both.contains { $0.header.requestID.value == 7 && $0.refusal?.reason == .slotInUse })
        #expect(both.contains { $0.header.requestID.value == 6 && $0.header.result == 0 })
        try client.submit([RawEntry(.close, id: 8, slot: 3)])
        #expect(try client.completions(1)[0].header.result == 0)
        try client.submit([RawEntry(.command, id: 9, slot: 3)])
        #expect(try client.completions(1)[0].refusal?.reason == .slotNotOpen)
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
    }

    @Test func fieldsAnOperationDoesNotUseMustBeZero() throws {
        let site = try Site()
        let client = try site.greeted()
        try client.submit([.open("null", slot: 0, id: 1), .open("random", slot: 1, id: 2)])
        _ = try client.completions(2)
        var late = RawEntry(.nop, id: 10)
        late.timeout = 1
        try client.submit([
            late, RawEntry(.nop, id: 11, code: 1), RawEntry(.nop, id: 12, offset: 1),
            RawEntry(.nop, id: 13, argument: [1]), RawEntry(.nop, id: 14, slot: 1),
            RawEntry(.command, id: 15, offset: 1), RawEntry(.command, id: 16, argument: [0]),
            RawEntry(.read, id: 17, slot: 1, argument: [1, 0, 0, 0]), .read(0, slot: 1, id: 18),
            .read(UInt32(Limits.payload) + 1, slot: 1, id: 19), RawEntry(.list, id: 20, argument: [1]),
            RawEntry(.describe, id: 21, slot: 1, argument: Array("null".utf8)),
        ])
        for completion in try client.completions(12) {
            #expect(completion.refusal?.reason == .shape, "\(completion.header.requestID)")
        }
        var unknown = RawEntry(.nop, id: 30)
        unknown.operation = 99
        try client.submit([
            unknown, RawEntry(.poll, id: 31), RawEntry(.cancel, id: 32), RawEntry(.lease, id: 33),
        ])
        for completion in try client.completions(4) { #expect(completion.refusal?.reason == .unsupported) }
    }
}
