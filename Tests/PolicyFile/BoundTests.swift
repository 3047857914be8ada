import RingProtocol
import Testing

@testable import RingPolicy
@testable import RingPolicyFile

@Suite("What a policy may cost")
struct BoundTests {
    private func rule(_ commands: String) -> String {
        """
        version: 1
        principals: {ada: {uri: "ringgate://farm.example/ada"}}
        devices: {left: {path: /dev/bus0, profile: bus, open: read-write}}
        rules:
          - id: all
            principals: [ada]
            devices: [left]
            commands:
        \(commands)
        """
    }

    private func moves(_ count: Int) -> String {
        (0..<count).map { "      - {use: BUS_MOVE, where: {total: {equals: \($0)}}}\n" }.joined()
    }

    @Test("A rule has at most 64 conditions")
    func conditions() {
        #expect(SiteFixture.errors(rule(moves(64))) == [])
        #expect(
            SiteFixture.errors(rule(moves(66))) == [
                "site.yaml:73:32: the rule has more than 64 conditions up to here; "
                    + "use fewer, or write several rules"
            ])
    }

    @Test("The conditions on a command look at no more than 4096 elements, with all its alternatives")
    func evaluations() {
        let one = "      - {use: BUS_PLAY, where: {samples.left: {range: [0, 9]}}}\n"
        #expect(SiteFixture.errors(rule(one)) == [])
        #expect(
            SiteFixture.errors(rule(one + one.replacing("[0, 9]", with: "[10, 19]"))) == [
                "site.yaml:10:32: the conditions on `BUS_PLAY` may have to look at 6000 elements; "
                    + "at most 4096; "
                    + "test fewer fields of arrays, or give the arrays a smaller `max` in profile `bus`"
            ])
    }

    @Test("Wide roles and labels cannot blow a short file up")
    func reach() {
        let names = (0..<300).map { "p\($0)" }
        let principals = names.map { "  \($0): {uri: \"ringgate://farm.example/\($0)\"}\n" }.joined()
        let rules = (0..<300).map {
            "  - {id: r\($0), roles: [all], devices: [left], commands: [BUS_PING]}\n"
        }.joined()
        let text = """
            version: 1
            principals:
            \(principals)
            roles: {all: {members: [\(names.joined(separator: ", "))]}}
            devices: {left: {path: /dev/bus0, profile: bus}}
            rules:
            \(rules)
            """
        let errors = SiteFixture.errors(text)
        #expect(errors.count == 1)
        #expect(errors.first?.contains("reach more than 65536 principals or devices") == true)
    }

    @Test("Roles name at most 8192 members and roles")
    func mentions() {
        let names = (0..<1000).map { "p\($0)" }
        let principals = names.map { "  \($0): {uri: \"ringgate://farm.example/\($0)\"}\n" }.joined()
        let list = names.joined(separator: ", ")
        let roles = (0..<9).map { "  r\($0): {members: [\(list)]}\n" }.joined()
        let text = """
            version: 1
            principals:
            \(principals)
            roles:
            \(roles)
            devices: {left: {path: /dev/bus0, profile: bus}}
            rules:
            - {id: r, roles: [r0], devices: [left], commands: [BUS_PING]}
            """
        #expect(
            SiteFixture.errors(text).map { $0.drop { $0 != " " } } == [
                " the roles name 9000 members and roles; at most 8192; use fewer"
            ])
    }

    @Test("A role without members cannot stand in a rule")
    func emptyRole() {
        let text = LanguageFixture.text.replacing(
            "reader: {members: [ci]}", with: "reader: {members: [ci]}\n  empty: {inherits: [reader]}"
        )
        .replacing("roles: [reader]", with: "roles: [empty]")
        #expect(
            SiteFixture.errors(text) == ["site.yaml:26:12: these roles have no members; give them `members`"])
    }

    @Test("Handles in a file nest as deep as the policy follows them, and all device lists fit into a reply")
    func relations() {
        #expect(FileLimits.handleDepth == GrantParts.maximumHandleDepth)
        let entry = FileLimits.labels * (2 * FileLimits.label + 6) + 2 * FileLimits.name + 64
        #expect(FileLimits.names * entry <= Limits.payload)
        #expect(FileLimits.label <= FileLimits.name)
    }

    @Test("No profile can take the gateway's name")
    func gatewayProfile() throws {
        let text =
            "name: gateway\nsummary: x\ncommands:\n"
            + "  - {name: A, code: 0x4400, engine: call, effect: read, summary: x}\n"
        let sources = FixtureProfiles.sources + [SourceText(path: "profiles/gateway.yaml", text: text)]
        let site = SourceText(path: "site.yaml", text: SiteFixture.text)
        let error = try #require(throws: PolicyErrors.self) { try PolicyLoader.load(site, profiles: sources) }
        #expect(
            error.description
                == "profiles/gateway.yaml: this profile's name is the gateway's own; choose another name")
    }
}
