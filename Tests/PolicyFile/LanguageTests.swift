import RingPolicy
import RingProtocol
import Testing

@testable import RingPolicyFile

@Suite("What roles, devices, nevers and handles of a file mean")
struct LanguageTests {
    private func device(_ name: String, in text: String = LanguageFixture.text) throws -> Device {
        try #require(try SiteFixture.load(text).devices.first { $0.name == name })
    }

    private func rule(_ id: String, in text: String = LanguageFixture.text) throws -> Rule {
        try #require(try SiteFixture.load(text).rules.first { $0.id == id })
    }

    @Test("A rule for a role reaches its members and those of all roles that inherit from it")
    func roles() throws {
        let policy = try LanguageFixture.load()
        #expect(policy.roles.map(\.name) == ["admin", "operator", "reader"])
        #expect(policy.roles.map(\.reach) == [["ada"], ["ada", "bob"], ["ada", "bob", "ci"]])
        #expect(policy.roles[1].members == ["bob"] && policy.roles[1].inherits == ["reader"])
        #expect(try rule("readers-ping").principals == ["ada", "bob", "ci"])
        #expect(try rule("operators-set").principals == ["ada", "bob"])
    }

    @Test("Principals and roles of one rule add up")
    func both() throws {
        let text = LanguageFixture.text.replacing(
            "roles: [operator]", with: "roles: [operator]\n    principals: [ci, bob]")
        #expect(try rule("operators-set", in: text).principals == ["ada", "bob", "ci"])
    }

    @Test("A device has all that the file says of it")
    func devices() throws {
        let left = try device("left")
        #expect(left.path == "/dev/serial/by-id/usb-Left-if00" && left.followsLink)
        #expect(left.kind == .character && left.access == .readWrite)
        #expect(left.identity.major == 188 && left.identity.minor == 0)
        #expect(left.identity.properties == ["ID_SERIAL_SHORT": "A5", "ID_MODEL": "Bus"])
        #expect(left.labels == ["board": "imx8", "side": "left"])
        #expect(left.lease == LeaseTerms(.exclusive, longest: 3_600_000))
        #expect(left.limits == UseLimits(inFlight: 8, rate: 100, timeout: 2000))
        // date -u -d 2026-12-31T23:59:59Z +%s
        #expect(left.observation == Observation(until: 1_798_761_599, includesWrites: true))
        let right = try device("right")
        #expect(!right.followsLink && right.lease.mode == .none && right.limits.isEmpty)
        #expect(right.identity.isEmpty && right.observation == nil)
    }

    @Test(
        "A time is the one that date(1) tells",
        arguments: [
            ("1970-01-01T00:00:00Z", 0), ("2000-02-29T12:00:00Z", 951_825_600),
            ("2100-03-01T00:00:00Z", 4_107_542_400), ("2024-12-31T23:59:59Z", 1_735_689_599),
        ] as [(String, UInt64)])
    func times(_ text: String, _ seconds: UInt64) throws {
        let site = LanguageFixture.text.replacing("2026-12-31T23:59:59Z", with: text)
        #expect(try device("left", in: site).observation?.until == seconds)
    }

    @Test("A TCP device is its address, open both ways")
    func addresses() throws {
        let scope = try device("scope")
        #expect(scope.path == "192.0.2.7:5025" && scope.kind == .tcp && scope.access == .readWrite)
        let text = LanguageFixture.text.replacing("192.0.2.7", with: "[2001:db8::7]")
        #expect(try device("scope", in: text).path == "[2001:db8::7]:5025")
    }

    @Test("A label in a node's `expect` is the file system's")
    func fileSystemLabel() throws {
        let text = LanguageFixture.text.replacing(
            "kind: block,", with: "kind: block, expect: {label: scratch},")
        #expect(try device("disk", in: text).identity.properties == ["ID_FS_LABEL": "scratch"])
    }

    @Test("Labels select every device that has them all, besides those that are named")
    func selectors() throws {
        #expect(try rule("readers-ping").rights.keys.sorted() == ["left", "right"])
        let both = LanguageFixture.text.replacing(
            "labels: {board: imx8}\n    commands",
            with: "labels: {side: right}\n    devices: [left]\n    commands")
        #expect(try rule("readers-ping", in: both).rights.keys.sorted() == ["left", "right"])
        let one = LanguageFixture.text.replacing(
            "labels: {board: imx8}\n", with: "labels: {board: imx8, side: left}\n")
        #expect(try rule("readers-ping", in: one).rights.keys.sorted() == ["left"])
    }

