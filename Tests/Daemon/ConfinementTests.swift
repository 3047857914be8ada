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

    /// Its status page needs another port, threads and what the process uses itself.
    @Test func theStatusPageWorksInTheSandbox() throws {
        let files = try DaemonFiles()
        let (daemon, port) = try files.start(["--status", "127.0.0.1:0"])
        let others = try daemon.listeningPorts().subtracting([port])
        let metrics = try HTTP("/metrics", port: try #require(others.first))
        #expect(others.count == 1 && metrics.status == 200)
        #expect(metrics.body.contains("\nprocess_resident_memory_bytes "), "\(metrics.body)")
        #expect(try HTTP("/readyz", port: try #require(others.first)).body == "ready\n")
        daemon.signal(SIGTERM)
        #expect(try daemon.exitCode() == 0, "\(daemon.log)")
        let wrong = try Daemon.run(files.arguments(and: ["--status", "0.0.0.0:0"]))
        #expect(wrong.code == 5 && wrong.log.contains("anybody could read it"), "\(wrong.log)")
    }

    @Test func itCanBeLeftOffAndSaysSo() throws {
        let (daemon, _) = try DaemonFiles().started("sandbox: off\n")
        // As it was started, then.
        let walls = { (process: String) in
            try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8).split(separator: "\n")
                .filter { ["NoNewPrivs", "Seccomp", "CapEff"].contains($0.prefix { $0 != ":" }) }
        }
        #expect(try walls("\(daemon.process.processIdentifier)") == walls("self"))
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

extension Daemon {
    /// Local TCP ports of its listening sockets (proc(5), /proc/PID/net/tcp).
    fileprivate func listeningPorts() throws -> Set<Int> {
        let process = "/proc/\(self.process.processIdentifier)"
        let sockets = try FileManager.default.contentsOfDirectory(atPath: "\(process)/fd").compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "\(process)/fd/\($0)")
        }
        let table = try String(contentsOfFile: "\(process)/net/tcp", encoding: .utf8)
        return Set(
            table.split(separator: "\n").dropFirst().compactMap { line in
                let words = line.split(separator: " ")
                // 0A is TCP_LISTEN.
                guard words.count > 9, words[3] == "0A", sockets.contains("socket:[\(words[9])]") else {
                    return nil
                }
                return Int(words[1].suffix(4), radix: 16)
            })
    }
}

extension DaemonFiles {
    fileprivate func started(_ settings: String) throws -> (daemon: Daemon, port: Int) {
        try start(["--config", try write("sandbox-\(UUID().uuidString).yaml", settings)])
    }
}
