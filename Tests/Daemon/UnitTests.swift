import Foundation
import RingProtocol
import TestSupport
import Testing

/// What deploy/ shuts the gateway in with: how much it shuts, and that the gateway works behind it.
@Suite struct UnitTests {
    private static let unit = "\(Tool.repository)/deploy/systemd/ringgated.service"
    private static let container = "\(Tool.repository)/deploy/container/seccomp.json"
    private static let sandbox = "\(Tool.repository)/Tests/Daemon/unit_sandbox.py"
    private static let hasAnalyze = FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze")

    private static let hasCompiler = FileManager.default.isExecutableFile(atPath: "/usr/bin/cc")

    @Test(.enabled(if: hasAnalyze, "skipped: there is no systemd-analyze"))
    func itsExposureIsAtMostOnePointFive() throws {
        let run = try Tool.run([
            "systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=15", Self.unit,
        ])
        #expect(run.succeeded, "\(run.output)")
    }

    /// Under the unit's user, limits, privileges and filter of system calls, or a container's: the mounts need systemd
    /// itself, or a runtime.
    @Test(
        .enabled(
            if: hasAnalyze && hasCompiler && Sandbox.isUsable,
            "skipped: there is no systemd-analyze, C compiler, python3 or seccomp"),
        arguments: [unit, container])
    func theGatewayWorksInItsSandbox(of sandbox: String) throws {
        let files = try DaemonFiles()
        let agent = try files.certificates.client(uri: DaemonFiles.agent)
        let keys = URL(filePath: files.certificates.authority.certificate).deletingLastPathComponent().path
        let state = files.path("state"), audit = files.path("audit")
        let (daemon, port) = try files.start(
            ["--state", state, "--audit", audit],
            through: ["python3", Self.sandbox, sandbox, "\(files.path("")):\(keys)"])
        let status = try String(
            contentsOfFile: "/proc/\(daemon.process.processIdentifier)/status", encoding: .utf8)
        for line in [
            "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2",
        ] {
            #expect(status.contains(line), "\(line)")
        }
        let client = try RawClient(
            port: port, identity: agent, authority: files.certificates.authority.certificate)
        _ = try client.greet([])
        try client.submit([.open("null", slot: 0, id: 1)])
        #expect(try client.completions(1)[0].result == 0)
        try client.submit([RawEntry(.command, id: 2), RawEntry(.command, id: 3, code: 77)])
        let results = try client.completions(2)
        #expect(results.first { $0.id == 2 }?.result == 0 && results.first { $0.id == 3 }?.result == -EACCES)
        daemon.signal(SIGTERM)
        #expect(try daemon.exitCode() == 0, "\(daemon.log)")
        // Both let it put up its own sandbox, as far as this kernel has one.
        #expect(daemon.log.contains("system calls filtered; no capabilities"), "\(daemon.log)")
        #expect(try Tool.run(["python3", "\(Tool.repository)/scripts/verify-audit.py", audit]).succeeded)
    }
}
