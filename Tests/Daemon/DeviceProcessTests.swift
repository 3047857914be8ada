import Foundation
import RingLab
import TestSupport
import Testing

/// A device's own process, apart from the gateway.
@Suite(.enabled(if: LoopDevice.reasonUnavailable(directory: "/tmp") == nil, "needs loop devices and root"))
struct DeviceProcessTests {
    /// What BLKFLSBUF needs, and nothing else (CAP_SYS_ADMIN is bit 21).
    @Test func itHasWhatItsCommandsNeedAndNoMore() throws {
        let site = try Site(process: "own")
        let process = try #require(site.process)
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        for line in [
            "CapEff:\t0000000000200000", "CapPrm:\t0000000000200000", "CapBnd:\t0000000000200000",
            "CapAmb:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2",
        ] {
            #expect(status.contains(line), "\(line) in \(status)")
        }
        let gateway = try String(
            contentsOfFile: "/proc/\(site.daemon.process.processIdentifier)/status", encoding: .utf8)
        #expect(gateway.contains("CapEff:\t0000000000000000"))
        let flushed = try site.call("BLKFLSBUF")
        #expect(flushed.status == 0, "\(flushed.output)")
        #expect(try site.call("BLKGETSIZE64").output.contains("2097152"))
        #expect(try site.read("disk").status == 0)
        // While a client has it open, the process has it and the gateway has not.
        let client = try site.opened("disk")
        #expect(try site.files(of: process).contains(site.disk.path))
        #expect(try site.files(of: site.daemon.process.processIdentifier).contains(site.disk.path) == false)
        client.vanish()
        site.daemon.signal(SIGTERM)
        #expect(try site.daemon.exitCode() == 0, "\(site.daemon.log)")
        #expect(eventually { !FileManager.default.fileExists(atPath: "/proc/\(process)") })
        #expect(
            site.daemon.log.contains("device `disk` has process \(process): CAP_SYS_ADMIN"),
            "\(site.daemon.log)")
    }

    @Test func withoutItTheCommandFailsAndTheStartSaysWhy() throws {
        let site = try Site(process: nil)
        #expect(site.process == nil)
        let refused = try site.call("BLKFLSBUF")
        #expect(refused.status != 0 && refused.output.contains("EACCES"), "\(refused.output)")
        #expect(try site.call("BLKGETSIZE64").status == 0)
        site.daemon.signal(SIGTERM)
        _ = try site.daemon.exitCode()
        #expect(
            site.daemon.log.contains("need CAP_SYS_ADMIN, which the gateway drops"), "\(site.daemon.log)")
    }

    /// Nobody has told the gateway that the file is another; its process decides by it all the same.
    @Test func itGoesByThePolicyFile() throws {
        let site = try Site(process: "own")
        #expect(try site.call("BLKGETSIZE64").status == 0)
        try site.allow(["BLKFLSBUF"])
        let refused = try site.call("BLKGETSIZE64")
        #expect(refused.status != 0 && refused.output.contains("no rule allows"), "\(refused.output)")
        #expect(try site.call("BLKFLSBUF").status == 0)
        try site.allow(["BLKFLSBUF", "BLKGETSIZE64"])
        #expect(try site.call("BLKGETSIZE64").status == 0)
    }

    /// What a later policy wants of it that it has dropped is told, and changes nothing.
    @Test func itGetsNothingBackWithoutARestart() throws {
        let site = try Site(process: "own", allowing: ["BLKGETSIZE64"])
        let process = try #require(site.process)
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        #expect(status.contains("CapPrm:\t0000000000000000"))
        try site.allow(["BLKFLSBUF", "BLKGETSIZE64"])
        site.daemon.signal(SIGHUP)
        let words = "device `disk`: its process has dropped CAP_SYS_ADMIN"
        #expect(site.daemon.says(words), "\(site.daemon.log)")
        let refused = try site.call("BLKFLSBUF")
        #expect(refused.status != 0 && refused.output.contains("is not allowed on disk"), "\(refused.output)")
    }

    @Test func itsEndIsTheDevicesAlone() throws {
        let site = try Site(process: "own")
        let process = try #require(site.process)
        #expect(try site.read("disk").status == 0)
        Foundation.kill(process, SIGKILL)
        #expect(
            eventually { (try? site.read("disk").output.contains("the process of `disk` has ended")) == true }
        )
        #expect(try site.read("scratch").output == "here")
        site.daemon.signal(SIGTERM)
        #expect(try site.daemon.exitCode() == 0)
        #expect(site.daemon.log.contains("the process of a device has ended"), "\(site.daemon.log)")
    }

    @Test func withoutTheSandboxThereIsNone() throws {
        let files = try DaemonFiles()
        let policy = try String(contentsOfFile: files.path("policy.yaml"), encoding: .utf8)
            .replacingOccurrences(
                of: "/dev/null, profile: \"null\"", with: "/dev/null, profile: \"null\", process: own")
        _ = try files.write("policy.yaml", policy)
        let config = try files.write("config.yaml", "sandbox: off\n")
        let (code, log) = try Daemon.run(files.arguments(and: ["--config", config]))
        #expect(code == 2 && log.contains("`process: own` goes with the sandbox"), "\(log)")
    }
}

