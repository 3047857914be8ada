import Foundation
import TestSupport
import Testing

/// README.md's "First own use", done as it says, but for the building and at another port.
@Suite struct FirstUseTests {
    private let home: TemporaryDirectory
    private let section: ArraySlice<String>

    init() throws {
        home = try TemporaryDirectory()
        let lines = try Transcript.lines(of: "README.md")
        let start = try #require(lines.firstIndex(of: "## First own use"))
        section = lines[(start + 1)...].prefix { !$0.hasPrefix("## ") && $0 != "```swift" }
    }

    @Test func itGoesAsItSays() throws {
        let certificates = commands { $0.hasPrefix("certs/") }
        #expect(certificates.count == 3)
        for command in certificates { try expect(command, from: Tool.repository) }
        try policy().write(toFile: "\(site)/policy.yaml", atomically: true, encoding: .utf8)

        let starts = commands { $0.hasPrefix("ringgated ") }
        #expect(starts.count == 2)
        for command in starts where command.contains("--check") { try expect(command, from: site) }
        let files = try DaemonFiles()
        let (daemon, port) = try files.start([
            "--certificate", "\(site)/gateway.crt", "--key", "\(site)/gateway.key",
            "--client-ca", "\(site)/ca.crt", "--policy", "\(site)/policy.yaml",
        ])

        let exports = commands { $0.hasPrefix("export RINGGATE_") }.joined(separator: "\n")
            .replacingOccurrences(of: "127.0.0.1:7450", with: "127.0.0.1:\(port)")
        let calls = commands { $0.hasPrefix("ringctl ") }
        #expect(calls.count > 5)
        for command in calls {
            try expect(command, after: exports, from: site, status: command.contains("# denied") ? 3 : 0)
        }
        daemon.signal(SIGTERM)
        #expect(try daemon.exitCode() == 0)
    }

    private var site: String { "\(home.path)/ringgate" }

    private func expect(
        _ command: String, after exports: String = "", from directory: String, status: Int32 = 0
    ) throws {
        let run = try Tool.run(
            [
                "HOME=\(home.path)", "PROFILES=\(Tool.repository)/profiles", "bash", "-c",
                "set -o pipefail; PATH=\(Bundle.main.bundleURL.path):$PATH\n\(exports)\n\(command)",
            ], in: directory)
        #expect(run.status == status, "\(command)\n\(run.output)")
    }

    /// Indented lines that begin like that, with those that continue them.
    private func commands(_ begins: (String) -> Bool) -> [String] {
        var found: [String] = []
        var isOpen = false
        for line in section where line.hasPrefix("    ") {
            let text = line.trimmingCharacters(in: .whitespaces)
            if isOpen {
                found[found.endIndex - 1] += "\n" + text
            } else if begins(text) {
                found.append(text)
            } else {
                continue
            }
            isOpen = text.hasSuffix("\\")
        }
        return found
    }

    private func policy() throws -> String {
        let start = try #require(section.firstIndex(of: "```yaml"))
        return section[(start + 1)...].prefix { $0 != "```" }.joined(separator: "\n") + "\n"
    }
}
