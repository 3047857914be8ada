import Foundation
import RingProtocol
import TestSupport
import Testing

/// The daemon in the sandbox that it puts up itself. Every other test of the daemon runs in it as well.
@Suite struct ConfinementTests {
    private static let isComplete = (try? DaemonFiles().started("sandbox: required\n")) != nil

    @Test(.enabled(if: isComplete, "skipped: this kernel gives no complete sandbox"))
    func eachThreadIsShutInWithoutPrivileges() throws {
        let (daemon, _) = try DaemonFiles().started("sandbox: required\n")
        let tasks = "/proc/\(daemon.process.processIdentifier)/task"
        let threads = try FileManager.default.contentsOfDirectory(atPath: tasks)
        #expect(threads.count > 1)
        for thread in threads {
            let status = try String(contentsOfFile: "\(tasks)/\(thread)/status", encoding: .utf8)
            for line in [
                "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2",
            ] {
                #expect(status.contains(line), "\(line)")
            }
        }
        daemon.signal(SIGTERM)
        #expect(try daemon.exitCode() == 0)
        #expect(daemon.log.contains("sandbox: Landlock"), "\(daemon.log)")
    }

    @Test(.enabled(if: isComplete, "skipped: this kernel gives no complete sandbox"))
    func aPolicyBeyondItsReachIsRefusedAndSaysWhatToDo() throws {
        let site = try Administrators()
        let policy = Administrators.policy(read: 64).replacingOccurrences(
            of: "devices:\n",
            with: """
                devices:
                  disk: {path: /srv/disk.img, kind: regular, profile: "null"}
                  meter: {address: "192.0.2.7:5025", kind: tcp, profile: socket}

                """)
        _ = try site.files.write("policy.yaml", policy)
        site.daemon.signal(SIGHUP)
        #expect(try eventually { try site.history().first == "2 reload" })
        #expect(try site.ringctl(["read", "null", "--count", "64"], asAgent: true).status != 0)
        site.daemon.signal(SIGTERM)
        #expect(try site.daemon.exitCode() == 0)
        for words in [
            "device `disk`: /srv/disk.img is out of the gateway's reach", "restart the gateway",
            "device `meter`: port 5025 is out of the gateway's reach",
        ] {
            #expect(site.daemon.log.contains(words), "\(site.daemon.log)")
        }
    }

    @Test func itCanBeLeftOffAndSaysSo() throws {
        let (daemon, _) = try DaemonFiles().started("sandbox: off\n")
        let status = try String(
            contentsOfFile: "/proc/\(daemon.process.processIdentifier)/status", encoding: .utf8)
        #expect(status.contains("NoNewPrivs:\t0") || status.contains("Seccomp:\t0"), "\(status)")
        daemon.signal(SIGTERM)
        #expect(try daemon.exitCode() == 0)
        #expect(daemon.log.contains("no sandbox"), "\(daemon.log)")
    }

    @Test func whatIsNoCapabilityIsTwo() throws {
        let files = try DaemonFiles()
        let config = try files.write("config.yaml", "keep-capabilities: [CAP_SYS_TIME, CAP_CLOCK]\n")
        let (code, log) = try Daemon.run(files.arguments(and: ["--config", config]))
        #expect(code == 2 && log.contains("`CAP_CLOCK`") && log.contains("CAP_SYS_TIME"), "\(log)")
    }

    /// Landlock's calls and seccomp's own are forbidden, as in an old container.
    @Test(.enabled(if: Sandbox.isUsable, "skipped: there is no python3, or no seccomp, to forbid calls with"))
    func withoutOneItIsEightWhereItIsRequired() throws {
        let files = try DaemonFiles()
        let config = try files.write("config.yaml", "sandbox: required\n")
        let wrapper = Sandbox.wrapper(errno: ENOSYS, call: 444)
        let (code, log) = try Daemon.run(files.arguments(and: ["--config", config]), through: wrapper)
        #expect(code == 8 && log.contains("no Landlock"), "\(log)")
        let (daemon, _) = try files.start(through: wrapper)
        daemon.signal(SIGTERM)
        #expect(try daemon.exitCode() == 0)
    }
}

extension DaemonFiles {
    fileprivate func started(_ settings: String) throws -> (daemon: Daemon, port: Int) {
        try start(["--config", try write("sandbox-\(UUID().uuidString).yaml", settings)])
    }
}
