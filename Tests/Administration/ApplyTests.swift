import Foundation
import RingAdministration
import RingPolicy
import RingProtocol
import TestSupport
import Testing

/// A policy comes in force whole, kept and known, or not at all.
struct ApplyTests {
    @Test func whatIsAppliedIsInForceAndIsTheFile() throws {
        let office = try Office()
        let before = office.revision
        let answer = try office.ask(
            .policyApply, ["text": Office.policy(rows: 50), "ifRevision": before, "reason": "smaller"])
        #expect(answer["applied"] as? Bool == true)
        #expect(answer["revision"] as? String == office.revision && office.revision != before)
        #expect(try office.file() == Office.policy(rows: 50))
        let shown = try office.ask(.policyShow)
        #expect(shown["text"] as? String == Office.policy(rows: 50))
        #expect(shown["revision"] as? String == office.revision)
        #expect(shown["appliedBy"] as? String == Office.admin)
    }

    @Test func aWrongPolicyChangesNothingAndEveryErrorIsTold() throws {
        let office = try Office()
        let before = office.revision
        let wrong = Office.policy().replacingOccurrences(of: "SET_SIZE", with: "SETSIZE")
            .replacingOccurrences(of: "principals: [agent]", with: "principals: [agemt]")
        let answer = try office.ask(.policyApply, ["text": wrong, "name": "mine.yaml"])
        let errors = try #require(answer["errors"] as? [String])
        #expect(errors.count == 2 && errors.allSatisfy { $0.hasPrefix("mine.yaml:") }, "\(errors)")
        #expect(answer["applied"] as? Bool == false && answer["refused"] as? String == "errors")
        #expect(office.revision == before)
        #expect(try office.file() == Office.policy())
    }

    @Test func whoHasPlannedOnAnotherRevisionIsStopped() throws {
        let office = try Office()
        let old = office.revision
        try office.ask(.policyApply, ["text": Office.policy(rows: 50)])
        let answer = try office.ask(.policyApply, ["text": Office.policy(rows: 60), "ifRevision": old])
        #expect(answer["refused"] as? String == "revision")
        #expect(answer["current"] as? String == office.revision)
        #expect(try office.file() == Office.policy(rows: 50))
        // Too few digits could be anybody's.
        let short = try office.ask(
            .policyApply, ["text": Office.policy(), "ifRevision": String(office.revision.prefix(4))])
        #expect(short["refused"] as? String == "revision")
    }

    @Test func aDryRunChangesNothing() throws {
        let office = try Office()
        let answer = try office.ask(.policyApply, ["text": Office.policy(rows: 50), "dryRun": true])
        #expect(answer["applied"] as? Bool == false && answer["refused"] == nil)
        #expect((answer["changes"] as? [Any])?.count == 1)
        #expect(try office.file() == Office.policy())
    }

    @Test func nobodyLocksThemselvesOutUnlessTheySaySo() throws {
        let office = try Office()
        let without = Office.policy().replacingOccurrences(of: "policy.apply, ", with: "")
        let answer = try office.ask(.policyApply, ["text": without])
        #expect(answer["refused"] as? String == "lockout" && answer["applied"] as? Bool == false)
        #expect(try office.file() == Office.policy())
        let renamed = Office.policy().replacingOccurrences(of: "example/admin", with: "example/boss")
        #expect(try office.ask(.policyApply, ["text": renamed])["refused"] as? String == "lockout")
        #expect(try office.ask(.policyApply, ["text": without, "force": true])["applied"] as? Bool == true)
    }

    @Test func aMisspeltKeyIsRefused() throws {
        let office = try Office()
        let refusal = #expect(throws: Refusal.self) {
            try office.ask(.policyApply, ["text": Office.policy(rows: 50), "dryrun": true])
        }
        #expect(refusal?.reason == .shape && refusal?.text.contains("dryrun") == true)
        #expect(try office.file() == Office.policy())
    }

    @Test func withoutStateNothingIsAppliedFromAfar() throws {
        let office = try Office(keepsState: false)
        for command in [GatewayCommand.policyApply, .policyRollback, .policyHistory] {
            let request = ["policyApply": ["text": Office.policy()], "policyRollback": ["revision": "1"]]
            let refusal = #expect(throws: Refusal.self) {
                try office.ask(command, request["\(command)"] ?? [:])
            }
            #expect(refusal?.reason == .unsupported && refusal?.text.contains("state:") == true)
        }
        #expect(try office.ask(.policyPlan, ["text": Office.policy(rows: 50)])["changes"] != nil)
    }

    @Test func aDirectoryThatCannotBeWrittenChangesNothing() throws {
        // Root may write everywhere, so what is in the way is a directory of the file's name.
        let office = try Office()
        try FileManager.default.createDirectory(
            atPath: office.directory.path + "/.policy.yaml.new", withIntermediateDirectories: false)
        let before = office.revision
        let answer = try office.ask(.policyApply, ["text": Office.policy(rows: 50)])
        #expect(answer["refused"] as? String == "files" && office.revision == before)
        #expect(try office.ask(.policyHistory)["history"] as? [Any] != nil)
        #expect((try office.ask(.policyHistory)["history"] as? [Any])?.count == 1)
    }

    @Test func theFilesModeStaysAndALinkStaysALink() throws {
        let office = try Office()
        let real = office.directory.path + "/real.yaml"
        try FileManager.default.moveItem(atPath: office.policyPath, toPath: real)
        try FileManager.default.createSymbolicLink(atPath: office.policyPath, withDestinationPath: real)
        chmod(real, 0o604)
        try office.ask(.policyApply, ["text": Office.policy(rows: 50)])
        #expect(try String(contentsOfFile: real, encoding: .utf8) == Office.policy(rows: 50))
        let attributes = try FileManager.default.attributesOfItem(atPath: real)
        #expect(attributes[.posixPermissions] as? Int == 0o604)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: office.policyPath) == real)
    }
}
