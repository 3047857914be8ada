import RingPolicy
import RingProtocol
import Testing

@Suite("The gateway's own commands")
struct GatewayProfileTests {
    private func grant(_ commands: [GatewayCommand]) throws -> Grant {
        let shapes = commands.compactMap { GatewayProfile.profile.command(named: $0.name) }
        let rule = Rule(
            id: "admins", principals: ["admin"],
            rights: [GatewayProfile.deviceName: FileRights(commands: shapes.map { .init($0) })])
        let snapshot = PolicySnapshot(
            revision: [UInt8](repeating: 1, count: 32), principals: [], devices: [GatewayProfile.device],
            rules: [rule])
        let policy = snapshot.policy(for: PrincipalSet(names: ["admin"]), at: 0)
        return try "@gateway".wire { try policy.authorizeOpen($0).grant }
    }

    @Test("They are under the allowlist like a device's, and take documents of any length")
    func documents() throws {
        let grant = try grant([.policyShow, .sessionKill])
        for argument in [[], Array("{}".utf8), [UInt8].zeros(Limits.payload)] {
            #expect(try grant.blocksRefusal(GatewayCommand.policyShow.rawValue, argument) == nil)
        }
        #expect(try grant.blocksRefusal(GatewayCommand.policyApply.rawValue)?.reason == .noRule)
        #expect(try grant.blocksRefusal(GatewayCommand.policyShow.rawValue, offset: 1)?.reason == .shape)
        #expect(grant.description.commands.map(\.engine) == ["gateway", "gateway"])
    }

    @Test("Every command has a name, a code and a shape without flaw")
    func commands() throws {
        let all = GatewayCommand.allCases
        #expect(Set(all.map(\.name)).count == all.count)
        for command in all {
            let shape = try #require(GatewayProfile.profile.command(named: command.name))
            #expect(shape.code.code == command.rawValue && shape.flaw == nil && !shape.summary.isEmpty)
            #expect(shape.effect != .destructive)
        }
    }

    @Test("A condition on a document never holds")
    func conditions() throws {
        let shape = try #require(GatewayProfile.profile.command(named: "policy.show"))
        let condition = Condition(Field(name: "x", type: .unsigned(bytes: 1), offset: 0), .equals(0))
        let rule = Rule(
            id: "odd", principals: ["admin"],
            rights: ["@gateway": FileRights(commands: [.init(shape, where: [condition])])])
        let snapshot = PolicySnapshot(
            revision: [UInt8](repeating: 1, count: 32), principals: [], devices: [GatewayProfile.device],
            rules: [rule])
        let policy = snapshot.policy(for: PrincipalSet(names: ["admin"]), at: 0)
        let grant = try #require(policy.grant(onDevice: "@gateway"))
        #expect(try grant.blocksRefusal(GatewayCommand.policyShow.rawValue)?.reason == .noRule)
    }
}
