import Foundation
import TestSupport
import Testing

/// What keeps the daemon from starting has an exit code of its own and a line that says so.
@Suite struct ExitCodeTests {
    @Test func aWrongConfigurationIsTwoAndNamesThePlace() throws {
        let files = try DaemonFiles()
        let config = try files.write("config.yaml", "listen: 127.0.0.1:0\n  certificat: x\nlisten: 1\n")
        let unknown = try files.write("unknown.yaml", "log-level: notice\ncertificat: x\n")
        for (path, place) in [(config, "config.yaml:"), (unknown, "unknown.yaml:2:1")] {
            let (code, log) = try Daemon.run(["--config", path])
            #expect(code == 2 && log.contains(place), "\(log)")
        }
    }

    @Test func aWrongPolicyIsTwoAndNamesThePlace() throws {
        let files = try DaemonFiles()
        let text = try String(contentsOfFile: files.path("policy.yaml"), encoding: .utf8)
        let policy = try files.write(
            "wrong.yaml", text.replacingOccurrences(of: "[NULL_URING_CMD]", with: "[NULL_URING]"))
        for check in [[], ["--check"]] {
            let (code, log) = try Daemon.run(files.arguments(["policy": policy], and: check))
            #expect(code == 2)
            #expect(log.contains(/wrong\.yaml:8:[0-9]+:/), "\(log)")
        }
    }

    @Test(arguments: ["policy", "profiles", "config"]) func aMissingFileIsTwo(name: String) throws {
        let files = try DaemonFiles()
        let (code, log) = try Daemon.run(files.arguments([name: files.path("nothing")]))
        #expect(code == 2 && log.contains(files.path("nothing")), "\(log)")
    }

    @Test(arguments: ["certificate", "key", "client-ca", "policy"])
    func aMissingSettingIsTwoAndNamed(name: String) throws {
        let files = try DaemonFiles()
        var arguments = files.arguments()
        let index = try #require(arguments.firstIndex(of: "--\(name)"))
        arguments.removeSubrange(index...index + 1)
        let (code, log) = try Daemon.run(arguments)
        #expect(code == 2 && log.contains("`\(name)` is not set") && log.contains("--\(name)"), "\(log)")
    }

    @Test(
        .enabled(if: Sandbox.isUsable, "there is no python3, or no seccomp, to forbid io_uring with"),
        arguments: [EPERM, ENOSYS], [[], ["--check"]])
    func withoutRingsItIsThreeAndSaysWhatToDo(code: Int32, more: [String]) throws {
        let files = try DaemonFiles()
        let (exit, log) = try Daemon.run(files.arguments(and: more), through: Sandbox.wrapper(errno: code))
        #expect(exit == 3, "\(log)")
        #expect(log.contains("seccomp") && log.contains("io_uring_setup"), "\(log)")
        #expect(log.contains(code == EPERM ? "forbidden (EPERM)" : "offers no io_uring (ENOSYS)"), "\(log)")
    }

    @Test(arguments: [[], ["--check"]]) func anAuditLogThatCannotBeUsedIsSeven(more: [String]) throws {
        let files = try DaemonFiles()
        let none = try files.write("no-directory", "")
        for path in [none, files.path("nothing/there")] {
            let (code, log) = try Daemon.run(files.arguments(["audit": path], and: more))
            #expect(code == 7 && log.contains("audit log: ") && log.contains("no"), "\(log)")
        }
    }

    @Test func anAuditLogThatWasChangedIsSevenAndNamed() throws {
        let files = try DaemonFiles()
        let audit = files.path("audit")
        let (daemon, _) = try files.start(["--audit", audit])
        let other = try Daemon.run(files.arguments(["audit": audit]))
        #expect(other.code == 7 && other.log.contains("is in use by another gateway"), "\(other.log)")
        daemon.signal(SIGTERM)
        #expect(try daemon.exitCode() == 0)
        let file = "\(audit)/audit-0000000000000001.jsonl"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try text.replacing("\"type\":\"begin\"", with: "\"type\":\"begun\"").write(
            toFile: file, atomically: true, encoding: .utf8)
        let (code, log) = try Daemon.run(files.arguments(["audit": audit]))
        #expect(code == 7 && log.contains("\(file): line 2 does not follow the one before"), "\(log)")
    }

    @Test(arguments: ["certificate", "key", "client-ca"]) func anUnreadableFileIsFour(name: String) throws {
        let files = try DaemonFiles()
        for path in [files.path("nothing"), try files.write("garbage.pem", "no PEM\n")] {
            for check in [[], ["--check"]] {
                let (code, log) = try Daemon.run(files.arguments([name: path], and: check))
                #expect(code == 4 && log.contains(path), "\(log)")
            }
        }
    }

    @Test func theKeyOfAnotherCertificateIsFour() throws {
        let files = try DaemonFiles()
        let other = try files.certificates.client(uri: DaemonFiles.agent)
        let (code, log) = try Daemon.run(files.arguments(["key": other.key]))
        #expect(code == 4 && log.contains(other.key), "\(log)")
    }

    @Test func aCertificateThatNoClientWouldTakeIsFour() throws {
        let files = try DaemonFiles()
        let client = try files.certificates.client(uri: DaemonFiles.agent)
        let wrongUse = ["certificate": client.certificate, "key": client.key]
        let (code, log) = try Daemon.run(files.arguments(wrongUse, and: ["--check"]))
        #expect(code == 4 && log.contains("not for servers"), "\(log)")
        let leaf = ["client-ca": client.certificate]
        let (second, words) = try Daemon.run(files.arguments(leaf, and: ["--check"]))
        #expect(second == 4 && words.contains("no CA's"), "\(words)")
    }

    @Test func anAddressInUseIsFive() throws {
        let files = try DaemonFiles()
        let (first, port) = try files.start()
        let (code, log) = try Daemon.run(files.arguments(["listen": "127.0.0.1:\(port)"]))
        #expect(code == 5 && log.contains("127.0.0.1:\(port)"), "\(log)")
        #expect(first.process.isRunning)
    }

    @Test(arguments: ["nowhere", "127.0.0.1", "127.0.0.1:70000", "192.0.2.1:0"])
    func anAddressThatIsNoneOfThisMachineIsFive(address: String) throws {
        let files = try DaemonFiles()
        let (code, log) = try Daemon.run(files.arguments(["listen": address]))
        #expect(code == 5 && log.contains(address), "\(log)")
    }

    @Test func wrongUsageIsSixtyFour() throws {
        let files = try DaemonFiles()
        #expect(try Daemon.run(["--nothing"]).code == 64)
        #expect(try Daemon.run(files.arguments(["log-level": "loud"])).code == 64)
    }

    /// Most systems give a process 1024 files, and more when it asks.
    @Test func aSmallSoftLimitOfFilesIsRaised() throws {
        let files = try DaemonFiles()
        let soft = ["sh", "-c", "ulimit -Sn 256 && exec \"$0\" \"$@\""]
        let (daemon, _) = try files.start(through: soft)
        daemon.signal(SIGTERM)
        let code = try daemon.exitCode()
        #expect(code == 0, "\(daemon.log)")
    }

    @Test(arguments: [[], ["--check"]]) func aSmallHardLimitOfFilesIsThreeAndNamed(more: [String]) throws {
        let files = try DaemonFiles()
        let hard = ["sh", "-c", "ulimit -n 256 && exec \"$0\" \"$@\""]
        let (code, log) = try Daemon.run(files.arguments(and: more), through: hard)
        #expect(code == 3 && log.contains("ulimit -n"), "\(log)")
    }
}
