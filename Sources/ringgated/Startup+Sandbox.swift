import Foundation
import RingDeviceProcess
import RingOpener
import RingPolicy
import RingPolicyFile
import RingSandbox

/// Shutting the daemon in, between reading its files and its first thread.
extension Startup {
    /// Returns who opens devices from then on.
    func enterSandbox(_ policy: PolicySnapshot, _ portFile: String?) throws -> Helpers {
        guard settings.sandbox != .off else {
            try requireNoHelpers(policy)
            logger.warning("no sandbox: the configuration file says `sandbox: off`")
            return Helpers()
        }
        let account = try account()
        makeDirectories(for: account)
        let reach = try reach(policy, portFile)
        let reaches = try processReaches(policy)
        var processes: [String: DeviceProcess] = [:]
        let opener: Opener
        let sandbox: Sandbox
        do throws(SandboxError) {
            let filed = FiledPolicy(policy, policyFile, administrator, logger)
            for (device, reach) in reaches {
                processes[device] = try DeviceProcess.start(for: device, in: reach, policy: filed.now)
            }
            opener = try Opener.start(in: openerReach(reach), device: filed.device)
            sandbox = try Sandbox.enter(reach.withoutDevices, as: account)
        } catch {
            throw Failure.sandbox("the sandbox cannot be put up: \(error); `sandbox: off` goes without")
        }
        if settings.sandbox == .required, !sandbox.isComplete {
            throw Failure.sandbox(
                "the sandbox is not complete: \(sandbox); `sandbox: available` makes do with that")
        }
        administrator.hold(to: { Self.flaws(of: $0, within: reach, reaches) })
        logger.notice("sandbox: \(sandbox); process \(opener.process) opens devices")
        for (device, process) in processes.sorted(by: { $0.key < $1.key }) {
            logger.notice(
                "device `\(device)` has process \(process.process): \(reaches[device]?.words ?? "")")
        }
        if geteuid() == 0 { logger.warning("runs as root; `user` in the configuration file names another") }
        let missing = reach.capabilities.subtracting(sandbox.capabilities)
        for capability in missing.map(\.description).sorted() {
            logger.warning("keep-capabilities: the daemon was not started with \(capability)")
        }
        return Helpers(opener: opener, processes: processes.mapValues(\.socket))
    }

    /// Without the sandbox there is one process.
    private func requireNoHelpers(_ policy: PolicySnapshot) throws {
        if settings.user != nil {
            throw Failure.files("user: goes with the sandbox, which is off: who opens devices must stay")
        }
        if let device = policy.devices.first(where: \.hasOwnProcess) {
            throw Failure.files(
                "device `\(device.name)`: `process: own` goes with the sandbox, which is off; take one of them away"
            )
        }
    }

    /// Whom the daemon becomes; nil for nobody else.
    private func account() throws -> Account? {
        guard let name = settings.user else { return nil }
        guard let account = Account(name) else { throw Failure.files("user: there is no user `\(name)`") }
        guard geteuid() == 0 || geteuid() == account.user else {
            throw Failure.files("user: only root can become `\(name)`; start the daemon as one of them")
        }
        return geteuid() == 0 ? account : nil
    }

    /// Later their parents are out of reach.
    private func makeDirectories(for account: Account?) {
        for (path, mode) in [(settings.state, mode_t(0o750)), (settings.audit, 0o700)] {
            guard let path, mkdir(path, mode) == 0, let account else { continue }
            chown(path, account.user, account.group)
        }
    }

    /// What reading the policy again takes.
    private var policyReach: Reach {
        var reach = Reach()
        reach.readable = Self.system.union(Self.directories(of: administrator.files.policy))
        reach.readable.insert(administrator.files.profiles)
        return reach
    }

    /// What each device's own process touches, by the device's name.
    private func processReaches(_ policy: PolicySnapshot) throws -> [String: Reach] {
        let devices = needed(policy).filter(\.hasOwnProcess)
        guard devices.count <= Self.mostProcesses else {
            throw Failure.files(
                "\(devices.count) devices have `process: own`; at most \(Self.mostProcesses) may")
        }
        let held = Capability.held
        var reaches: [String: Reach] = [:]
        for device in devices {
            var reach = policyReach
            // What a link of udev leads to lies elsewhere below /dev.
            reach.devices = [device.followsLink ? "/dev" : Self.directory(of: device.path)]
            reach.ioctls = Set(device.profile.ioctls)
            reach.capabilities = try Set(policy.capabilities(on: device).map(Self.capability))
            for capability in reach.capabilities.subtracting(held).map(\.description).sorted() {
                logger.warning(
                    "device `\(device.name)`: its commands need \(capability), with which the daemon was not started"
                )
            }
            reaches[device.name] = reach
        }
        return reaches
    }

    private static let mostProcesses = 64

    private static func capability(_ name: String) throws -> Capability {
        guard let capability = Capability(name) else {
            throw Failure.files("`\(name)` is no capability; see capabilities(7)")
        }
        return capability
    }

    /// What the process that opens devices touches.
    private func openerReach(_ reach: Reach) -> Reach {
        var opening = policyReach
        opening.devices = reach.devices
        opening.connecting = reach.connecting
        // Drivers ask for some at open(2).
        opening.capabilities = reach.capabilities
        return opening
    }

    /// How the kernel is set up, udev's database for `identity`, and what libraries read.
    private static let system: Set = [
        "/proc/sys/kernel/io_uring_disabled", "/run/udev/data", "/sys/devices/system/cpu", "/etc/ssl",
        "/usr/lib/ssl", "/etc/localtime", "/usr/share/zoneinfo",
    ]

