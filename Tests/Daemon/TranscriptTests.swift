import Foundation
import TestSupport
import Testing

/// What the pages show is what the programs do: the transcripts run in order, one shell line after the other.
@Suite struct TranscriptTests {
    @Test(arguments: [
        "docs/cli.md", "docs/administration.md", "docs/audit.md", "docs/recording.md",
        "docs/troubleshooting.md", "docs/for-ci.md", "docs/for-admins.md", "docs/for-reviewers.md",
    ]) func transcriptsAreTrue(
        page: String
    ) throws {
        let site = try TranscriptSite()
        try Self.writeCases(to: site)
        let transcripts = try Transcript.all(of: page)
        for transcript in transcripts where transcript.needs == nil {
            let difference = try site.difference(transcript)
            #expect(difference == nil, "\(difference ?? "")")
        }
    }

    @Test(arguments: [
        ("one\ntwo\n", true), ("one\nand more\ntwo\n", true), ("one\n", false), ("two\n", false),
        ("one\ntwo\nthree\n", false), ("one two\n", false), ("", false),
    ])
    func anotherOutputIsSeen(output: String, isAsShown: Bool) throws {
        let shown = Transcript(
            page: "page", line: 1, command: "command", output: ["o...", "...", "two"], needs: nil)
        var names: [String: String] = [:]
        #expect(try shown.matches(output, naming: &names) == isAsShown)
    }

    /// Were the pages read wrongly, the test above would hold for no reason.
    @Test func thePageHasTranscriptsOfEachSubcommand() throws {
        let commands = try Transcript.all(of: "docs/cli.md").map(\.command).joined(separator: "\n")
        for words in [
            "call", "console", "read", "explain 12:3", "explain --as", "policy check", "policy diff",
            "policy plan", "policy apply new.yaml --dry-run", "policy history", "policy rollback",
            "policy suggest", "policy fmt", "policy test", "session list", "session kill", "device list",
            "device disable", "device enable",
        ] {
            #expect(commands.contains("ringctl \(words)"), "no transcript of \(words)")
        }
    }

    @Test(.enabled(if: TranscriptSite.has(.bus), "no EEPROM at 0x50 of RINGGATE_TEST_I2C"))
    func transcriptsForAnI2CBusAreTrue() throws { try Self.run(for: .bus) }

    @Test(
        .enabled(if: TranscriptSite.has(.chip), "no free line 4 of RINGGATE_TEST_GPIO"))
    func transcriptsForAGPIOChipAreTrue() throws { try Self.run(for: .chip) }

    /// What no machine at hand can run is at least encoded, sent to the gateway and allowed there.
    @Test func whatNeedsHardwareIsWellFormedAndAllowed() throws {
        let site = try TranscriptSite()
        _ = try site.shell("export RINGGATE_HOST=127.0.0.1:7450 RINGGATE_CA=ca.crt")
        _ = try site.shell("export RINGGATE_CERT=admin.crt RINGGATE_KEY=admin.key")
        let transcripts = try Transcript.all(of: "docs/cli.md").filter { $0.needs != nil }
        #expect(transcripts.count == 2)
        for transcript in transcripts {
            for question in Self.explanations(of: transcript.command) {
                let run = try site.shell(question)
                #expect(run.succeeded && run.output.hasPrefix("allowed by"), "\(question)\n\(run.output)")
            }
        }
    }

    private static func run(for hardware: Transcript.Hardware) throws {
        let site = try TranscriptSite()
        for transcript in try Transcript.all(of: "docs/cli.md") {
            guard transcript.needs == hardware || transcript.command.hasPrefix("export ") else { continue }
            // The administrator's part begins.
            if transcript.command.contains("admin.crt") { break }
            let difference = try site.difference(transcript)
            #expect(difference == nil, "\(difference ?? "")")
        }
    }

    /// `ringctl call DEVICE COMMAND VALUES + COMMAND VALUES` as questions, one for each command.
    private static func explanations(of call: String) -> [String] {
        let words = call.split(whereSeparator: { " \n\\".contains($0) }).dropFirst(2)
        guard var device = words.first.map(String.init) else { return [] }
        return words.dropFirst().split(separator: "+").map { step in
            let values = step.dropFirst().joined(separator: " ")
            defer { device += "/gpio-line" }
            return "ringctl explain --as \(TranscriptSite.agent) --device \(device) --op \(step.first ?? "") "
                + values
        }
    }

    /// The list of cases that the page shows.
    private static func writeCases(to site: TranscriptSite) throws {
        let lines = try Transcript.lines(of: "docs/cli.md")
        let start = try #require(lines.firstIndex(of: "```yaml"))
        let text = lines[(start + 1)...].prefix { $0 != "```" }.joined(separator: "\n")
        try text.write(to: site.directory.appending(path: "cases.yaml"), atomically: true, encoding: .utf8)
    }
}
