import ArgumentParser
import Foundation
import Logging
import RingGateway
import RingOpener
import RingPolicy
import RingPolicyFile

/// The daemon: reads its files, starts the gateway, and turns signals into an orderly end.
@main
struct Ringgated: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ringgated",
        abstract: "Lets remote clients send allowed commands to this machine's devices through its io_uring.",
        discussion: """
            The options but --check, --config, --port-file and --replay can stand in the configuration file under the \
            same name; the command line wins.
            SIGTERM and SIGINT answer what was accepted, then end the daemon; a second one ends it at once.
            SIGHUP reads the policy and the certificates again; what has errors changes nothing. Certificates are \
            also read when their files change.

            Exit codes: 0 ended in order, 2 a configuration, policy or profile file is wrong, 3 io_uring is \
            missing or disabled, 4 a certificate or key is unusable, 5 the address cannot be listened on, \
            6 the directory of policy revisions cannot be used, 7 the audit log cannot be used, 8 the \
            sandbox that is asked for cannot be put up, 9 the process that opens devices has ended, 64 wrong \
            usage.
            """,
        version: version)

    static let version = "0.1.0"

    @Option(help: "Configuration file (YAML).") var config: String?
    @Option(help: "ADDRESS:PORT to listen on, port 0 for any (default 127.0.0.1:7450).") var listen: String?
    @Option(help: "The gateway's certificate chain (PEM).") var certificate: String?
    @Option(help: "Its private key (PEM).") var key: String?
    @Option(help: "CA that client certificates must chain to (PEM).") var clientCa: String?
    @Option(help: "Certificate revocation lists of that CA (PEM).") var crl: String?
    @Option(help: "Client certificates that are not let in (YAML).") var denyList: String?
    @Option(help: "The allowlist (YAML, docs/policy.md).") var policy: String?
    @Option(help: "Directory of device profiles (default /usr/share/ringgate/profiles).") var profiles:
        String?
    @Option(help: "Directory to keep policies that were in force; without it none can be applied remotely.")
    var state: String?
    @Option(help: "Directory of the audit log; without it none is kept.") var audit: String?
    @Option(help: "ADDRESS:PORT of this host's own for metrics, health and a status page; none unless given.")
    var status: String?
    @Option(help: "Loop threads that share sessions and devices among them, 1 to 64 (default 1).")
    var loops: Int?
    @Option(help: "debug, info, notice, warning or error (default info).") var logLevel: String?
    @Option(help: "text or json (default text).") var logFormat: String?
    @Option(help: "A recording that answers for its devices, which need not be there (docs/recording.md).")
    var replay: String?
    @Option(help: "In which order: strict, as recorded, or any (default strict).") var replayOrder: String?
    @Option(help: "Write the port that was chosen to this file once listening.") var portFile: String?
    @Flag(help: "Check all files and the kernel, say so, and end.") var check = false

    func run() throws {
        let settings = try mergedSettings()
        guard replay != nil || replayOrder == nil else {
            throw ValidationError("--replay-order goes with --replay")
        }
        var startup = try Startup(settings)
        if let replay { try startup.replay(replay, order: replayOrder ?? "strict") }
        OpenFileLimit.raise()
        if check { return try startup.check() }
        Signals.block()
        let (gateway, opener) = try startup.start(portFile)
        let status = try startup.startStatus(of: gateway)
        StartMemory.forget()
        if let portFile { try PortFile.write(gateway.port, to: portFile) }
        Signals.obey(gateway)
        opener?.watch(for: gateway, startup.logger)
        gateway.wait()
        status?.stop()
        startup.logger.notice("ended")
        if let opener, opener.hasEnded { throw ExitCode(9) }
    }

    /// The configuration file with the command line on top.
    private func mergedSettings() throws -> DaemonSettings {
        var settings = DaemonSettings()
        if let config {
            do { settings = try DaemonSettings.load(config) } catch { throw Failure.files(error.description) }
        }
        settings.listen = listen ?? settings.listen ?? "127.0.0.1:7450"
        settings.certificate = certificate ?? settings.certificate
        settings.key = key ?? settings.key
        settings.clientCA = clientCa ?? settings.clientCA
        settings.revocationLists = crl ?? settings.revocationLists
        settings.denyList = denyList ?? settings.denyList
        settings.policy = policy ?? settings.policy
        settings.profiles = profiles ?? settings.profiles ?? "/usr/share/ringgate/profiles"
        settings.state = state ?? settings.state
        settings.audit = audit ?? settings.audit
        settings.status = status ?? settings.status
        if let loops, !DaemonSettings.loopCounts.contains(loops) {
            throw ValidationError("loops: write a number from 1 to 64")
        }
        settings.loops = loops ?? settings.loops
        settings.logFormat = logFormat ?? settings.logFormat ?? "text"
        settings.logLevel = logLevel ?? settings.logLevel ?? "info"
        return settings
    }
}

extension Opener {
    /// Without it nothing is opened any more, so the gateway answers what it has accepted and ends.
    fileprivate func watch(for gateway: Gateway, _ logger: Logger) {
        Thread.detachNewThread {
            self.waitForEnd()
            logger.critical("the process that opens devices has ended")
            gateway.drain()
        }
    }
}
