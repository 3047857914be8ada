import RingPolicy
import RingProtocol
import Testing

@Suite("What wins over rules, and what runs under observation")
struct NeverTests {
    private typealias Fixture = NestedFixture

    private func never(_ commands: [Rule.Command], principals: Set<String>? = nil, read: Bool = false)
        -> NeverRule
    {
        NeverRule(
            id: "no-way", principals: principals, commands: ["board": FileRights(commands: commands)],
            forbidsRead: read, forbidsWrite: read)
    }

    @Test("A never without conditions takes the command away, one with conditions what meets them all")
    func nevers() throws {
        let rights = FileRights(commands: [.init(Fixture.transfer), .init(Fixture.identify)])
        let whole = try Fixture.grant(rights, nevers: [never([.init(Fixture.transfer)])])
        let argument = Fixture.transfer((0x50, 0, 1, 1))
        #expect(try whole.blocksRefusal(0x0707, argument)?.reason == .noRule)
        let condition = Condition(Fixture.address, .equals(0x50), in: Fixture.transfer.blocks[1], index: 1)
        let some = try Fixture.grant(rights, nevers: [never([.init(Fixture.transfer, where: [condition])])])
        #expect(
            try some.blocksRefusal(0x0707, argument)
                == Refusal(.never, rule: "no-way", "TRANSFER with these values is never allowed"))
        #expect(try some.blocksRefusal(0x0707, Fixture.transfer((0x51, 0, 1, 1))) == nil)
        let others = try Fixture.grant(
            rights, nevers: [never([.init(Fixture.transfer)], principals: ["someone"])])
        #expect(try others.blocksRefusal(0x0707, argument) == nil)
    }

    @Test("A never forbids reading and writing by its name")
    func transfers() throws {
        let rights = FileRights(read: TransferRights(maxLength: 10), write: TransferRights(maxLength: 10))
        let grant = try Fixture.grant(rights, nevers: [never([], read: true)])
        let words = Refusal(.never, rule: "no-way", "reading `board` is never allowed")
        #expect(try grant.refusal(.read, ReadArgument.encode(count: 1)) == words)
        #expect(try grant.refusal(.write, [1])?.rule == "no-way")
        #expect(try grant.refusal(.sync)?.reason == .noRule)
    }

    @Test("A never reaches the files that commands give")
    func handles() throws {
        let rights = FileRights(
            commands: [.init(Fixture.create)], handles: ["line": FileRights(commands: [.init(Fixture.set)])])
        let never = NeverRule(
            id: "no-way", principals: nil,
            commands: ["board": FileRights(handles: ["line": FileRights(commands: [.init(Fixture.set)])])])
        let handle = try Fixture.grant(rights, nevers: [never]).handles[0].grant
        #expect(try handle.refusal(.command, code: 0x4004_b40f, .zeros(4))?.reason == .noRule)
    }

    private func observed(writes: Bool, at time: UInt64) throws -> Grant {
        let device = Device(
            name: "board", path: "/dev/board", kind: .character, access: .readWrite, profile: Fixture.profile,
            observation: Observation(until: 100, includesWrites: writes))
        let rights = FileRights(
            commands: [.init(Fixture.identify, where: [Condition(Fixture.u32("dword", 4), .equals(1))])])
        return try Fixture.grant(rights, nevers: [never([.init(Fixture.family)])], device: device, at: time)
    }

    @Test("Under observation reads run that no rule allows, writes where said, destruction never")
    func observation() throws {
        let identify = [UInt8].zeros(8).with(UInt8(6), at: 0)
        let reads = try observed(writes: false, at: 99)
        let allowed = try reads.decideBlocks(0xc048_4e41, identify.with(UInt32(1), at: 4))
        #expect(!allowed.isObserved)
        #expect(try reads.decideBlocks(0xc048_4e41, identify).isObserved)
        #expect(try reads.blocksRefusal(0xc048_4e41, identify.with(UInt8(1), at: 1))?.reason == .shape)
        #expect(try reads.blocksRefusal(0xc048_4e41, .zeros(8))?.reason == .noRule)
        #expect(try reads.blocksRefusal(0x8008_4506)?.reason == .noRule, "a never holds as always")
        #expect(try reads.blocksRefusal(0x5412, [1])?.reason == .never)
        #expect(try reads.refusal(.read, ReadArgument.encode(count: 9)) == nil)
        #expect(try reads.refusal(.write, [1])?.reason == .noRule)
        let writes = try observed(writes: true, at: 99)
        #expect(try writes.decideBlocks(0xc048_4e41, .zeros(8)).isObserved)
        #expect(try writes.refusal(.write, [1]) == nil)
        #expect(
            try writes.blocksRefusal(0xc048_4e41, [UInt8].zeros(8).with(UInt8(0x80), at: 0))?.reason == .never
        )
    }

    @Test("Observation ends at its time")
    func end() throws {
        let over = try observed(writes: true, at: 100)
        #expect(try over.blocksRefusal(0xc048_4e41, .zeros(8))?.reason == .noRule)
        let device = try observed(writes: true, at: 0).device
        let snapshot = PolicySnapshot(
            revision: [UInt8](repeating: 1, count: 32), principals: [], devices: [device], rules: [])
        #expect(snapshot.nextChange(after: 99) == 100 && snapshot.nextChange(after: 100) == nil)
        #expect(snapshot.policy(for: PrincipalSet(names: ["agent"]), at: 100).list.devices.isEmpty)
        #expect(
            snapshot.policy(for: PrincipalSet(names: ["agent"]), at: 99).list.devices.map(\.name) == ["board"]
        )
    }

    @Test("A command's time is the least that profile, device and rule say, and its limits are its rule's")
    func bounds() throws {
        let device = Device(
            name: "board", path: "/x", kind: .character, access: .readOnly, profile: Fixture.profile,
            limits: UseLimits(timeout: 500))
        let limits = UseLimits(inFlight: 2, rate: 10, timeout: 300)
        let rights = FileRights(commands: [.init(Fixture.identify)], read: TransferRights(maxLength: 1))
        let grant = try Fixture.grant(rights, limits: limits, device: device)
        let authorized = try grant.decideBlocks(0xc048_4e41, [UInt8].zeros(8).with(UInt8(6), at: 0))
        #expect(authorized.timeout == 300 && grant.limits[authorized.limit] == limits)
        let free = try Fixture.grant(rights, device: device)
        #expect(try free.decideBlocks(0xc048_4e41, [UInt8].zeros(8).with(UInt8(6), at: 0)).timeout == 500)
    }
}
