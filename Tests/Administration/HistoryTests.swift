import Foundation
import RingAdministration
import RingPolicy
import RingProtocol
import TestSupport
import Testing

/// What was in force when and by whom is known, also after a restart or a crash.
struct HistoryTests {
    private func history(_ office: Office) throws -> [[String: Any]] {
        try #require(try office.ask(.policyHistory)["history"] as? [[String: Any]])
    }

    @Test func everyChangeIsALineNewestFirst() throws {
        let office = try Office()
        try office.ask(.policyApply, ["text": Office.policy(rows: 50), "reason": "first"])
        try office.ask(.policyApply, ["text": Office.policy(rows: 60)])
        let lines = try history(office)
        #expect(lines.map { $0["number"] as? Int } == [3, 2, 1])
        #expect(lines.map { $0["source"] as? String } == ["apply", "apply", "start"])
        #expect(lines[1]["reason"] as? String == "first" && lines[1]["by"] as? String == Office.admin)
        #expect(lines[0]["revision"] as? String == office.revision)
        let names = try FileManager.default.contentsOfDirectory(atPath: office.state + "/revisions").sorted()
        #expect(names.count == 3 && names[2] == "000003-\(office.revision.prefix(12)).yaml")
    }

    @Test(arguments: ["1", "prefix"]) func rollbackPutsAnEarlierOneInForce(by: String) throws {
        let office = try Office()
        let first = office.revision
        try office.ask(.policyApply, ["text": Office.policy(rows: 50)])
        let word = by == "1" ? "1" : String(first.prefix(10))
        let answer = try office.ask(.policyRollback, ["revision": word, "reason": "too small"])
        #expect(answer["applied"] as? Bool == true && office.revision == first)
        #expect(try office.file() == Office.policy())
        #expect(try history(office).first?["source"] as? String == "rollback")
    }

    @Test(arguments: ["9", "zzzz", "", "-1"]) func rollbackToNothingKnownIsRefused(word: String) throws {
        let office = try Office()
        let refusal = #expect(throws: Refusal.self) {
            try office.ask(.policyRollback, ["revision": word])
        }
        #expect(refusal?.reason == .shape)
    }

    @Test func aRestartGoesOnWhereItWas() throws {
        let office = try Office()
        try office.ask(.policyApply, ["text": Office.policy(rows: 50)])
        let (again, policy) = try office.restarted()
        #expect(policy.revision == office.policy.revision)
        let context = AdministrationContext(
            policy: policy, identity: Office.admin, requests: RequestLog(), time: 1)
        let shown = again.answer(.policyShow, [], context)
        let document = try JSONSerialization.jsonObject(with: Data(shown.document)) as? [String: Any]
        #expect(document?["appliedBy"] as? String == Office.admin && document?["number"] as? Int == 2)
        #expect(try history(office).count == 2, "the same policy is no new line")
    }

    @Test func aFileChangedWhileTheGatewayWasDownIsALineOfTheStart() throws {
        let office = try Office()
        try Office.policy(rows: 70).write(toFile: office.policyPath, atomically: true, encoding: .utf8)
        _ = try office.restarted()
        #expect(try history(office).map { $0["source"] as? String } == ["start", "start"])
    }

    /// As after a crash between the line and the file: the line tells of a policy that never came in force.
    @Test func aCrashLeavesALineTooManyAndTheNextStartCorrectsIt() throws {
        let office = try Office()
        let first = office.revision
        try office.ask(.policyApply, ["text": Office.policy(rows: 50)])
        try Office.policy().write(toFile: office.policyPath, atomically: true, encoding: .utf8)
        let (_, policy) = try office.restarted()
        #expect(policy.revision.map { String(format: "%02x", $0) }.joined() == first)
        #expect(try history(office).first?["revision"] as? String == first)
    }

    @Test func halfALineSwallowsNothing() throws {
        let office = try Office()
        let path = office.state + "/history.jsonl"
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("{\"number\": 2, \"rev".utf8))
        try office.ask(.policyApply, ["text": Office.policy(rows: 50)])
        #expect(try history(office).map { $0["number"] as? Int } == [2, 1])
    }

    @Test func aReloadTakesTheFileAndIsALine() throws {
        let office = try Office()
        try Office.policy(rows: 70).write(toFile: office.policyPath, atomically: true, encoding: .utf8)
        let before = office.revision
        #expect(office.reload().contains("policy"))
        #expect(office.revision != before)
        #expect(try history(office).first?["source"] as? String == "reload")
        #expect(office.reload().contains("in force"), "the same file changes nothing")
        #expect(try history(office).count == 2)
    }

    @Test func aWrongFileChangesNothingAndIsNoted() throws {
        let office = try Office()
        let before = office.revision
        try (Office.policy() + "colour: blue\nshape: round\n").write(
            toFile: office.policyPath, atomically: true, encoding: .utf8)
        let text = office.reload()
        #expect(text.contains("colour") && text.contains("shape"), "\(text)")
        #expect(office.revision == before)
        let line = try #require(try history(office).first)
        #expect((line["error"] as? String)?.hasPrefix("2 errors") == true)
        #expect(line["revision"] as? String == before)
        #expect(throws: Refusal.self) { try office.ask(.policyRollback, ["revision": "2"]) }
    }

    @Test func oldTextsMakeRoom() throws {
        let office = try Office()
        // As if there had been many.
        let path = office.state + "/history.jsonl"
        let line = try String(contentsOfFile: path, encoding: .utf8)
        let lines = (1...300).map {
            line.replacingOccurrences(of: "\"number\":1,", with: "\"number\":\($0),")
        }
        try lines.joined().write(toFile: path, atomically: true, encoding: .utf8)
        for number in 1...300 {
            let name = String(format: "%06d", number) + "-\(office.revision.prefix(12)).yaml"
            try Office.policy().write(
                toFile: "\(office.state)/revisions/\(name)", atomically: true, encoding: .utf8)
        }
        #expect(
            try office.ask(.policyApply, ["text": Office.policy(rows: 50)])["number"] as? Int == 301)
        let names = try FileManager.default.contentsOfDirectory(atPath: office.state + "/revisions")
        #expect(names.count == 256 && names.min()?.hasPrefix("000046-") == true)
        let refusal = #expect(throws: Refusal.self) {
            try office.ask(.policyRollback, ["revision": "45"])
        }
        #expect(refusal?.text.contains("no longer kept") == true)
        #expect(try office.ask(.policyRollback, ["revision": "46"])["applied"] as? Bool == true)
    }
}
