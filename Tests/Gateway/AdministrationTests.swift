import Foundation
import RingAdministration
import RingPolicy
import RingProtocol
import TestSupport
import Testing

/// A client of `@gateway`, which is open in slot 9.
final class AdministratorClient {
    let raw: RawClient
    private var id: UInt64 = 1

    init(_ site: Site) throws {
        let identity = try site.certificates.client(uri: SitePolicy.administratorURI)
        raw = try site.greeted(identity)
        try raw.submit([.open("@gateway", slot: 9, id: 1)])
        let opened = try raw.completions(1)[0]
        #expect(opened.header.result == 0 && opened.header.flags.engine == .gateway)
    }

    func entry(_ command: GatewayCommand, _ document: String) -> RawEntry {
        id += 1
        return RawEntry(
            .command, id: id, slot: 9, code: command.rawValue, argument: Array(document.utf8))
    }

    /// The answer to one command.
    func ask(_ command: GatewayCommand, _ document: String = "{}") throws -> RawCompletion {
        try raw.submit([entry(command, document)])
        let answer = try raw.completions(1)[0]
        #expect(answer.header.flags.engine == .gateway)
        return answer
    }

    func list(_ command: GatewayCommand, _ key: String, _ document: String = "{}") throws -> [[String: Any]] {
        let answer = try ask(command, document)
        let json = try JSONSerialization.jsonObject(with: Data(answer.payload)) as? [String: Any]
        return json?[key] as? [[String: Any]] ?? []
    }
}

/// The gateway's own administration is a file under the same allowlist as any other.
@Suite struct AdministrationTests {
    private func sessionEnd(_ client: RawClient) throws -> SessionError? {
        guard let frame = try client.frame(), frame.type == .error else { return nil }
        return try frame.payload.withUnsafeBytes { try SessionError.decode(WireBytes($0)) }
    }

    @Test func whoHasNoRuleDoesNotSeeIt() async throws {
        let site = try Site(SitePolicy().administered())
        let connection = try await site.connect()
        #expect(try await connection.list().devices.map(\.name) == ["null", "random"])
        await connection.close()
        let client = try site.greeted()
        try client.submit([
            .open("@gateway", slot: 0, id: 1), .open("no-such", slot: 1, id: 2),
            RawEntry(.describe, id: 3, argument: Array("@gateway".utf8)),
        ])
        let answers = try client.completions(3)
        #expect(answers.allSatisfy { $0.refusal?.reason == .noRule && $0.refusal?.rule == "" })
        #expect(answers[0].refusal?.text == "no rule lets you open `@gateway`")
    }

    @Test func itIsNoFile() throws {
        let site = try Site(SitePolicy().administered())
        let admin = try AdministratorClient(site)
        try admin.raw.submit([
            .read(16, slot: 9, id: 100), RawEntry(.sync, id: 101, slot: 9),
            RawEntry(.command, id: 102, slot: 9, code: 99), RawEntry(.close, id: 103, slot: 9),
            RawEntry(.command, id: 104, slot: 9, code: GatewayCommand.sessionList.rawValue),
        ])
        let answers = try admin.raw.completions(5)
        #expect(answers[..<3].allSatisfy { $0.refusal?.reason == .noRule })
        #expect(answers[3].header.result == 0)
        #expect(answers[4].refusal?.reason == .slotNotOpen)
        #expect(site.gateway.engineCounters.submittedOpens == 0)
    }

    @Test func aRuleThatLetsItBeReadDoesNotReachTheEngine() throws {
        var policy = SitePolicy().administered()
        policy.rules.append(
            SitePolicy.rule("odd", for: "admin", on: GatewayProfile.deviceName, [], read: 4096, write: 4096))
        let site = try Site(policy)
        let admin = try AdministratorClient(site)
        try admin.raw.submit([
            .read(16, slot: 9, id: 100), RawEntry(.sync, id: 101, slot: 9),
            RawEntry(.write, id: 102, slot: 9, offset: .max, argument: [1]),
        ])
        #expect(try admin.raw.completions(3).allSatisfy { $0.refusal?.reason == .unsupported })
        #expect(site.gateway.engineCounters.submittedRingEntries == 0)
    }

    @Test func withoutAnAdministratorPoliciesCannotBeAskedFor() throws {
        let site = try Site(SitePolicy().administered())
        let admin = try AdministratorClient(site)
        let refusal = try admin.ask(.policyShow).refusal
        #expect(refusal?.reason == .unsupported)
        #expect(refusal?.text.contains("without an administrator") == true)
    }

    @Test func theAdministratorAnswersEveryRequest() throws {
        let directory = try TemporaryDirectory()
        let administrator = Administrator(
            Administrator.Files(policy: "\(directory.path)/policy.yaml", profiles: directory.path),
            hash: { $0 })
        let site = try Site(SitePolicy().administered(), administrator: administrator)
        let admin = try AdministratorClient(site)
        // More than may wait: those are refused as busy, and none is forgotten.
        try admin.raw.submit((0..<200).map { _ in admin.entry(.policyPlan, "{\"policy\": 7}") })
        let answers = try admin.raw.completions(200)
        #expect(Set(answers.map(\.header.requestID)).count == 200)
        #expect(answers.allSatisfy { $0.refusal != nil })
        // Nor does it matter that who asked is gone.
        try admin.raw.submit((0..<20).map { _ in admin.entry(.policyPlan, "[]") })
        admin.raw.vanish()
        #expect(eventually { site.gateway.counters.open == 0 })
        let next = try AdministratorClient(site)
        #expect(try next.ask(.policyPlan, "x").refusal != nil)
    }

