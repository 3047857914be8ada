import RingPolicyFile
import TestSupport
import Testing

/// The files a site starts from.
struct DeployTests {
    @Test func theFirstPolicyLoads() throws {
        let loaded = try PolicyLoader.load(
            policy: "\(Tool.repository)/deploy/policy.yaml", profiles: "\(Tool.repository)/profiles")
        #expect(loaded.rules.map(\.id) == ["agents-ping", "agents-random"])
    }

    @Test func theConfigurationLoadsAndItsPathsStartBesideIt() throws {
        let settings = try DaemonSettings.load("\(Tool.repository)/deploy/ringgated.yaml")
        #expect(settings.policy == "\(Tool.repository)/deploy/policy.yaml")
        #expect(settings.profiles == "/usr/share/ringgate/profiles")
        #expect(settings.listen == "127.0.0.1:7450")
    }

    @Test func aConfigurationErrorNamesItsPlace() throws {
        let source = SourceText(path: "ringgated.yaml", text: "listen: 127.0.0.1:0\npolcy: p.yaml\n")
        let error = try #require(throws: PolicyErrors.self) { try DaemonSettings.load(source) }
        #expect(error.diagnostics.map { "\($0.line):\($0.column)" } == ["2:1"])
        #expect(error.description.contains("polcy"))
        let typed = SourceText(path: "ringgated.yaml", text: "max-sessions: many\nlog-level: loud\n")
        let errors = try #require(throws: PolicyErrors.self) { try DaemonSettings.load(typed) }
        #expect(errors.diagnostics.map(\.line) == [1, 2])
    }
}
