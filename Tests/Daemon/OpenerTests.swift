import Foundation
import TestSupport
import Testing

/// The process that opens devices, apart from the one that talks to the network.
@Suite struct OpenerTests {
    @Test func itHasNoPrivilegeAndNothingElseOpen() throws {
        let site = try Site()
        let opener = try #require(site.opener)
        #expect(try String(contentsOfFile: "/proc/\(opener)/comm", encoding: .utf8) == "ringgate-opener\n")
        let status = try String(contentsOfFile: "/proc/\(opener)/status", encoding: .utf8)
        for line in ["CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "NoNewPrivs:\t1"] {
            #expect(status.contains(line), "\(line)")
        }
        // The standard ones, and the socket on which it is asked.
        #expect(try FileManager.default.contentsOfDirectory(atPath: "/proc/\(opener)/fd").count == 4)
        site.daemon.signal(SIGTERM)
        #expect(try site.daemon.exitCode() == 0, "\(site.daemon.log)")
        #expect(eventually { !FileManager.default.fileExists(atPath: "/proc/\(opener)") })
        #expect(site.daemon.log.contains("process \(opener) opens devices"), "\(site.daemon.log)")
    }

    @Test func whatComesLaterIsOpened() throws {
        let site = try Site()
        #expect(try site.read("scratch").status != 0)
        _ = try site.files.write("scratch", "late")
        #expect(try site.read("scratch").output == "late")
    }

    /// Also when the policy file has become another, and nobody has told the gateway.
    @Test func itGoesByThePolicyFile() throws {
        let site = try Site()
        _ = try site.files.write("scratch", "here")
        _ = try site.files.write("policy.yaml", Site.policy(site.files, ["other"]))
        let refused = try site.read("scratch")
        #expect(
            refused.status != 0 && refused.output.contains("the policy file says otherwise"),
            "\(refused.output)")
        // The same name for something else is not what the rules in force were made for.
        _ = try site.files.write("other", "more")
        let moved = Site.policy(site.files, ["scratch"]).replacingOccurrences(
            of: "/scratch,", with: "/other,")
        _ = try site.files.write("policy.yaml", moved)
        #expect(try site.read("scratch").output.contains("the policy file says otherwise"))
        _ = try site.files.write("policy.yaml", "version: 2\n")
        #expect(try site.read("scratch").output.contains("the policy file says otherwise"))
        _ = try site.files.write("policy.yaml", Site.policy(site.files, ["scratch", "other"]))
        #expect(try site.read("scratch").output == "here")
        site.daemon.signal(SIGHUP)
        #expect(try eventually { try site.read("other").output == "more" })
        site.daemon.signal(SIGTERM)
        #expect(try site.daemon.exitCode() == 0)
        #expect(site.daemon.log.contains("devices are had as before"), "\(site.daemon.log)")
    }

    @Test func withoutItTheGatewayEndsAndSaysSo() throws {
        let site = try Site()
        let opener = try #require(site.opener)
        Foundation.kill(opener, SIGKILL)
        #expect(try site.daemon.exitCode() == 9, "\(site.daemon.log)")
        #expect(site.daemon.log.contains("the process that opens devices has ended"), "\(site.daemon.log)")
    }

    /// What only root may open is opened for who is not root.
    @Test(.enabled(if: geteuid() == 0, "skipped: only root can become another"))
    func theGatewayCanBeAnotherUser() throws {
        let site = try Site("user: nobody\n")
        let path = try site.files.write("scratch", "root's")
        chmod(path, 0o600)
        #expect(try site.read("scratch").output == "root's")
        let uid = { (process: pid_t) in
            try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8).split(separator: "\n")
                .first { $0.hasPrefix("Uid:") }.map { $0.split(separator: "\t").dropFirst().map { Int($0) } }
        }
        let nobody = Int(try #require(getpwnam("nobody")).pointee.pw_uid)
        #expect(try uid(site.daemon.process.processIdentifier) == [nobody, nobody, nobody, nobody])
        #expect(try uid(try #require(site.opener)) == [0, 0, 0, 0])
    }

    @Test(arguments: [
        ("user: ringgate-nobody-of-that-name\n", "there is no user `ringgate-nobody-of-that-name`"),
        ("user: nobody\nsandbox: off\n", "goes with the sandbox"),
    ])
    func aUserThatCannotBeIsTwo(_ settings: String, _ words: String) throws {
        let files = try DaemonFiles()
        let config = try files.write("config.yaml", settings)
        let (code, log) = try Daemon.run(files.arguments(and: ["--config", config]))
        #expect(code == 2 && log.contains(words), "\(log)")
    }
}

/// A daemon whose devices are files of its folder, and an agent who may read them.
private struct Site {
    let files: DaemonFiles
    let daemon: Daemon
    private let port: Int
    private let agent: TestCertificates.Pair

    static func policy(_ files: DaemonFiles, _ devices: [String]) -> String {
        let lines = devices.map { "  \($0): {path: \(files.path($0)), kind: regular, profile: socket}" }
        return """
            version: 1
            principals:
              agent: {uri: "\(DaemonFiles.agent)"}
            devices:
            \(lines.joined(separator: "\n"))
            rules:
              - {id: agents, principals: [agent], devices: [\(devices.joined(separator: ", "))], read: true}

            """
    }

    init(_ settings: String = "") throws {
        files = try DaemonFiles()
        // Whoever the daemon is, it gets at them.
        let certificates = (files.certificates.server.key as NSString).deletingLastPathComponent
        let inside = try FileManager.default.contentsOfDirectory(atPath: certificates)
        for place in [files.path(""), certificates] + inside.map({ "\(certificates)/\($0)" }) {
            chmod(place, 0o777)
        }
        _ = try files.write("policy.yaml", Self.policy(files, ["scratch"]))
        agent = try files.certificates.client(uri: DaemonFiles.agent)
        (daemon, port) = try files.start(
            settings.isEmpty ? [] : ["--config", try files.write("config.yaml", settings)])
    }

    /// The daemon's child, if it has one (proc(5), /proc/PID/status).
    var opener: pid_t? {
        let parent = "PPid:\t\(daemon.process.processIdentifier)\n"
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.compactMap { pid_t($0) }.first {
            (try? String(contentsOfFile: "/proc/\($0)/status", encoding: .utf8))?.contains(parent) == true
        }
    }

    func read(_ device: String) throws -> ToolRun {
        try Tool.run(files.environment(of: agent, port: port) + ["ringctl", "read", device, "--count", "6"])
    }
}