    @Test func sessionsAreListed() throws {
        let site = try Site(SitePolicy().administered())
        let client = try site.raw(site.agent)
        let number = try client.greet().session
        try client.submit([.open("null", slot: 3, id: 1)])
        _ = try client.completions(1)
        let admin = try AdministratorClient(site)
        let sessions = try admin.list(.sessionList, "sessions")
        #expect(sessions.count == 2)
        let found = try #require(sessions.first { $0["session"] as? Int == Int(number) })
        #expect(found["identity"] as? String == Site.agentURI)
        #expect(found["principals"] as? [String] == ["agent"])
        #expect((found["peer"] as? String)?.hasPrefix("127.0.0.1:") == true)
        #expect(found["inFlight"] as? Int == 0)
        let slots = try #require(found["slots"] as? [[String: Any]])
        #expect(slots.count == 1)
        #expect(slots[0]["slot"] as? Int == 3)
        #expect(slots[0]["device"] as? String == "null")
        #expect(slots[0]["state"] as? String == "open")
        #expect(try admin.list(.sessionList, "sessions", "{\"after\": \(number)}").count == 1)
    }

    @Test func aKilledSessionHearsTheReason() throws {
        let site = try Site(SitePolicy().administered())
        let victim = try site.raw(site.agent)
        let number = try victim.greet().session
        let bystander = try site.greeted()
        let admin = try AdministratorClient(site)
        let answer = try admin.ask(
            .sessionKill, "{\"session\": \(number), \"reason\": \"maintenance of bay 4\"}")
        #expect(answer.refusal == nil)
        let error = try sessionEnd(victim)
        #expect(error?.code == .revoked)
        #expect(error?.text == "maintenance of bay 4")
        try bystander.submit([RawEntry(.nop, id: 1)])
        #expect(try bystander.completions(1)[0].header.result == 0)
        let again = try admin.ask(.sessionKill, "{\"session\": \(number), \"reason\": \"again\"}").refusal
        #expect(again?.text == "there is no session \(number)")
    }

    @Test func nothingBehindTheKillOfOnesOwnSessionRuns() throws {
        let site = try Site(SitePolicy().administered())
        var policy = SitePolicy().administered()
        policy.rules.append(SitePolicy.rule("also", for: "admin", on: "null", [SitePolicy.nothing]))
        policy.number = 2
        try site.apply(policy)
        let admin = try AdministratorClient(site)
        let sessions = try admin.list(.sessionList, "sessions")
        let own = try #require(
            sessions.first { $0["identity"] as? String == SitePolicy.administratorURI }?["session"] as? Int)
        let before = site.gateway.engineCounters.submittedOpens
        let kill = admin.entry(.sessionKill, "{\"session\": \(own), \"reason\": \"done here\"}")
        try admin.raw.submit([kill, .open("null", slot: 0, id: 100), .open("@gateway", slot: 1, id: 101)])
        #expect(try sessionEnd(admin.raw)?.text == "done here")
        #expect(eventually { site.gateway.counters.open == 0 })
        #expect(site.gateway.engineCounters.submittedOpens == before)
    }

    @Test func hostileDocumentsAreRefused() throws {
        let site = try Site(SitePolicy().administered())
        let admin = try AdministratorClient(site)
        let documents = [
            "x", "[]", "null", "7", "{", "{\"session\": 1}", "{\"session\": -1, \"reason\": \"r\"}",
            "{\"session\": 1.5, \"reason\": \"r\"}", "{\"session\": \"1\", \"reason\": \"r\"}",
            "{\"session\": 1, \"reason\": 7}", "{\"session\": 1, \"reason\": \"\"}",
            "{\"session\": 1, \"reason\": \"a\\u001b[2Jb\"}", "{\"session\": 1, \"reason\": \"a\\nb\"}",
            "{\"session\": 1, \"reason\": \"\(String(repeating: "x", count: 201))\"}",
            "{\"session\": 1, \"reason\": \"\(String(repeating: "\\u0301", count: 2000))\"}",
            "{\"session\": 1, \"reason\": \"r\", \"force\": 1}", "{\"session\": {}, \"reason\": \"r\"}",
            "{\"session\": 18446744073709551616, \"reason\": \"r\"}",
            "{\"session\": null, \"reason\": \"r\"}",
            String(repeating: "[", count: 4000), String(repeating: " ", count: 1 << 20), "\u{0}",
        ]
        for document in documents {
            let refusal = try admin.ask(.sessionKill, document).refusal
            #expect(refusal?.reason == .shape, "\(document.prefix(60))")
        }
        #expect(try admin.ask(.sessionList, "{\"before\": 1}").refusal?.reason == .shape)
        #expect(try admin.ask(.deviceList, "{\"after\": 1}").refusal?.reason == .shape)
        #expect(try admin.ask(.deviceDisable, "{\"device\": \"@gateway\", \"reason\": \"r\"}").refusal != nil)
        #expect(try admin.ask(.deviceDisable, "{\"device\": \"nosuch\", \"reason\": \"r\"}").refusal != nil)
        #expect(try admin.ask(.sessionList, "").refusal == nil, "no bytes are an empty document")
    }
}
