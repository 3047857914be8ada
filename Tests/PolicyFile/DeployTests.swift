import RingPolicy
import RingPolicyFile
import TestSupport
import Testing

/// The files a site starts from.
struct DeployTests {
    @Test("The example site loads, and grants what its comments say")
    func exampleSite() throws {
        let loaded = try PolicyLoader.load(
            policy: "\(Tool.repository)/deploy/policy.yaml", profiles: "\(Tool.repository)/profiles")
        #expect(loaded.devices.map(\.name) == ["null", "console", "power", "sensors", "flash", "disk"])
        let snapshot = loaded.snapshot(revision: [UInt8](repeating: 0, count: 32))
        let devices = { (name: String) in
            snapshot.policy(for: PrincipalSet(names: [name]), at: 0).list.devices.map(\.name)
        }
        #expect(devices("guest") == ["null"])
        #expect(devices("ci") == ["@gateway", "console", "disk", "flash", "null", "power", "sensors"])
        #expect(devices("maria") == devices("ci"))
        let formats = { (name: String) in
            snapshot.policy(for: PrincipalSet(names: [name]), at: 0).grant(onDevice: "disk")?
                .description.commands.contains { $0.name == "NVME_URING_CMD_ADMIN_FORMAT_NVM" }
        }
        #expect(formats("maria") == true && formats("ci") == false)
    }

    @Test("The example site shows every part of the language but observing and procedures")
    func partsOfTheExample() throws {
        let loaded = try PolicyLoader.load(
            policy: "\(Tool.repository)/deploy/policy.yaml", profiles: "\(Tool.repository)/profiles")
        #expect(loaded.roles.contains { !$0.inherits.isEmpty } && !loaded.nevers.isEmpty)
        #expect(
            loaded.devices.contains { $0.followsLink && $0.identity.properties["ID_SERIAL_SHORT"] != nil })
        #expect(
            loaded.devices.contains { $0.identity.major != nil }
                && loaded.devices.contains { !$0.labels.isEmpty })
        #expect(
            loaded.devices.contains { $0.lease.mode == .exclusive }
                && loaded.devices.contains { !$0.limits.isEmpty })
        #expect(
            loaded.rules.contains { !$0.limits.isEmpty }
                && loaded.rules.contains { $0.rights["@gateway"] != nil })
        #expect(loaded.rules.contains { $0.rights["power"]?.handles["gpio-line"] != nil })
    }

    @Test("Agents write only the scratch blocks, and nobody gets at the firmware")
    func boundsOfTheExample() throws {
        let loaded = try PolicyLoader.load(
            policy: "\(Tool.repository)/deploy/policy.yaml", profiles: "\(Tool.repository)/profiles")
        let snapshot = loaded.snapshot(revision: [UInt8](repeating: 0, count: 32))
        let rights = { (name: String) in
            snapshot.policy(for: PrincipalSet(names: [name]), at: 0).effectiveRights.filter {
                $0.device == "disk"
            }
        }
        let write = rights("ci").first { $0.subject == .command("NVME_URING_CMD_IO_WRITE") }
        #expect(write?.words == ["blocks within [1048576, 2097152)"])
        for name in ["ci", "maria", "guest"] {
            #expect(!rights(name).contains { "\($0.subject)".contains("FIRMWARE") })
        }
    }

    @Test func theConfigurationLoadsAndItsPathsStartBesideIt() throws {
        let settings = try DaemonSettings.load("\(Tool.repository)/deploy/ringgated.yaml")
        #expect(settings.policy == "\(Tool.repository)/deploy/policy.yaml")
        #expect(settings.profiles == "/usr/share/ringgate/profiles")
        #expect(settings.state == "/var/lib/ringgate")
        #expect(settings.listen == "127.0.0.1:7450")
    }

    @Test func aConfigurationErrorNamesItsPlace() throws {
        let source = SourceText(path: "ringgated.yaml", text: "listen: 127.0.0.1:0\npolcy: p.yaml\n")
        let error = try #require(throws: PolicyErrors.self) { try DaemonSettings.load(source) }
        #expect(error.diagnostics.map { "\($0.line):\($0.column)" } == ["2:1"])
        #expect(error.description.contains("polcy"))
        let typed = SourceText(
            path: "ringgated.yaml", text: "max-sessions: many\nlog-level: loud\nloops: 65\n")
        let errors = try #require(throws: PolicyErrors.self) { try DaemonSettings.load(typed) }
        #expect(errors.diagnostics.map(\.line) == [1, 2, 3])
    }
}
