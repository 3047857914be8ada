import Glibc
import RingEngine
import RingGateway
import RingPolicy
import RingProtocol
import TestSupport
import Testing

/// Cancels and deadlines, wherever the entry is.
@Suite(.timeLimit(.minutes(5))) struct CancelTests {
    /// A call that lasts as long as the console is not switched to number 63, which nobody does.
    static let wait = CommandShape(
        name: "VT_WAITACTIVE", code: SubOpcode(0x5607), transport: .call, effect: .read, placement: .value,
        size: 8, fields: [Field(name: "number", type: .unsigned(bytes: 8), offset: 0)])
    static let hasConsole = access("/dev/tty0", R_OK) == 0
    private static let never = RawEntry(
        .command, id: 0, code: 0x5607, argument: [63, 0, 0, 0, 0, 0, 0, 0])

    private func consoleSite() throws -> Site {
        var policy = SitePolicy()
        policy.devices.append(
            Device(
                name: "console", path: "/dev/tty0", kind: .character, access: .readOnly,
                profile: Profile(name: "console", summary: "", commands: [Self.wait])))
        policy.rules.append(SitePolicy.rule("console", on: "console", [Self.wait]))
        return try Site(policy)
    }

    private func lineSite(_ line: SerialLine) throws -> Site {
        try Site(
            devices: ["line: {path: \(line.path), profile: tty, open: read-write}"],
            rules: ["{id: line, principals: [agent], devices: [line], read: true, write: true}"])
    }

    private func waiting(_ id: UInt64) -> RawEntry {
        var entry = Self.never
        entry.id = id
        return entry
    }

    @Test(.enabled(if: hasConsole)) func aCallThatWaitsInTheKernelIsEndedHonestly() throws {
        let site = try consoleSite()
        let client = try site.greeted(.all)
        try client.submit([.open("console", slot: 0, id: 1)])
        _ = try client.completions(1)
        // The first runs, the second waits for the worker.
        try client.submit([waiting(2), waiting(3)])
        try client.submit([.cancel(3, id: 4)])
        let queued = try client.completions(2)
        #expect(queued.map(\.id) == [3, 4] && queued.map(\.result) == [-ECANCELED, 0])
        #expect(!queued[0].flags.contains(.indeterminate))
        try client.submit([.cancel(2, id: 5)])
        let running = try client.completions(2)
        #expect(running.map(\.id) == [2, 5] && running.map(\.result) == [-ECANCELED, 0])
        #expect(running[0].flags.contains(.indeterminate))
        // Done, unknown, oneself: nothing there.
        try client.submit([.cancel(2, id: 6), .cancel(99, id: 7), .cancel(8, id: 8)])
        #expect(try client.completions(3).map(\.result) == [-ENOENT, -ENOENT, -ENOENT])
    }

    @Test(.enabled(if: hasConsole)) func aCallHasADeadlineOfItsOwn() throws {
        let site = try consoleSite()
        let client = try site.greeted(.all)
        try client.submit([.open("console", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit([waiting(2).within(50), waiting(3).within(50)])
        let completions = try client.completions(2)
        #expect(completions.allSatisfy { $0.result == -ETIME })
        #expect(completions.count { $0.flags.contains(.indeterminate) } >= 1)
        try client.submit([waiting(4).linked(), .nop(5)])
        try client.submit([.cancelAll(slot: 0, id: 6)])
        let rest = try client.completions(3)
        #expect(Set(rest.map(\.id)) == [4, 5, 6])
        #expect(rest.filter { $0.id != 6 }.allSatisfy { $0.result == -ECANCELED })
    }

    @Test func readsAreCancelledInEachPlace() throws {
        let line = try SerialLine()
        let site = try lineSite(line)
        let client = try site.greeted(.all)
        try client.submit([.open("line", slot: 0, id: 1)])
        _ = try client.completions(1)
        // One with the kernel, one that waits for its turn.
        try client.submit([.read(10, slot: 0, id: 2), .read(10, slot: 0, id: 3)])
        try client.submit([.cancel(3, id: 4)])
        #expect(try client.completions(2).map(\.result) == [-ECANCELED, 0])
        try client.submit([.cancel(2, id: 5)])
        let completions = try client.completions(2)
        #expect(completions.map(\.id) == [2, 5] && completions.map(\.result) == [-ECANCELED, 0])
        // The line is as usable as before.
        line.say("still here")
        try client.submit([.read(10, slot: 0, id: 6)])
        #expect(try client.completions(1)[0].payload == Array("still here".utf8))
    }

    @Test func aReadHasADeadline() throws {
        let line = try SerialLine()
        let site = try lineSite(line)
        let client = try site.greeted(.all)
        try client.submit([
            .open("line", slot: 0, id: 1).linked(), .read(10, slot: 0, id: 2).within(30).linked(), .nop(3),
        ])
        #expect(try client.completions(3).map(\.result) == [0, -ETIME, -ECANCELED])
        line.say("in time")
        try client.submit([.read(7, slot: 0, id: 4).within(10_000)])
        #expect(try client.completions(1)[0].result == 7)
    }

    @Test func delaysAndWhatIsHeldAreCancelled() throws {
        let site = try Site()
        let client = try site.greeted(.all)
        try client.submit(
            [.delay(milliseconds: 60_000, id: 1)] + [.nop(2).linked([.link, .drain]), .nop(3), .nop(4)])
        // A held chain ends from the element on.
        try client.submit([.cancel(3, id: 5)])
        let first = try client.completions(2)
        #expect(first.map(\.id) == [3, 5] && first.map(\.result) == [-ECANCELED, 0])
        try client.submit([.cancel(1, id: 6)])
        #expect(try client.completions(4).map(\.id) == [1, 6, 2, 4])
    }

    @Test func everythingOfASessionIsCancelledAtOnce() throws {
        let line = try SerialLine()
        let site = try lineSite(line)
        let client = try site.greeted(.all)
        let other = try site.greeted(.all)
        for peer in [client, other] {
            try peer.submit([.open("line", slot: 0, id: 1)])
            _ = try peer.completions(1)
        }
        try other.submit([.read(3, slot: 0, id: 2)])
        try client.submit([
            .read(10, slot: 0, id: 2), .delay(milliseconds: 60_000, id: 3),
            .delay(milliseconds: 60_000, id: 4).linked(), .nop(5), .nop(6).linked(.drain), .nop(7),
            .stream(10, credit: 3, slot: 0, id: 8),
        ])
        try client.submit([.cancelAll(id: 9)])
        let completions = try client.completions(8)
        #expect(Set(completions.map(\.id)) == Set(2...9))
        #expect(completions.filter { $0.id != 9 }.allSatisfy { $0.result == -ECANCELED })
        #expect((completions.first { $0.id == 9 }?.result ?? 0) >= 5)
        // Nobody else's.
        line.say("abc")
        #expect(try other.completions(1)[0].payload == Array("abc".utf8))
    }

    @Test func whatCannotBeACancelIsRefused() throws {
        let site = try Site()
        let client = try site.greeted(.all)
        try client.submit([
            RawEntry(.cancel, id: 1, code: 3), RawEntry(.cancel, id: 2, slot: 1),
            RawEntry(.cancel, id: 3, argument: [0]), RawEntry(.cancel, id: 4, code: 2, offset: 1),
            RawEntry.nop(5).within(1), RawEntry(.timeout, id: 6), RawEntry(.timeout, id: 7, offset: .max),
        ])
        #expect(try client.completions(7).allSatisfy { $0.refusal?.reason == .shape })
    }

    @Test func aThousandCancelsOfNothingAreCheap() throws {
        let site = try Site()
        let client = try site.greeted(.all)
        for round in UInt64(0)..<20 {
            let base = round * 2_000
            try client.submit((1...1_000).map { .cancel(.max - $0, id: base + $0) })
            #expect(try client.completions(1_000).allSatisfy { $0.result == -ENOENT })
            try client.acknowledge((round + 1) * 1_000)
        }
    }
}