/// A daemon with a disk, and with a file that it serves itself.
private final class Site {
    let files: DaemonFiles
    let daemon: Daemon
    let disk: LoopDevice
    private let port: Int
    private let agent: TestCertificates.Pair
    private let mode: String?

    init(process: String?, allowing commands: [String] = ["BLKFLSBUF", "BLKGETSIZE64"]) throws {
        files = try DaemonFiles()
        disk = try LoopDevice(mebibytes: 2, directory: "/tmp")
        mode = process
        _ = try files.write("scratch", "here")
        try Self.write(files, disk.path, mode, commands)
        agent = try files.certificates.client(uri: DaemonFiles.agent)
        (daemon, port) = try files.start()
    }

    func allow(_ commands: [String]) throws { try Self.write(files, disk.path, mode, commands) }

    private static func write(
        _ files: DaemonFiles, _ disk: String, _ process: String?, _ commands: [String]
    ) throws {
        let mode = process.map { ", process: \($0)" } ?? ""
        _ = try files.write(
            "policy.yaml",
            """
            version: 1
            principals:
              agent: {uri: "\(DaemonFiles.agent)"}
            devices:
              disk: {path: \(disk), kind: block, profile: block\(mode)}
              scratch: {path: \(files.path("scratch")), kind: regular, profile: socket}
            rules:
              - {id: disk, principals: [agent], devices: [disk], read: true, commands: [\(commands.joined(separator: ", "))]}
              - {id: scratch, principals: [agent], devices: [scratch], read: true}

            """)
    }

    /// The disk's process, if it has one (proc(5), /proc/PID/status).
    var process: pid_t? {
        let parent = "PPid:\t\(daemon.process.processIdentifier)\n"
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.compactMap { pid_t($0) }.first {
            let status = (try? String(contentsOfFile: "/proc/\($0)/status", encoding: .utf8)) ?? ""
            return status.contains(parent) && status.hasPrefix("Name:\tringgate-device\n")
        }
    }

    /// What a process has open.
    func files(of process: pid_t) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd").compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/fd/\($0)")
        }
    }

    /// A client that has the device open.
    func opened(_ device: String) throws -> RawClient {
        let client = try RawClient(
            port: port, identity: agent, authority: files.certificates.authority.certificate)
        try client.greet()
        try client.submit([.open(device, slot: 0, id: 1)])
        #expect(try client.completions(1)[0].result == 0)
        return client
    }

    func read(_ device: String) throws -> ToolRun { try run(["read", device, "--count", "4"]) }

    func call(_ command: String) throws -> ToolRun { try run(["call", "disk", command]) }

    private func run(_ arguments: [String]) throws -> ToolRun {
        try Tool.run(files.environment(of: agent, port: port) + ["ringctl"] + arguments)
    }
}
