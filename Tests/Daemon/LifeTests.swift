import Foundation
import RingProtocol
import TestSupport
import Testing

/// A daemon that starts, serves and ends.
@Suite struct LifeTests {
    @Test func checkSaysOkAndWhatIsNotThere() throws {
        let files = try DaemonFiles()
        let (code, log) = try Daemon.run(files.arguments(and: ["--check"]))
        #expect(code == 0)
        let lines = log.split(separator: "\n")
        #expect(lines.count == 2, "\(log)")
        #expect(
            lines.first
                == "warning: device `absent`: /dev/ringgate-absent: No such file or directory")
        let ok = /ok: 1 principals, 2 devices, 1 rules, revision [0-9a-f]{64}/
        #expect(try lines.last.map { try ok.wholeMatch(in: $0) != nil } == true, "\(log)")
    }

    @Test func checkDoesNotMindADaemonThatRuns() throws {
        let files = try DaemonFiles()
        let (daemon, port) = try files.start()
        let check = files.arguments(["listen": "127.0.0.1:\(port)"], and: ["--check"])
        #expect(try Daemon.run(check).code == 0)
        #expect(daemon.process.isRunning)
    }

    @Test func theConfigurationFileStandsInForOptions() throws {
        let files = try DaemonFiles()
        let config = try files.write(
            "config.yaml",
            """
            listen: 127.0.0.1:0
            certificate: \(files.certificates.server.certificate)
            key: \(files.certificates.server.key)
            client-ca: \(files.certificates.authority.certificate)
            policy: policy.yaml
            profiles: \(Tool.repository)/profiles

            """)
        #expect(try Daemon.run(["--config", config, "--check"]).code == 0)
        let (code, _) = try Daemon.run(["--config", config, "--check", "--key", files.path("nothing")])
        #expect(code == 4, "the command line wins")
    }

    @Test(arguments: [SIGTERM, SIGINT], [1, 2])
    func aSignalEndsItInOrderAndASecondOneToo(signal: Int32, times: Int) throws {
        let files = try DaemonFiles()
        let (daemon, port) = try files.start()
        let client = try RawClient(
            port: port, identity: try files.certificates.client(uri: DaemonFiles.agent),
            authority: files.certificates.authority.certificate)
        _ = try client.greet()
        for _ in 0..<times { daemon.signal(signal) }
        #expect(try daemon.exitCode() == 0)
        #expect(daemon.log.contains("ended"))
    }

    @Test func thePortFileHoldsThePortAndNothingElse() throws {
        let files = try DaemonFiles()
        let (daemon, port) = try files.start()
        #expect((1...65_535).contains(port))
        let client = try RawClient(
            port: port, identity: try files.certificates.client(uri: DaemonFiles.agent),
            authority: files.certificates.authority.certificate)
        _ = try client.greet()
        daemon.signal(SIGTERM)
        #expect(try daemon.exitCode() == 0)
        #expect(daemon.log.contains("listening on 127.0.0.1:\(port)"))
    }

    @Test func aPortFileThatCannotBeWrittenIsTwo() throws {
        let files = try DaemonFiles()
        let (code, log) = try Daemon.run(files.arguments(and: ["--port-file", files.path("no/where")]))
        #expect(code == 2 && log.contains(files.path("no/where")), "\(log)")
    }

    @Test func theLogHoldsNoKeyAndNoBytesOfTheClient() throws {
        let files = try DaemonFiles()
        let (daemon, port) = try files.start(["--log-level", "debug"])
        let identity = try files.certificates.client(uri: DaemonFiles.agent)
        let stranger = try files.certificates.client(uri: "ringgate://test.example/stranger")
        let authority = files.certificates.authority.certificate
        let client = try RawClient(port: port, identity: identity, authority: authority)
        _ = try client.greet()
        try client.submit([.open("null", slot: 0, id: 1)])
        _ = try client.completions(1)
        let secret = "correct horse battery staple"
        try client.submit([
            RawEntry(.write, id: 2, offset: .max, argument: Array(secret.utf8)),
            RawEntry(.command, id: 3, code: 0x5412, argument: Array(secret.utf8)),
        ])
        #expect(try client.completions(2).allSatisfy { $0.refusal != nil })
        let other = try? RawClient(port: port, identity: stranger, authority: authority)
        _ = try? other?.greet()
        daemon.signal(SIGTERM)
        #expect(try daemon.exitCode() == 0)
        #expect(daemon.log.contains("denied"), "it does log what it refuses")
        #expect(!daemon.log.contains(secret) && !daemon.log.contains("PRIVATE KEY"))
        for path in [files.certificates.server.key, files.certificates.authority.key, identity.key] {
            let key = try String(contentsOfFile: path, encoding: .utf8)
            for line in key.split(separator: "\n") where !line.hasPrefix("-----") {
                #expect(!daemon.log.contains(line))
            }
        }
    }

    /// What systemd does for ringgated.socket.
    private static let activator = [
        "python3", "-c",
        """
        import os, socket, sys
        listener = socket.create_server(("127.0.0.1", 0))
        os.dup2(listener.fileno(), 3)
        os.set_inheritable(3, True)
        os.environ.update(LISTEN_FDS=sys.argv[1], LISTEN_PID=str(os.getpid()))
        os.execv(sys.argv[2], sys.argv[2:])
        """,
    ]

    @Test func aSocketOfSystemdIsTaken() throws {
        let files = try DaemonFiles()
        let agent = try files.certificates.client(uri: DaemonFiles.agent)
        let (daemon, port) = try files.start(["--listen", "systemd"], through: Self.activator + ["1"])
        let run = try Tool.run([
            "\(Bundle.main.bundleURL.path)/ringctl", "call", "null", "NULL_URING_CMD", "--host",
            "127.0.0.1:\(port)",
            "--cert", agent.certificate, "--key", agent.key, "--ca",
            files.certificates.authority.certificate,
        ])
        #expect(run.status == 0, "\(run.output)")
        daemon.signal(SIGTERM)
        #expect(try daemon.exitCode() == 0)
    }

    @Test func withoutSuchASocketItDoesNotStart() throws {
        let files = try DaemonFiles()
        for wrapper in [[], Self.activator + ["2"]] {
            let run = try Daemon.run(files.arguments(["listen": "systemd"]), through: wrapper)
            #expect(run.code == 5 && run.log.contains("no listening TCP socket from systemd"), "\(run.log)")
        }
    }

    @Test func logsAreJSONWhereThatIsAskedFor() throws {
        let files = try DaemonFiles()
        let (daemon, _) = try files.start(["--log-format", "json"])
        daemon.signal(SIGTERM)
        #expect(try daemon.exitCode() == 0)
        // A build that measures coverage complains that the sandbox keeps its file from it.
        let said = daemon.log.split(separator: "\n").filter { !$0.hasPrefix("LLVM Profile") }
        let lines = try said.map { line in
            try #require(
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String], "\(line)")
        }
        let listening = lines.first { $0["message"]?.hasPrefix("listening on") == true }
        #expect(listening?["level"] == "notice" && listening?["devices"] == "2")
        #expect(lines.allSatisfy { $0["time"]?.hasSuffix("Z") == true })
        #expect(try Daemon.run(files.arguments(["log-format": "xml"])).code == 64)
    }
}