    @Test(
        "Conditions test fields inside arrays, numbers of arrays, and lengths, by names where there are some")
    func conditions() throws {
        let commands = try rule("operators-set").rights["left"]?.commands ?? []
        #expect(commands.map(\.shape.name) == ["BUS_SET", "BUS_MOVE", "BUS_OPEN_LINE", "BUS_ERASE"])
        #expect(
            commands[0].conditions.map(\.words) == [
                "mode = FAST", "options only bits LOUD", "steps.gain in 0..50", "range within [0, 4096)",
            ])
        #expect(
            commands[1].conditions.map(\.words) == [
                "offsets in 0..100", "offsets at most 16 bytes", "data at most 512 bytes",
            ])
    }

    @Test("Rights on handles nest, and belong to the devices whose commands give them")
    func handles() throws {
        let rights = try #require(try rule("operators-set").rights["right"])
        let line = try #require(rights.handles["line"])
        #expect(line.commands.map(\.shape.name) == ["LINE_SET", "LINE_SPLIT", "LINE_BURN"])
        #expect(line.read != nil && line.write == nil)
        #expect(line.handles["line"]?.commands.map(\.shape.name) == ["LINE_SET"])
        #expect(line.handles["line"]?.handles.isEmpty == true)
    }

    @Test("A rule has its limits")
    func limits() throws {
        #expect(try rule("operators-set").limits == UseLimits(rate: 10, timeout: 500))
        #expect(try rule("readers-ping").limits.isEmpty)
    }

    @Test("A never without principals is for everybody, without devices for each that has the command")
    func nevers() throws {
        let nevers = try LanguageFixture.load().nevers
        #expect(nevers.map(\.id) == ["first-sectors", "bob-reads-only"])
        #expect(nevers[0].principals == nil && nevers[1].principals == ["bob"])
        #expect(nevers[0].commands["left"]?.commands.map(\.shape.name) == ["BUS_ERASE"])
        #expect(nevers[0].commands["right"]?.commands.first?.conditions.map(\.words) == ["sector in 0..1"])
        #expect(nevers[0].commands["disk"]?.commands.isEmpty == true)
        #expect(nevers[1].forbidsWrite && !nevers[1].forbidsRead)
        #expect(nevers[1].commands.keys.sorted() == ["disk"])
    }

    @Test(
        "A never that leaves somebody or some device something is no error",
        arguments: [
            "principals: [bob], commands: [BUS_MOVE]", "devices: [left], read: true",
            "commands: [{use: BUS_ERASE, where: {sector: {in: [1, 2]}}}]",
            "handles: {line: {commands: [LINE_SPLIT]}}, principals: [bob]",
        ])
    func partialNevers(_ never: String) {
        let old = "principals: [bob], devices: [disk], write: true"
        #expect(SiteFixture.errors(LanguageFixture.text.replacing(old, with: never)) == [])
    }

    @Test("The gateway is a device of the snapshot exactly when a rule names it")
    func gateway() throws {
        let revision = [UInt8](repeating: 1, count: 32)
        let snapshot = try LanguageFixture.load().snapshot(revision: revision)
        let ada = snapshot.policy(for: PrincipalSet(names: ["ada"]), at: 1)
        #expect(ada.list.devices.map(\.name) == ["@gateway", "left", "right"])
        let grant = try #require(ada.grant(onDevice: "@gateway"))
        #expect(grant.covers(SubOpcode(GatewayCommand.policyShow.rawValue)))
        #expect(!grant.covers(SubOpcode(GatewayCommand.policyApply.rawValue)))
        let bob = snapshot.policy(for: PrincipalSet(names: ["bob"]), at: 1)
        #expect(bob.grant(onDevice: "@gateway") == nil)
        #expect(
            try !SiteFixture.load(SiteFixture.text).snapshot(revision: revision).devices.contains {
                $0.kind == .gateway
            })
    }

    @Test("What handles may do is in the snapshot's grants")
    func snapshotHandles() throws {
        let snapshot = try LanguageFixture.load().snapshot(revision: [UInt8](repeating: 1, count: 32))
        let grant = try #require(
            snapshot.policy(for: PrincipalSet(names: ["bob"]), at: 1).grant(onDevice: "left"))
        let line = try #require(grant.handles.first)
        #expect(line.profile == "line" && line.grant.covers(SubOpcode(0x4410)))
    }

    @Test("Rules of which none contains the other stay as they are")
    func overlappingRules() throws {
        let wider =
            "  - {id: ada-reads-more, principals: [ada], devices: [left], commands: [BUS_PING], read: true}\n"
        let text = LanguageFixture.text.replacing(
            "  - id: operators-set", with: wider + "  - id: operators-set")
        #expect(SiteFixture.errors(text) == [])
        // A rule with stricter limits does not make one without limits superfluous.
        let strict = LanguageFixture.text.replacing(
            "read: {max-length: 64}", with: "read: {max-length: 64}\n    limits: {rate: 1}")
        let free = "  - {id: ada-pings, principals: [ada], devices: [left], commands: [BUS_PING]}\n"
        #expect(
            SiteFixture.errors(
                strict.replacing("  - id: operators-set", with: free + "  - id: operators-set")) == [])
    }
}
