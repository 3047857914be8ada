import Foundation
import Testing

@testable import RingPolicyFile

/// The repository this test was compiled from.
let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

/// A policy without errors, and what becomes of it after one change.
enum SiteFixture {
    static let text = """
        version: 1
        principals:
          agent: {uri: "ringgate://farm.example/agent/*"}
          key: {spki: "sha256:\(String(repeating: "0f", count: 32))"}
          old: {common-name: old-agent, issuer: "CN=Old CA"}
        devices:
          board: {path: /dev/ttyUSB0, profile: tty, open: read-write}
          disk: {path: /dev/loop0, kind: block, profile: block, open: read-write}
          "null": {path: /dev/null, profile: "null", open: write-only}
        rules:
          - id: use-board
            principals: [agent]
            devices: [board]
            commands:
              - TIOCGWINSZ
              - {use: TIOCSWINSZ, where: {ws_row: {range: [1, 200]}}}
            read: {max-length: 4KiB}
            write: {max-length: 4KiB, window: [1MiB, 2MiB]}
          - id: use-disk
            principals: [agent, key]
            devices: [disk]
            commands:
              - {use: BLOCK_URING_CMD_DISCARD, where: {range: {window: [1MiB, 2MiB]}}}

        """

    /// A policy that works with the shipped profiles.
    static let emptyText = """
        version: 1
        principals: {agent: {uri: "ringgate://farm.example/agent/*"}}
        devices: {"null": {path: /dev/null, profile: "null"}}
        rules: [{id: ping, principals: [agent], devices: ["null"], commands: [NULL_URING_CMD]}]

        """

    static func load(_ text: String) throws(PolicyErrors) -> LoadedPolicy {
        try PolicyLoader.load(SourceText(path: "site.yaml", text: text), profiles: FixtureProfiles.sources)
    }

    /// The profiles of the repository.
    static func shippedProfiles() throws -> [SourceText] {
        let directory = repository.appending(path: "profiles").path
        return try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(".yaml") }
            .sorted()
            .map { name in
                let bytes = try Data(contentsOf: URL(filePath: "\(directory)/\(name)"))
                return SourceText(path: "profiles/\(name)", bytes: Array(bytes))
            }
    }

    /// What is wrong with `text`, one line each; empty when nothing is.
    static func errors(_ text: String) -> [String] {
        do throws(PolicyErrors) {
            _ = try load(text)
            return []
        } catch {
            return error.diagnostics.map(\.description)
        }
    }
}

/// One change to the fixture and everything it makes wrong.
struct BadSite: CustomTestStringConvertible, Sendable {
    let old: String
    let new: String
    let says: [String]

    init(_ old: String, _ new: String, _ says: String...) {
        self.old = old
        self.new = new
        self.says = says
    }

    var testDescription: String { new.isEmpty ? "without \(old)" : new }

    func check() throws {
        let parts = SiteFixture.text.components(separatedBy: old)
        try #require(parts.count == 2, "the fixture has `\(old)` \(parts.count - 1) times")
        let errors = SiteFixture.errors(parts.joined(separator: new))
        #expect(errors == says.map { "site.yaml:\($0)" })
    }
}
