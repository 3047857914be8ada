import RingPolicy
import RingProtocol
import Testing

@testable import RingPolicyFile

@Suite("What a policy file means")
struct LoadedPolicyTests {
    @Test("Principals, devices and rules are those of the file")
    func contents() throws {
        let policy = try SiteFixture.load(SiteFixture.text)
        #expect(policy.principals.map(\.name) == ["agent", "key", "old"])
        #expect(policy.devices.map(\.name) == ["board", "disk", "null"])
        #expect(policy.devices.map(\.path) == ["/dev/ttyUSB0", "/dev/loop0", "/dev/null"])
        #expect(policy.devices.map(\.kind) == [.character, .block, .character])
        #expect(policy.devices.map(\.access) == [.readWrite, .readWrite, .writeOnly])
        #expect(policy.devices.map(\.profile.name) == ["tty", "block", "null"])
        #expect(policy.profiles.map(\.name) == ["block", "bus", "line", "null", "tty"])
        #expect(policy.rules.map(\.id) == ["use-board", "use-disk"])
        #expect(policy.rules[1].principals == ["agent", "key"])
        #expect(policy.rules[0].rights["board"]?.read?.maxLength == 4096)
        #expect(policy.rules[0].rights["board"]?.write?.window == 1 << 20..<2 << 20)
        #expect(policy.rules[1].rights["disk"]?.read == nil)
    }

    @Test("Conditions are those of the file, in words")
    func conditions() throws {
        let words = [
            ("{equals: 0x10}", "ws_row = 16"), ("{in: [1, 2]}", "ws_row in [1, 2]"),
            ("{range: [0, 65535]}", "ws_row in 0..65535"), ("{mask: 0xff00}", "ws_row only bits 0xff00"),
        ]
        for (yaml, expected) in words {
            let text = SiteFixture.text.replacing("{range: [1, 200]}", with: yaml)
            let commands = try SiteFixture.load(text).rules[0].rights["board"]?.commands ?? []
            #expect(commands.last?.conditions.map(\.words) == [expected])
        }
        let discard = try SiteFixture.load(SiteFixture.text).rules[1].rights["disk"]?.commands.first
        #expect(discard?.conditions.map(\.words) == ["range within [1048576, 2097152)"])
    }

    @Test("A rule of several devices takes each command from each device's profile")
    func severalDevices() throws {
        let text = SiteFixture.text.replacing(
            "  \"null\":", with: "  line: {path: /dev/ttyS0, profile: tty, open: read-write}\n  \"null\":"
        ).replacing("devices: [board]", with: "devices: [board, line]")
        let rule = try SiteFixture.load(text).rules[0]
        #expect(rule.rights["line"]?.commands.map(\.shape.name) == ["TIOCGWINSZ", "TIOCSWINSZ"])
        #expect(rule.rights["line"]?.commands.last?.conditions.count == 1)
    }

    @Test("Two alternatives of one command may both have conditions")
    func alternatives() throws {
        let text = SiteFixture.text.replacing(
            "- TIOCGWINSZ", with: "- {use: TIOCSWINSZ, where: {ws_row: {equals: 0}}}")
        #expect(try SiteFixture.load(text).rules[0].rights["board"]?.commands.count == 2)
    }

    @Test("`true` allows transfers up to the protocol's bound, a rule without commands is fine")
    func transfersOnly() throws {
        let text = SiteFixture.text.replacing("read: {max-length: 4KiB}", with: "read: true")
            .replacing("write: {max-length: 4KiB, window", with: "write: {window")
        let rule = try SiteFixture.load(text).rules[0]
        #expect(rule.rights["board"]?.read?.maxLength == Limits.payload)
        #expect(rule.rights["board"]?.write?.maxLength == Limits.payload)
        let commands =
            "commands:\n      - {use: BLOCK_URING_CMD_DISCARD, where: {range: {window: [1MiB, 2MiB]}}}"
        let bare = SiteFixture.text.replacing(commands, with: "read: true")
        #expect(try SiteFixture.load(bare).rules[1].rights["disk"]?.commands.isEmpty == true)
    }

    @Test("The snapshot decides as the file says")
    func snapshot() throws {
        let policy = try SiteFixture.load(SiteFixture.text)
        let snapshot = policy.snapshot(revision: [UInt8](repeating: 7, count: 32))
        let peer = PeerIdentity(
            uris: ["ringgate://farm.example/agent/7"], keyHash: [], commonName: nil, issuer: "CN=CA")
        let names = try snapshot.recognize(peer)
        #expect(names.description == "agent")
        #expect(snapshot.policy(for: names, at: 0).list.devices.map(\.name) == ["board", "disk"])
        let name = Array("board".utf8)
        let description = try name.withUnsafeBytes {
            try snapshot.policy(for: names, at: 0).describe(WireBytes($0))
        }
        #expect(description.commands.map(\.constraints) == [[], [["ws_row in 1..200"]]])
    }
}
