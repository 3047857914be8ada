import ArgumentParser
import Foundation
import Logging
import RingAdministration
import RingGateway
import RingOpener
import RingPolicy
import RingPolicyFile
import RingRecording
import RingStatus

/// Ends the daemon with a line on standard error and the exit code that goes with it.
enum Failure {
    static func files(_ text: String) -> any Error { end(2, text) }

    static func administration(_ error: AdministrationError) -> any Error {
        switch error {
        case .policy(let errors): files("the policy cannot be used:\n\(errors.description)")
        case .state(let text): end(6, text)
        }
    }

    static func status(_ text: String) -> any Error { end(5, text) }
    static func sandbox(_ text: String) -> any Error { end(8, text) }

    static func gateway(_ error: GatewayError) -> any Error {
        switch error {
        case .engine: end(3, error.description)
        case .tls, .denyList: end(4, error.description)
        case .listen: end(5, error.description)
        case .audit: end(7, error.description)
        }
    }

    private static func end(_ code: Int32, _ text: String) -> any Error {
        FileHandle.standardError.write(Data("ringgated: \(text)\n".utf8))
        return ExitCode(code)
    }
}

/// Everything read and checked, ready to start.
struct Startup {
    private(set) var configuration: GatewayConfiguration
    let administrator: Administrator
    /// What is in the policy file.
    let policy: PolicySnapshot
    /// From which it was read.
    let policyFile: FileState?
    let logger: Logger
    let settings: DaemonSettings

    init(_ settings: DaemonSettings) throws {
        self.settings = settings
        var configuration = GatewayConfiguration(
            listen: settings.listen ?? "",
            certificate: try Self.required(settings.certificate, "certificate"),
            key: try Self.required(settings.key, "key"),
            clientCA: try Self.required(settings.clientCA, "client-ca"))
        configuration.trust.revocationLists = settings.revocationLists
        configuration.trust.acceptsOverdueLists = settings.acceptsOverdueLists ?? false
        configuration.trust.denyList = settings.denyList
        configuration.limits.door = Self.door(settings)
        configuration.loops = settings.loops ?? 1
        configuration.audit = settings.audit.map(AuditSettings.init)
        if let size = settings.auditFileSize { configuration.audit?.fileSize = size }
        if let grace = settings.sessionGrace {
            configuration.limits.resumeGrace = UInt64(grace) * 1_000_000
        }
        if let idle = settings.idleTimeout {
            configuration.limits.idleDeadline = UInt64(idle) * 1_000_000
        }
        self.configuration = configuration
        let files = Administrator.Files(
            policy: try Self.required(settings.policy, "policy"),
            profiles: try Self.required(settings.profiles, "profiles"), state: settings.state)
        let administrator = Administrator(files, hash: Revision.sha256)
        self.administrator = administrator
        policyFile = FileState(files.policy)
        do throws(PolicyErrors) { policy = try administrator.load() } catch {
            throw Failure.administration(.policy(error))
        }
        guard let level = Logger.Level(rawValue: settings.logLevel ?? "") else {
            throw ValidationError("log-level: write debug, info, notice, warning or error")
        }
        switch settings.logFormat {
        case "text": LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        case "json": LoggingSystem.bootstrap { _ in JSONLogHandler() }
        default: throw ValidationError("log-format: write text or json")
        }
        var logger = Logger(label: "ringgated")
        logger.logLevel = level
        self.logger = logger
    }

    private static func door(_ settings: DaemonSettings) -> DoorLimits {
        var door = DoorLimits()
        if let sessions = settings.maxSessions { door.connections = sessions }
        door.connectionsPerSource = settings.sessionsPerSource
        if let startups = settings.startups {
            (door.start, door.rate, door.full) = (startups.start, startups.rate, startups.full)
        }
        if let strangers = settings.startupsPerSource { door.strangersPerSource = strangers }
        return door
    }

    private static func required(_ value: String?, _ name: String) throws -> String {
        guard let value else {
            throw Failure.files(
                "`\(name)` is not set: give --\(name) or write it into the configuration file")
        }
        return value
    }

    /// From now on a recording answers for its devices.
    mutating func replay(_ path: String, order: String) throws {
        guard let order = ReplayScript.Order(rawValue: order) else {
            throw ValidationError("replay-order: write strict or any")
        }
        let recording: Recording
        do throws(RecordingError) { recording = try Recording.load(path) } catch {
            throw Failure.files(error.description)
        }
        for name in recording.scripts.keys.sorted() where !policy.devices.contains(where: { $0.name == name })
        {
            throw Failure.files(
                "\(path): the policy has no device `\(name)`, which the recording answers for")
        }
        configuration.replay = recording
        configuration.replayOrder = order
    }

    /// Devices that have to be there.
    func needed(_ policy: PolicySnapshot) -> [Device] {
        policy.devices.filter { configuration.replay?.scripts[$0.name] == nil }
    }

