import Foundation
import RingGateway
import RingProtocol
import TestSupport
import Testing

/// What the audit log has of what clients do, and that nothing is changed before it has it.
@Suite(.timeLimit(.minutes(5))) struct AuditTests {
    /// A serial line as the device: what arrives at its other end is the device's own journal.
    private let line: SerialLine
    private let site: Site

    init() throws {
        line = try SerialLine()
        site = try Site(
            devices: ["line: {path: \(line.path), profile: tty, open: read-write}"],
            rules: [
                "{id: type, principals: [agent], devices: [line], read: true, write: true, commands: [TCSBRK]}"
            ])
    }

    private func greeted() throws -> RawClient {
        let client = try site.raw(site.agent)
        _ = try client.greet([.links, .cancel, .timeouts])
        return client
    }

    private func opened() throws -> RawClient {
        let client = try greeted()
        try client.submit([.open("line", slot: 0, id: 1)])
        #expect(try client.completions(1)[0].result == 0)
        return client
    }

    private func write(_ text: String, id: UInt64) -> RawEntry {
        RawEntry(.write, id: id, offset: .max, argument: Array(text.utf8))
    }

    @Test func aWriteIsOnRecordBeforeAndAfter() throws {
        let client = try opened()
        try client.submit([write("hello", id: 7)])
        #expect(try client.completions(1)[0].result == 5)
        #expect(line.heard(5) == "hello")
        let result = try #require(site.audit.awaited("result").first)
        let intent = try #require(site.audit.records("intent").first)
        #expect(result.request == 7 && result.result == 5 && result.ran == true)
        #expect(result.text("device") == "line" && intent.text("identity") == Site.agentURI)
        let command = try #require(intent.commands.first)
        #expect(command["operation"] as? String == "write" && command["rule"] as? String == "type")
        #expect(command["effect"] as? String == "write" && command["bytes"] as? Int == 5)
        #expect(
            try #require(intent.members["seq"] as? Int) < (try #require(result.members["seq"] as? Int)))
        #expect(site.audit.records("open").first?.text("device") == "line")
        #expect(site.audit.records("session").first?.text("principals") == "agent")
    }

    @Test func entriesKeepTheirOrderWhileTheyWaitForTheDisk() throws {
        let client = try opened()
        // In one frame and over many: writes, and entries that change nothing.
        for round in 0..<20 {
            let base = UInt64(10 + round * 10)
            try client.submit([
                write("a\(round),", id: base), write("b\(round),", id: base + 1),
                RawEntry(.nop, id: base + 2), write("c\(round).", id: base + 3),
            ])
        }
        let completions = try client.completions(80)
        #expect(completions.allSatisfy { $0.result >= 0 }, "\(completions.filter { $0.result < 0 })")
        let expected = (0..<20).map { "a\($0),b\($0),c\($0)." }.joined()
        #expect(line.heard(expected.utf8.count) == expected)
        #expect(site.audit.awaited("result", 60).count == 60)
    }

    @Test func oneIntentCoversAChain() throws {
        let client = try greeted()
        try client.submit([
            .open("line", slot: 3, id: 1).linked(),
            RawEntry(.write, id: 2, slot: 3, offset: .max, argument: [120]).linked(),
            RawEntry(.command, id: 3, slot: 3, code: 0x5409, argument: [1, 0, 0, 0, 0, 0, 0, 0]).linked(),
            .close(slot: 3, id: 4),
        ])
        #expect(try client.completions(4).map(\.result) == [0, 1, 0, 0])
        #expect(line.heard(1) == "x")
        #expect(site.audit.awaited("result", 2).map(\.request) == [2, 3])
        let intents = site.audit.records("intent")
        #expect(intents.count == 1)
        let operations = intents.first?.commands.map { $0["operation"] as? String }
        #expect(operations == ["open", "write", "command", "close"])
        #expect(intents.first?.commands[2]["command"] as? String == "TCSBRK")
    }

    @Test func whatIsCancelledWhileItWaitsDidNotRun() throws {
        let client = try opened()
        // Behind a drain that waits for a second: the write is on record long before its turn.
        try client.submit([
            .pause(1_000_000_000, id: 2), RawEntry(.nop, id: 3).with(.drain), write("never", id: 4),
            .cancel(4, id: 5),
        ])
        let completions = try client.completions(4)
        #expect(completions.first { $0.id == 4 }?.result == -ECANCELED)
        let told = try #require(site.audit.awaited("result").first)
        #expect(told.request == 4 && told.ran == false && told.result == Int(-ECANCELED))
        #expect(line.hear() == "")
    }

    @Test func aSessionThatEndsLeavesNoIntentWithoutItsResult() throws {
        do {
            let client = try opened()
            try client.submit([
                .pause(60_000_000_000, id: 2), RawEntry(.nop, id: 3).with(.drain), write("never", id: 4),
            ])
            #expect(site.audit.awaited("intent").count == 1)
        }
        let told = try #require(site.audit.awaited("result").first)
        #expect(told.ran == false && told.request == 4)
        #expect(site.audit.awaited("session-end").count == 1)
    }

    @Test func denialsAndReadsAreCounted() throws {
        let client = try opened()
        try client.submit([.open("null", slot: 1, id: 2)])
        _ = try client.completions(1)
        for id in 10..<60 { try client.submit([RawEntry(.command, id: UInt64(id), slot: 1)]) }
        for id in 60..<90 { try client.submit([RawEntry(.command, id: UInt64(id), slot: 1, code: 77)]) }
        _ = try client.completions(80)
        func total(_ type: String) -> Int { site.audit.records(type).compactMap(\.count).reduce(0, +) }
        #expect(eventually { total("reads") == 50 && total("denied") == 30 })
        let reads = site.audit.records("reads")
        #expect(
            reads.allSatisfy { $0.text("command") == "NULL_URING_CMD" && $0.text("device") == "null" })
        let denied = site.audit.records("denied")
        #expect(denied.count < 30 && denied.first?.text("text")?.contains("no sub-opcode") == true)
    }

    @Test func countsAreNotLostWhenTheGatewayEnds() throws {
        let audit: AuditDirectory
        do {
            let site = try Site()
            audit = site.audit
            let client = try site.greeted()
            try client.submit([.open("null", slot: 0, id: 1)])
            _ = try client.completions(1)
            try client.submit([RawEntry(.command, id: 2), RawEntry(.command, id: 3, code: 77)])
            _ = try client.completions(2)
        }
        #expect(audit.records("reads").compactMap(\.count).reduce(0, +) == 1)
        #expect(audit.records("denied").compactMap(\.count).reduce(0, +) == 1)
    }

    @Test func aRuleMayWantEachReadOnRecord() throws {
        let site = try Site(
            devices: ["more: {path: /dev/urandom, profile: random}"],
            rules: [
                "{id: each, principals: [agent], devices: [more], read: true, commands: [RNDGETENTCNT], audit: each}"
            ])
        let client = try site.greeted()
        try client.submit([.open("more", slot: 0, id: 1)])
        _ = try client.completions(1)
        try client.submit([.read(16, slot: 0, id: 2), RawEntry(.command, id: 3, code: 0x8004_5200)])
        _ = try client.completions(2)
        let reads = site.audit.awaited("read", 2)
        #expect(Set(reads.compactMap(\.request)) == [2, 3])
        #expect(reads.first { $0.request == 2 }?.result == 16)
        #expect(reads.first { $0.request == 3 }?.commands.first?["command"] as? String == "RNDGETENTCNT")
        #expect(reads.allSatisfy { $0.commands.first?["rule"] as? String == "each" })
    }

    @Test func aNewPolicyIsOnRecord() throws {
        let site = try Site(SitePolicy(number: 5))
        site.gateway.apply(SitePolicy(number: 6).snapshot)
        let record = try #require(site.audit.awaited("policy").first)
        #expect(record.text("by") == "the gateway's host")
        #expect(record.text("before") == Revision.text(SitePolicy(number: 5).snapshot.revision))
    }

    /// A log on a file system that is full: nothing that changes something runs; all else does.
    @Test func withoutAnAuditLogNothingIsChanged() async throws {
        await #expect(processExitsWith: .success) { try AuditTests.fillsUp() }
    }

    /// In a process of its own: the limit is the process's. The log's files cannot grow over it, as on a full disk.
    private static func fillsUp() throws {
        signal(SIGXFSZ, SIG_IGN)
        let test = try AuditTests()
        let client = try test.opened()
        var id: UInt64 = 100
        for round in 0..<6 {
            try setFileSizeLimit(1)
            var refused: RawCompletion?
            // The first may find out; from then on it is known.
            for _ in 0..<3 {
                id += 2
                try client.submit([test.write("x", id: id), RawEntry(.nop, id: id + 1)])
                let completions = try client.completions(2)
                guard completions.contains(where: { $0.id == id + 1 && $0.result == 0 }) else { exit(1) }
                refused = completions.first { $0.id == id }
                guard refused?.refusal?.reason == .unavailable, refused?.result == -EBUSY else { exit(2) }
                id += 1
            }
            guard refused?.refusal?.text.contains("the gateway's audit log cannot be written") == true else {
                exit(3)
            }
            try setFileSizeLimit(.max)
            let isBack = eventually {
                id += 1
                try? client.submit([test.write("\(round)", id: id)])
                return (try? client.completions(1).first?.result) == 1
            }
            guard isBack else { exit(4) }
        }
        guard test.line.heard(6) == "012345", test.line.hear() == "" else { exit(5) }
        guard test.site.audit.awaited("missing", 6).count >= 6 else { exit(6) }
        guard test.site.audit.records("result").count(where: { $0.ran == true }) >= 5 else { exit(7) }
    }

    private static func setFileSizeLimit(_ bytes: UInt) throws {
        var limit = rlimit(rlim_cur: rlim_t(bytes), rlim_max: rlim_t.max)
        guard setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0 else { throw NotSet() }
    }

    private struct NotSet: Error {}
}
