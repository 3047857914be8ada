import Foundation
import TestSupport
import Testing

/// What `ringctl policy` does without a gateway.
@Suite struct LocalPolicyTests {
    private func ringctl(_ arguments: String...) throws -> ToolRun {
        try Tool.run([Administrators.program, "policy"] + arguments)
    }

    private let profiles = "\(Tool.repository)/profiles"

    @Test func checkTellsEveryErrorAndEndsWithTwo() throws {
        let files = try DaemonFiles()
        let good = try ringctl("check", files.path("policy.yaml"), "--profiles", profiles)
        #expect(good.status == 0 && good.output == "ok: 1 principals, 2 devices, 1 rules\n")
        let wrong = try files.write(
            "wrong.yaml",
            String(contentsOfFile: files.path("policy.yaml"), encoding: .utf8)
                .replacingOccurrences(of: "principals: [agent]", with: "principals: [agemt]")
                + "colour: blue\n")
        let bad = try ringctl("check", wrong, "--profiles", profiles)
        #expect(bad.status == 2, "\(bad.output)")
        #expect(bad.output.split(separator: "\n").count == 2 && bad.output.contains("agemt"), "\(bad.output)")
        #expect(try ringctl("check", wrong, "--profiles", profiles, "-o", "json").status == 2)
    }

    @Test func formattingIsOneThingOnceDone() throws {
        let files = try DaemonFiles()
        let text = try String(contentsOfFile: files.path("policy.yaml"), encoding: .utf8)
        let path = try files.write(
            "ugly.yaml", text.replacingOccurrences(of: "\n  agent:", with: "   \n    agent:"))
        #expect(try ringctl("fmt", path, "--check").status == 1)
        #expect(try ringctl("fmt", path, "--write").status == 0)
        #expect(try ringctl("fmt", path, "--check").status == 0)
        let shown = try ringctl("fmt", path)
        #expect(try shown.output == String(contentsOfFile: path, encoding: .utf8))
    }

    @Test func casesThatAreNotAsExpectedAreOne() throws {
        let files = try DaemonFiles()
        let policy = files.path("policy.yaml")
        let good = try files.write(
            "good.yaml",
            """
            - {as: "\(DaemonFiles.agent)", device: "null", command: NULL_URING_CMD, expect: allowed, rule: agents}
            - {as: "\(DaemonFiles.agent)", device: "null", read: 1, expect: denied}
            - {as: "\(DaemonFiles.agent)", device: "null", write: 1, offset: 4096, expect: denied}
            - {as: "ringgate://elsewhere.example/x", device: "null", open: true, expect: denied}

            """)
        let passed = try ringctl("test", good, "--policy", policy, "--profiles", profiles)
        #expect(passed.status == 0 && passed.output.hasSuffix("4 of 4 as expected\n"), "\(passed.output)")
        let other = try files.write(
            "other.yaml", "- {as: \"\(DaemonFiles.agent)\", device: \"null\", read: 1, expect: allowed}\n")
        let failed = try ringctl("test", other, "--policy", policy, "--profiles", profiles)
        #expect(failed.status == 1 && failed.output.hasPrefix("FAIL"), "\(failed.output)")
        let rule = try files.write(
            "rule.yaml",
            "- {as: \"\(DaemonFiles.agent)\", device: \"null\", command: NULL_URING_CMD, expect: allowed, rule: x}\n"
        )
        #expect(try ringctl("test", rule, "--policy", policy, "--profiles", profiles).status == 1)
    }

    @Test(arguments: [
        "- {device: x, open: true, expect: allowed}", "- {as: a, device: x, expect: allowed}", "a: b",
        "- {as: a, device: x, open: true, read: 1, expect: allowed}",
        "- {as: a, device: x, open: true, expect: maybe}",
        "- {as: a, device: x, read: 1, fields: {a: 1}, expect: denied}",
    ])
    func casesThatAreNoneAreTwoAndNamed(text: String) throws {
        let files = try DaemonFiles()
        let cases = try files.write("cases.yaml", text + "\n")
        let run = try ringctl("test", cases, "--policy", files.path("policy.yaml"), "--profiles", profiles)
        #expect(run.status == 2 && run.output.contains("cases.yaml:1:"), "\(run.output)")
    }
}
