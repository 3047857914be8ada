import Foundation
import TestSupport
import Testing

/// A running daemon whose policy is changed: from afar, by its file, and back.
@Suite struct AdministrationTests {
    @Test func anAppliedPolicyHoldsAtOnceAndAfterARestart() throws {
        let site = try Administrators()
        #expect(try site.ringctl(["read", "null", "--count", "32"], asAgent: true).status == 3)
        let wider = try site.files.write("wider.yaml", Administrators.policy(read: 64))
        let plan = try site.ringctl(["policy", "plan", wider])
        #expect(plan.status == 0 && plan.output.contains("changed agent: null read"), "\(plan.output)")
        let applied = try site.ringctl(["policy", "apply", wider, "--reason", "more to read"])
        #expect(applied.status == 0 && applied.output.contains("as number 2"), "\(applied.output)")
        #expect(try site.ringctl(["read", "null", "--count", "32"], asAgent: true).status == 0)
        site.daemon.signal(SIGTERM)
        #expect(try site.daemon.exitCode() == 0)
        #expect(
            try String(contentsOfFile: site.files.path("policy.yaml"), encoding: .utf8)
                == Administrators.policy(read: 64))
        let (again, _) = try site.files.start(["--state", site.files.path("state")])
        again.signal(SIGTERM)
        #expect(try again.exitCode() == 0)
        let history = try String(contentsOfFile: site.files.path("state") + "/history.jsonl", encoding: .utf8)
        #expect(history.split(separator: "\n").count == 2, "the restart found what was in force")
    }

    @Test func rollbackGoesBack() throws {
        let site = try Administrators()
        let wider = try site.files.write("wider.yaml", Administrators.policy(read: 64))
        try #require(try site.ringctl(["policy", "apply", wider]).status == 0)
        #expect(try site.ringctl(["policy", "rollback", "1"]).status == 0)
        #expect(try site.ringctl(["read", "null", "--count", "32"], asAgent: true).status == 3)
        #expect(try site.history() == ["3 rollback", "2 apply", "1 start"])
    }

    @Test func whatIsNotAppliedSaysWhyByItsExitCode() throws {
        let site = try Administrators()
        let good = try site.files.write("good.yaml", Administrators.policy(read: 64))
        let wrong = try site.files.write("wrong.yaml", Administrators.policy(read: 64) + "colour: blue\n")
        let lockout = try site.files.write(
            "lockout.yaml",
            Administrators.policy(read: 64).replacingOccurrences(of: "policy.apply, ", with: ""))
        let errors = try site.ringctl(["policy", "apply", wrong])
        #expect(errors.status == 2 && errors.output.contains("wrong.yaml:"), "\(errors.output)")
        let other = try site.ringctl(["policy", "apply", good, "--if-revision", "0123456789"])
        #expect(other.status == 6 && other.output.contains("not 0123456789"), "\(other.output)")
        let locked = try site.ringctl(["policy", "apply", lockout])
        #expect(locked.status == 6 && locked.output.contains("policy.apply"), "\(locked.output)")
        let denied = try site.ringctl(["policy", "apply", good], asAgent: true)
        #expect(denied.status == 3 && denied.output.contains("policy.apply is denied"), "\(denied.output)")
        #expect(try site.history() == ["1 start"])
    }

    @Test func aDeniedCallLeadsToItsExplanation() throws {
        let site = try Administrators()
        let denied = try site.ringctl(["call", "null", "0x5413"], asAgent: true)
        #expect(denied.status == 3)
        let hint = try #require(denied.output.firstMatch(of: /ringctl explain ([0-9]+:[0-9]+)/))
        let explained = try site.ringctl(["explain", String(hint.1)])
        #expect(explained.status == 0, "\(explained.output)")
        #expect(explained.output.contains("denied for \(DaemonFiles.agent)"), "\(explained.output)")
        let asked = try site.ringctl([
            "explain", "--as", DaemonFiles.agent, "--device", "null", "--op", "read", "--count", "17",
        ])
        #expect(
            asked.output.contains("would need: rule agents allows it with at most 16 bytes"),
            "\(asked.output)")
    }

    @Test func whatIsSuggestedAllowsWhatWasDenied() throws {
        let site = try Administrators()
        #expect(try site.ringctl(["write", "null", "hello"], asAgent: true).status == 3)
        let suggested = try site.ringctl(["policy", "suggest", "-o", "json"])
        let document = try JSONSerialization.jsonObject(with: Data(suggested.output.utf8)) as? [String: Any]
        let rules = try #require(document?["text"] as? String).dropFirst("rules:\n".count)
        let more = try site.files.write("more.yaml", Administrators.policy(read: 16, rules: String(rules)))
        let applied = try site.ringctl(["policy", "apply", more])
        #expect(applied.status == 0, "\(applied.output)")
        #expect(try site.ringctl(["write", "null", "hello"], asAgent: true).status == 0)
        #expect(try site.ringctl(["write", "null", "hello and more"], asAgent: true).status == 0)
    }

    @Test func aHangUpReadsTheFileAgainAndAWrongOneChangesNothing() throws {
        let site = try Administrators()
        _ = try site.files.write("policy.yaml", Administrators.policy(read: 64))
        site.daemon.signal(SIGHUP)
        #expect(try eventually { try site.history() == ["2 reload", "1 start"] })
        #expect(try site.ringctl(["read", "null", "--count", "32"], asAgent: true).status == 0)
        _ = try site.files.write("policy.yaml", Administrators.policy(read: 8) + "colour: blue\nshape: 1\n")
        site.daemon.signal(SIGHUP)
        #expect(try eventually { try site.history().first == "3 reload" })
        #expect(try site.ringctl(["read", "null", "--count", "32"], asAgent: true).status == 0)
        site.daemon.signal(SIGTERM)
        #expect(try site.daemon.exitCode() == 0)
        #expect(site.daemon.log.contains("colour") && site.daemon.log.contains("shape"), "\(site.daemon.log)")
    }

    @Test func devicesAndSessionsAreTakenAwayWithAReason() throws {
        let site = try Administrators()
        #expect(try site.ringctl(["device", "disable", "null", "--reason", "being repaired"]).status == 0)
        let refused = try site.ringctl(["read", "null", "--count", "1"], asAgent: true)
        #expect(refused.status == 6 && refused.output.contains("being repaired"), "\(refused.output)")
        #expect(try site.ringctl(["device", "list"]).output.contains("null\tnull\tdisabled"))
        #expect(try site.ringctl(["device", "enable", "null", "--reason", "repaired"]).status == 0)
        #expect(try site.ringctl(["read", "null", "--count", "1"], asAgent: true).status == 0)
        let sessions = try site.ringctl(["session", "list"])
        #expect(sessions.output.contains(Administrators.admin), "\(sessions.output)")
        #expect(try site.ringctl(["session", "kill", "999", "--reason", "gone"]).status == 6)
    }

    @Test func aStateThatCannotBeUsedIsSixAndNamed() throws {
        let files = try DaemonFiles()
        let state = try files.write("state", "a file")
        let (code, log) = try Daemon.run(files.arguments(["state": state]))
        #expect(code == 6 && log.contains(state), "\(log)")
    }
}
