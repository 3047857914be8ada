import Foundation
import RingDeviceLink
import RingDeviceProcess
import RingPolicy
import Synchronization

/// What the processes of devices do that have one of their own, here on threads and without their walls.
final class DeviceServices: Sendable {
    /// Whether every device has one that can, from the environment: `RINGGATE_PROCESSES=1` has suites pass with devices that
    /// the gateway itself never opens.
    static let areAll = ProcessInfo.processInfo.environment["RINGGATE_PROCESSES"] == "1"

    /// The gateway's ends of the connections.
    let sockets: [String: Int32]
    /// The processes' ends, to be cut by tests.
    let ends: [String: Int32]
    private let current: Current

    private final class Current: Sendable {
        private let policy: Mutex<PolicySnapshot>

        init(_ policy: PolicySnapshot) { self.policy = Mutex(policy) }

        var now: PolicySnapshot {
            get { policy.withLock { $0 } }
            set { policy.withLock { $0 = newValue } }
        }
    }

    init(_ policy: PolicySnapshot) throws {
        let policy = Self.areAll ? policy.withProcesses : policy
        let current = Current(policy)
        self.current = current
        var (sockets, ends): ([String: Int32], [String: Int32]) = ([:], [:])
        for device in policy.devices.filter(\.hasOwnProcess).map(\.name) {
            let (made, ours, theirs) = DeviceSocket.pair()
            guard made == 0 else { throw POSIXError(.EMFILE) }
            (sockets[device], ends[device]) = (ours, theirs)
            Thread.detachNewThread {
                var service = try? DeviceService(device, on: theirs, policy: { current.now })
                service?.run()
                close(theirs)
            }
        }
        self.sockets = sockets
        self.ends = ends
    }

    /// What the processes go by.
    var policy: PolicySnapshot { current.now }

    /// Puts a policy in force in the processes once they are told; the result is for the gateway.
    func adopt(_ policy: PolicySnapshot) -> PolicySnapshot {
        current.now = Self.areAll ? policy.withProcesses : policy
        return current.now
    }
}

extension PolicySnapshot {
    /// The same with a process for each device that can have one.
    fileprivate var withProcesses: PolicySnapshot {
        PolicySnapshot(
            revision: revision, principals: principals, devices: devices.map(\.withProcess), rules: rules,
            nevers: nevers, profiles: Array(profiles.values))
    }
}

extension Device {
    fileprivate var withProcess: Device {
        let mayHaveOne =
            kind != .gateway && kind != .tcp && console == nil
            && !profile.commands.contains(where: \.usesDescriptors)
        return with(process: mayHaveOne)
    }

    func with(process: Bool) -> Device {
        Device(
            name: name, path: path, followsLink: followsLink, kind: kind, access: access, profile: profile,
            identity: identity, labels: labels, lease: lease, onRelease: onRelease, console: console,
            limits: limits, observation: observation, hasOwnProcess: process, procedures: procedures)
    }
}
