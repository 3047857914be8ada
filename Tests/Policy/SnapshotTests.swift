import RingPolicy
import RingProtocol
import Testing

@Suite("Devices and descriptions")
struct SnapshotTests {
    private typealias Fixture = PolicyFixture

    private func device(_ name: String) -> Device {
        Device(
            name: name, path: "/dev/\(name)", kind: .character, access: .readOnly, profile: Fixture.profile)
    }

    private func snapshot() -> PolicySnapshot {
        let rules = [
            Rule(
                id: "a", principals: ["one"],
                commands: ["zeta": [Rule.Command(Fixture.nothing)], "board": []],
                read: TransferRights(maxLength: 10)),
            Rule(
                id: "b", principals: ["two"], commands: ["board": [Rule.Command(Fixture.get)]],
                write: TransferRights(maxLength: 20, window: 5..<25)),
            Rule(
                id: "c", principals: ["one", "two"],
                commands: [
                    "board": [Rule.Command(Fixture.set, where: [Condition(Fixture.unsigned16, .equals(1))])]
                ]),
        ]
        let principals = [
            Principal(name: "one", match: .keyHash([1])), Principal(name: "two", match: .keyHash([2])),
            Principal(name: "idle", match: .keyHash([3])),
        ]
        return Fixture.snapshot(
            rules, principals: principals, devices: [device("zeta"), device("board"), device("unused")])
    }

    private func peer(_ key: UInt8) throws -> PrincipalSet {
        try snapshot().recognize(PeerIdentity(uris: [], keyHash: [key], commonName: nil, issuer: ""))
    }

    @Test("A list has what the peer may open, by name, and nothing else")
    func list() throws {
        #expect(snapshot().policy(for: try peer(1), at: 0).list.devices.map(\.name) == ["board", "zeta"])
        #expect(
            snapshot().policy(for: try peer(2), at: 0).list.devices == [
                .init(name: "board", profile: "every")
            ])
        #expect(snapshot().policy(for: try peer(3), at: 0).list.devices.isEmpty)
    }

    @Test("An open gives the device and what the peer may do there")
    func open() throws {
        let names = try peer(1)
        try "zeta".wire { name in
            let open = try snapshot().policy(for: names, at: 0).authorizeOpen(name)
            #expect(open.device.path == "/dev/zeta")
            #expect(try open.grant.refusal(.command) == nil)
            #expect(try open.grant.refusal(.command, code: 0x8004_5200)?.reason == .noRule)
        }
    }

    @Test("Devices that do not exist and devices of others are refused in the same words")
    func closed() throws {
        for name in ["zeta", "unused", "nowhere", "board."] {
            let names = try peer(2)
            #expect(throws: Refusal(.noRule, "no rule lets you open `\(name)`")) {
                try name.wire { _ = try snapshot().policy(for: names, at: 0).authorizeOpen($0) }
            }
            #expect(throws: Refusal(.noRule, "no rule lets you open `\(name)`")) {
                try name.wire { _ = try snapshot().policy(for: names, at: 0).describe($0) }
            }
        }
    }

    @Test("Only what a device can be called gets into texts and logs")
    func names() throws {
        let names = try peer(1)
        let shape = Refusal(.shape, "a device name has 1 to 64 of a-z 0-9 . _ -, or is `@gateway`")
        for bytes in [
            [], [UInt8](repeating: 0x61, count: 65), [0xc3, 0x28], [0x62, 0xff], [0x41], [0x0a],
            Array("/dev/board".utf8),
        ] {
            #expect(throws: shape) {
                try bytes.withUnsafeBytes {
                    _ = try snapshot().policy(for: names, at: 0).describe(WireBytes($0))
                }
            }
        }
        let longest = String(repeating: "a", count: 64)
        #expect(throws: Refusal(.noRule, "no rule lets you open `\(longest)`")) {
            try longest.wire { _ = try snapshot().policy(for: names, at: 0).describe($0) }
        }
    }

    @Test("A description shows what this peer may do, with its conditions, and nothing else")
    func describe() throws {
        let one = try "board".wire { try snapshot().policy(for: try peer(1), at: 0).describe($0) }
        #expect(one.commands.map(\.name) == ["SET"] && one.write == nil)
        #expect(one.read == .init(maxLength: 10, window: nil))
        let set = try #require(one.commands.first)
        #expect(set.constraints == [["u16 = 1"]] && set.code == 0x5414 && set.engine == "call")
        #expect(
            set.effect == "write" && set.argumentSize == 32 && set.replySize == 32 && set.summary == "Sets.")
        #expect(set.fields.map(\.name) == ["u64", "s8", "u16", "s32", "tag"])
        #expect(set.fields.map(\.type) == ["u64", "s8", "u16", "s32", "bytes"])
        #expect(set.fields.map(\.size) == [8, 1, 2, 4, 4] && set.fields.map(\.offset) == [8, 0, 2, 4, 20])
        let two = try "board".wire { try snapshot().policy(for: try peer(2), at: 0).describe($0) }
        #expect(two.commands.map(\.name) == ["GET", "SET"] && two.read == nil)
        #expect(two.commands.map(\.constraints) == [[], [["u16 = 1"]]])
        #expect(two.write == .init(maxLength: 20, window: [5, 25]))
        let zeta = try "zeta".wire { try snapshot().policy(for: try peer(1), at: 0).describe($0) }
        #expect(zeta.commands.map(\.engine) == ["ring"])
    }

    @Test("What allowed commands and procedures need of their caller is known by device")
    func capabilities() {
        let set = CommandShape(
            name: "SET", pattern: CodePattern(SubOpcode(1)), transport: .call, effect: .write,
            capability: "CAP_SYS_TIME")
        let flush = CommandShape(
            name: "FLUSH", pattern: CodePattern(SubOpcode(2)), transport: .call, effect: .write,
            capability: "CAP_SYS_ADMIN")
        let plain = CommandShape(
            name: "GET", pattern: CodePattern(SubOpcode(3)), transport: .call, effect: .read)
        let procedure = Procedure(
            name: "all", device: "board", index: 0, summary: "", effect: .write, parameters: [], steps: [],
            rights: ["disk": FileRights(commands: [FileRights.Command(flush)])])
        let devices = ["clock", "disk", "board"].map(device)
        let policy = Fixture.snapshot(
            [
                Rule(
                    id: "clock", principals: ["one"],
                    commands: ["clock": [Rule.Command(set), Rule.Command(plain)]])
            ],
            principals: [Principal(name: "one", match: .keyHash([1]))],
            devices: devices.dropLast() + [devices[2].with([procedure])])
        #expect(devices.map { policy.capabilities(on: $0) } == [["CAP_SYS_TIME"], ["CAP_SYS_ADMIN"], []])
    }

    @Test("A device is opened by its name as text as well")
    func openByName() throws {
        let policy = snapshot().policy(for: try peer(2), at: 0)
        #expect(try policy.authorizeOpen("board").device.name == "board")
        #expect(throws: Refusal.self) { _ = try policy.authorizeOpen("zeta") }
    }
}
