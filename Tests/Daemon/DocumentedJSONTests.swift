import Foundation
import TestSupport
import Testing

/// The gateway's answers have the keys that docs/administration.md tells, all of them and no others.
@Suite struct DocumentedJSONTests {
    private let examples: [DocumentedJSON]

    init() throws { examples = try DocumentedJSON.all(of: "docs/administration.md") }

    @Test func allExamplesAreRead() { #expect(examples.count >= 20, "\(examples)") }

    @Test func repliesAreAsDocumented() throws {
        let site = try TranscriptSite()
        _ = try site.shell("export RINGGATE_HOST=127.0.0.1:7450 RINGGATE_CA=ca.crt")
        let agent = "--cert agent.crt --key agent.key"
        let denied = try site.shell("ringctl call board 0x5412 --argument 61 \(agent)")
        let request = try #require(denied.output.firstMatch(of: /explain ([0-9]+:[0-9]+)/))
        _ = try site.shell("ringctl call board TIOCSWINSZ ws_row=300 \(agent)")

        try expect(site.json("policy show"), like: "revision", "text", "file")
        try expect(
            site.json("policy show --effective --as \(TranscriptSite.agent)"), like: "principals", "devices")
        try expect(site.json("policy suggest"), like: "text", "rules", "leftOutCount")
        let explained = try #require(try site.json("explain \(request.1)") as? [String: Any])
        try expect(explained, like: "verdict", "wouldNeed", "recorded")
        try expect(explained["recorded"], like: "time", "operation", "argumentLength")
        try expect(
            site.json(
                "explain --as \(TranscriptSite.agent) --device board --op TIOCSWINSZ ws_row=300"),
            like: "verdict", "wouldNeed", "nearest")
        let wider = "sed s/4KiB/8KiB/ policy.yaml > wider.yaml"
        #expect(try site.shell(wider).succeeded)
        let plan = try #require(try site.json("policy plan wider.yaml") as? [String: Any])
        try expect(plan, like: "current", "revision", "changes")
        for change in try #require(plan["changes"] as? [Any]) {
            try expect(change, like: "principal", "what")
        }
        _ = try site.json("policy apply wider.yaml --reason wider")
        let history = try #require(try site.json("policy history") as? [String: Any])
        try expect(history, like: "current", "history")
        for line in try #require(history["history"] as? [Any]) {
            try expect(line, like: "number", "by", "source")
        }
        _ = try site.json("device disable board --reason repair")
        try expect(site.json("device list"), like: "devices", "more")
        try expect(site.json("session list"), like: "sessions", "more")
    }

    /// Compares with the one example that has these keys.
    private func expect(_ actual: Any?, like keys: String...) throws {
        var actual = try #require(actual as? [String: Any])
        // Added by ringctl.
        actual["version"] = nil
        let example = try #require(
            examples.first { example in keys.allSatisfy { example.hasKeys($0) } }, "\(keys)")
        #expect(example.differences(from: actual).isEmpty, "\(example)\n\(example.differences(from: actual))")
    }
}