    /// `portFile` is written later. Returns who opens devices as well; nil for the gateway itself.
    func start(_ portFile: String?) throws -> (Gateway, Opener?) {
        let policy: PolicySnapshot
        do throws(AdministrationError) {
            policy = try administrator.start(at: UInt64(max(0, time(nil))))
        } catch {
            throw Failure.administration(error)
        }
        let warnings = needed(policy).compactMap(Self.warning) + lackingCapabilities(policy)
        let helpers = try enterSandbox(policy, portFile)
        var configuration = configuration
        if let opener = helpers.opener { configuration.opener = opener.open }
        configuration.processes = helpers.processes
        let gateway: Gateway
        do throws(GatewayError) {
            gateway = try Gateway.start(
                configuration, policy: policy, administrator: administrator, logger: logger)
        } catch {
            throw Failure.gateway(error)
        }
        for warning in warnings { logger.warning("\(warning)") }
        for ending in CertificateEnding.all(of: configuration.trust) where ending.isSoon {
            logger.warning("\(ending)")
        }
        for name in (configuration.replay?.scripts ?? [:]).keys.sorted() {
            logger.notice("device `\(name)` is not used: \(configuration.replay?.path ?? "") answers for it")
        }
        if let audit = configuration.audit {
            logger.notice("audit log in \(audit.directory)", metadata: ["last": "\(gateway.auditHead ?? 0)"])
        }
        logger.notice("ring flags: \(Gateway.ringFlags)")
        logger.notice(
            "listening on \(gateway.address)",
            metadata: [
                "devices": "\(policy.devices.count)", "rules": "\(policy.rules.count)",
                "revision": "\(Revision.text(policy.revision))",
            ])
        return (gateway, helpers.opener)
    }

    /// Its page and metrics, where the settings ask for them.
    func startStatus(of gateway: Gateway) throws -> StatusServer? {
        guard let address = settings.status else { return nil }
        let server: StatusServer
        do throws(StatusError) {
            server = try StatusServer.start(
                on: address, gateway, trust: configuration.trust, version: Ringgated.version)
        } catch {
            throw Failure.status(error.description)
        }
        logger.notice("status on http://\(server.address)")
        return server
    }

    /// Commands that a rule allows and that will fail, because the gateway drops what they need.
    private func lackingCapabilities(_ policy: PolicySnapshot) -> [String] {
        guard settings.sandbox != .off else { return [] }
        return policy.devices.filter { !$0.hasOwnProcess }.flatMap { device in
            policy.capabilities(on: device).subtracting(settings.keptCapabilities).sorted().map {
                "device `\(device.name)`: commands that are allowed on it need \($0), which the gateway drops; "
                    + "give the device `process: own`"
            }
        }
    }

    /// Why a device could not be opened now, if so.
    private static func warning(_ device: Device) -> String? {
        let kinds: [NodeKind: mode_t] = [.character: S_IFCHR, .block: S_IFBLK, .regular: S_IFREG]
        // What is no node, a connection or the gateway itself, is there when it is needed.
        guard let kind = kinds[device.kind] else { return nil }
        var status = stat()
        let result = device.followsLink ? stat(device.path, &status) : lstat(device.path, &status)
        guard result == 0 else {
            return "device `\(device.name)`: \(device.path): \(String(cString: strerror(errno)))"
        }
        guard status.st_mode & S_IFMT == kind else {
            return
                "device `\(device.name)`: \(device.path) is no \(device.kind) file; a link must be replaced by its target"
        }
        let rights: [FileAccess: Int32] = [.readOnly: R_OK, .writeOnly: W_OK, .readWrite: R_OK | W_OK]
        guard access(device.path, rights[device.access] ?? R_OK) == 0 else {
            return
                "device `\(device.name)`: \(device.path): \(String(cString: strerror(errno))) for this user"
        }
        return nil
    }

    /// `--check`: all of it but serving, with a warning for each device that is not there now.
    func check() throws {
        do throws(GatewayError) { try Gateway.check(configuration) } catch { throw Failure.gateway(error) }
        for warning in needed(policy).compactMap(Self.warning) + lackingCapabilities(policy) {
            print("warning: \(warning)")
        }
        for ending in CertificateEnding.all(of: configuration.trust) where ending.isSoon {
            print("warning: \(ending)")
        }
        let devices = policy.devices.count { $0.kind != .gateway }
        print(
            "ok: \(policy.principals.count) principals, \(devices) devices, \(policy.rules.count) rules, "
                + "revision \(Revision.text(policy.revision))")
    }
}

/// Tells a starting script which port the kernel chose.
enum PortFile {
    static func write(_ port: Int, to path: String) throws {
        // Atomically, so that a reader never finds half a number.
        do { try Data("\(port)\n".utf8).write(to: URL(filePath: path), options: .atomic) } catch {
            throw Failure.files("\(path): cannot be written: \(error.localizedDescription)")
        }
    }
}