    /// Of the daemon and who opens its devices together.
    private func reach(_ policy: PolicySnapshot, _ portFile: String?) throws -> Reach {
        var reach = Reach()
        reach.readable = Self.system
        reach.readable.formUnion(configuration.trust.all.flatMap(Self.directories))
        reach.readable.insert(administrator.files.profiles)
        // Another policy takes the place of the file, where policies may be applied.
        let policies = Self.directories(of: administrator.files.policy)
        reach.readable.formUnion(policies)
        if let state = settings.state { reach.writable.formUnion(policies + [state]) }
        if let audit = settings.audit { reach.writable.insert(audit) }
        if let portFile { reach.writable.insert(Self.directory(of: Self.absolute(portFile))) }
        for log in policy.devices.compactMap({ $0.console?.log }) {
            reach.writable.insert(Self.directory(of: log))
        }
        // Devices that are plugged in later are nodes that are not there yet.
        reach.devices = ["/dev"]
        for device in policy.devices where device.isNode {
            reach.devices.insert(Self.directory(of: device.path))
        }
        reach.listening = Set([settings.listen, settings.status].compactMap { $0 }.compactMap(Self.port))
        // What the process uses itself, for its metrics.
        if settings.status != nil { reach.readable.insert("/proc/self") }
        reach.connecting = Set(policy.devices.compactMap(\.port))
        reach.ioctls = Set(policy.profiles.values.flatMap(\.ioctls))
        for name in settings.keptCapabilities {
            guard let capability = Capability(name) else {
                throw Failure.files(
                    "keep-capabilities: `\(name)` is no capability; write it as capabilities(7) does, "
                        + "such as CAP_SYS_TIME")
            }
            reach.capabilities.insert(capability)
        }
        return reach
    }

    /// What a later policy has that was not foreseen at the start.
    private static func flaws(
        of policy: PolicySnapshot, within reach: Reach, _ processes: [String: Reach]
    ) -> [(message: String, hint: String)] {
        let hint = "the gateway's sandbox was put up without it: restart the gateway with this policy"
        var flaws: [String] = []
        for device in policy.devices {
            if device.isNode, !Reach.contains(device.path, in: reach.devices) {
                flaws.append("device `\(device.name)`: \(device.path) is out of the gateway's reach")
            }
            if let port = device.port, !reach.connecting.contains(port) {
                flaws.append("device `\(device.name)`: port \(port) is out of the gateway's reach")
            }
            if let log = device.console?.log, !Reach.contains(log, in: reach.writable) {
                flaws.append("device `\(device.name)`: \(log) is out of the gateway's reach")
            }
        }
        for device in policy.devices where device.hasOwnProcess {
            guard let own = processes[device.name] else {
                flaws.append("device `\(device.name)` has no process of its own yet")
                continue
            }
            let lacks = policy.capabilities(on: device).subtracting(own.capabilities.map(\.description))
            for capability in lacks.sorted() {
                flaws.append("device `\(device.name)`: its process has dropped \(capability)")
            }
            let isWithin =
                Reach.contains(device.followsLink ? "/dev" : device.path, in: own.devices)
                && device.profile.ioctls.allSatisfy { code in own.ioctls.contains { $0.contains(code) } }
            if !isWithin { flaws.append("device `\(device.name)`: it is out of its process's reach") }
        }
        for profile in policy.profiles.values.sorted(by: { $0.name < $1.name }) {
            let unknown = profile.ioctls.first { code in !reach.ioctls.contains { $0.contains(code) } }
            if let unknown {
                flaws.append(
                    "profile `\(profile.name)`: ioctl 0x\(String(unknown.value, radix: 16)) is out of the "
                        + "gateway's reach")
            }
        }
        return flaws.map { ($0, hint) }
    }

    private static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
    }

    private static func directory(of path: String) -> String {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Where a file is looked for, and where it is: links are how certificates are replaced.
    private static func directories(of path: String) -> [String] {
        let path = absolute(path)
        guard let target = realpath(path, nil) else { return [directory(of: path)] }
        defer { free(target) }
        return [directory(of: path), directory(of: String(cString: target))]
    }

    fileprivate static func port(_ address: String) -> UInt16? {
        address.lastIndex(of: ":").flatMap { UInt16(address[address.index(after: $0)...]) }
    }
}

/// The processes beside the gateway's.
struct Helpers {
    /// nil when the gateway opens devices itself.
    var opener: Opener?
    /// Sockets of the devices' own processes.
    var processes: [String: Int32] = [:]
}

extension Reach {
    /// For the log.
    fileprivate var words: String {
        let names = capabilities.map(\.description).sorted()
        return names.isEmpty ? "no capabilities" : names.joined(separator: ", ")
    }
}

extension Device {
    /// Whether a file lies at the device's path.
    fileprivate var isNode: Bool { [.character, .block, .regular].contains(kind) }
    fileprivate var port: UInt16? { kind == .tcp ? Startup.port(path) : nil }
}

extension Profile {
    /// What is handed to ioctl(2) for this profile.
    fileprivate var ioctls: [CodeMask] {
        let calls = commands.filter { $0.transport == .call }.map {
            CodeMask(value: $0.pattern.base.code, mask: $0.pattern.mask)
        }
        return calls
            + releases.flatMap { release -> [CodeMask] in
                switch release {
                case .restore(let get, let set, _): [CodeMask(value: get.code), CodeMask(value: set.code)]
                case .write: []
                case .call(let code, _): [CodeMask(value: code.code)]
                }
            }
    }
}
