import Testing

@testable import RingPolicyFile

/// A policy that uses everything the language has, and what becomes of it after one change.
enum LanguageFixture {
    static let text = """
        version: 1
        principals:
          ada: {uri: "ringgate://farm.example/person/ada"}
          bob: {uri: "ringgate://farm.example/person/bob"}
          ci: {uri: "ringgate://farm.example/agent/*"}
        roles:
          admin: {members: [ada], inherits: [operator]}
          operator: {members: [bob], inherits: [reader]}
          reader: {members: [ci]}
        devices:
          left:
            udev: serial/by-id/usb-Left-if00
            profile: bus
            open: read-write
            expect: {major: 188, minor: 0, serial: A5, properties: {ID_MODEL: Bus}}
            labels: {board: imx8, side: left}
            lease: exclusive
            limits: {rate: 100, in-flight: 8, timeout: 2s}
            observe: {until: 2026-12-31T23:59:59Z, writes: true}
          right: {path: /dev/bus1, profile: bus, open: read-write, labels: {board: imx8, side: right}}
          disk: {path: /dev/loop0, kind: block, profile: block, open: read-write}
          scope: {address: "192.0.2.7:5025", kind: tcp, profile: "null"}
        rules:
          - id: readers-ping
            roles: [reader]
            labels: {board: imx8}
            commands: [BUS_PING]
            read: {max-length: 64}
          - id: operators-set
            roles: [operator]
            devices: [left, right]
            commands:
              - use: BUS_SET
                where:
                  mode: {equals: FAST}
                  options: {mask: [LOUD]}
                  steps.gain: {range: [0, 50]}
                  range: {window: [0, 4KiB]}
              - {use: BUS_MOVE, where: {offsets: {range: [0, 100], max-length: 16}, data: {max-length: 512}}}
              - BUS_OPEN_LINE
            destructive:
              - {use: BUS_ERASE, where: {sector: {in: [1, 2, 3]}}}
            handles:
              line:
                commands: [LINE_SET, LINE_SPLIT]
                destructive: [LINE_BURN]
                read: true
                handles: {line: {commands: [LINE_SET]}}
            limits: {rate: 10, timeout: 500ms}
          - {id: admins-run, principals: [ada], devices: ["@gateway"], commands: [policy.show, session.kill]}
        never:
          - id: first-sectors
            commands: [{use: BUS_ERASE, where: {sector: {range: [0, 1]}}}]
          - {id: bob-reads-only, principals: [bob], devices: [disk], write: true}

        """

    static func load() throws(PolicyErrors) -> LoadedPolicy { try SiteFixture.load(text) }
}

/// One change to the fixture and everything it makes wrong.
struct BadLanguage: CustomTestStringConvertible, Sendable {
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
        let parts = LanguageFixture.text.split(separator: old, omittingEmptySubsequences: false)
        try #require(parts.count == 2, "the fixture has `\(old)` \(parts.count - 1) times")
        let errors = SiteFixture.errors(parts.joined(separator: new))
        #expect(errors == says.map { "site.yaml:\($0)" })
    }
}
