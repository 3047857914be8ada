import RingPolicy
import RingProtocol
import Testing

@Suite("What a procedure's steps may do")
struct ProcedureTests {
    private typealias Fixture = PolicyFixture

    private static let parameters = [
        Field(name: "pause", type: .unsigned(bytes: 2), offset: 0, checks: [.range(1...9)]),
        Field(name: "level", type: .signed(bytes: 1), offset: 2),
    ]

    private func procedure(
        parameters: [Field] = Self.parameters, rights: [String: FileRights]? = nil
    ) -> Procedure {
        Procedure(
            name: "press", device: "board", index: 3, summary: "Presses.", effect: .write,
            parameters: parameters,
            steps: [.init(on: "board", .command("SET", values: ["u16": .parameter(0)], gives: nil))],
            rights: rights ?? [
                "board": FileRights(
                    commands: [.init(Fixture.set), .init(Fixture.flush)],
                    write: TransferRights(maxLength: 512))
            ])
    }

    private func snapshot(_ rules: [Rule] = [], nevers: [NeverRule] = [], _ device: Device? = nil)
        -> PolicySnapshot
    {
        PolicySnapshot(
            revision: .zeros(32), principals: [Fixture.agent],
            devices: [(device ?? Fixture.device).with([procedure()])], rules: rules, nevers: nevers)
    }

    private func agentGrant(_ snapshot: PolicySnapshot) throws -> Grant {
        let agent = PrincipalSet(names: ["agent"])
        return try "board".wire { try snapshot.policy(for: agent, at: 0).authorizeOpen($0).grant }
    }

    @Test("A procedure's command has the parameters as its argument")
    func shape() {
        let shape = procedure().shape
        #expect(shape.code == SubOpcode(0xffff_0003) && shape.transport == .procedure)
        #expect(shape.placement == .parameters && shape.blocks.map(\.elementSize) == [3])
        #expect(shape.flaw == nil)
        let bare = procedure(parameters: []).shape
        #expect(bare.placement == .none && bare.blocks.isEmpty && bare.flaw == nil)
    }

    @Test("Values are read by the parameters' types, and stand in place of their names")
    func values() {
        let procedure = procedure()
        let argument: [UInt8] = [0x34, 0x12, 0xff]
        let values = argument.withUnsafeBytes { procedure.values(WireBytes($0)) }
        #expect(values == [0x1234, -1])
        let short = [UInt8](repeating: 1, count: 2).withUnsafeBytes { procedure.values(WireBytes($0)) }
        #expect(short == [0x101, 0], "what is not there is 0")
        #expect(Procedure.Value.text("$x").text(values) == "$x")
        #expect(Procedure.Value.parameter(1).text(values) == "-1")
        #expect(Procedure.Value.parameter(2).text(values) == "")
    }

    @Test("Steps may do what the procedure says, on devices that it has steps on, whatever the rules say")
    func grant() throws {
        let snapshot = snapshot(), procedure = procedure()
        let open = try snapshot.authorizeOpen("board", for: procedure)
        #expect(try open.grant.decide(.command, code: 0x5414, .zeros(32)).code == 0x5414)
        #expect(try open.grant.refusal(.write, [1]) == nil)
        #expect(try open.grant.refusal(.write, .zeros(513))?.reason == .constraint)
        #expect(try open.grant.refusal(.command, code: 0x8004_5200)?.reason == .noRule)
        #expect(try open.grant.refusal(.read, ReadArgument.encode(count: 1))?.reason == .noRule)
        #expect(try open.grant.refusal(.command, code: 0xffff_0003, .zeros(3))?.reason == .noRule)
        #expect(throws: Refusal(.noRule, "procedure `press` has no steps on `other`")) {
            _ = try snapshot.authorizeOpen("other", for: procedure)
        }
        let elsewhere = self.procedure(rights: ["gone": FileRights()])
        #expect(snapshot.grant(for: elsewhere, on: "gone") == nil, "a device that the policy does not have")
    }

    @Test("Nevers for everybody hold in procedures, those for some do not")
    func nevers() throws {
        func never(_ principals: Set<String>?) -> NeverRule {
            NeverRule(
                id: "no", principals: principals,
                commands: ["board": FileRights(commands: [.init(Fixture.set)])], forbidsWrite: true)
        }
        let all = try snapshot(nevers: [never(nil)]).authorizeOpen("board", for: procedure()).grant
        #expect(try all.refusal(.command, code: 0x5414, .zeros(32))?.reason == .noRule)
        #expect(try all.refusal(.write, [1])?.rule == "no")
        #expect(try all.refusal(.command, code: 0x540b, .zeros(8)) == nil)
        let some = try snapshot(nevers: [never(["agent"])]).authorizeOpen("board", for: procedure()).grant
        #expect(try some.refusal(.command, code: 0x5414, .zeros(32)) == nil)
        #expect(try some.refusal(.write, [1]) == nil)
    }

    @Test("Whoever may call a procedure may not send what is inside")
    func caller() throws {
        let condition = Condition(Self.parameters[0], .range(1...5))
        let rule = Rule(
            id: "press", principals: ["agent"],
            commands: ["board": [Rule.Command(procedure().shape, where: [condition])]])
        let grant = try agentGrant(snapshot([rule]))
        let command = try grant.decide(.command, code: 0xffff_0003, [5, 0, 0])
        #expect(command.transport == .procedure && command.argument == [5, 0, 0])
        #expect(try grant.refusal(.command, code: 0xffff_0003, [6, 0, 0])?.reason == .constraint)
        #expect(try grant.refusal(.command, code: 0xffff_0003, [0, 0, 0])?.reason == .shape)
        #expect(try grant.refusal(.command, code: 0xffff_0003, [5, 0])?.reason == .shape)
        #expect(try grant.refusal(.command, code: 0xffff_0003, [5, 0, 0, 0])?.reason == .shape)
        #expect(try grant.refusal(.command, code: 0xffff_0002, [5, 0, 0])?.reason == .noRule)
        #expect(try grant.refusal(.command, code: 0x5414, .zeros(32))?.reason == .noRule)
        #expect(try grant.refusal(.write, [1])?.reason == .noRule)
        #expect(grant.description.commands.map(\.engine) == ["procedure"])
    }

    @Test("Observing a device does not open its procedures")
    func observation() throws {
        let device = Device(
            name: "board", path: "/dev/board", kind: .character, access: .readWrite, profile: Fixture.profile,
            observation: Observation(until: 100, includesWrites: true))
        let grant = try agentGrant(snapshot([], device))
        #expect(try grant.refusal(.command, code: 0x5414, .zeros(32)) == nil)
        #expect(try grant.refusal(.command, code: 0xffff_0003, [5, 0, 0])?.reason == .noRule)
    }
}
