import RingAdministration
import RingEngine
import RingPolicy

/// What a gateway is doing, at one moment.
public struct GatewayStatus: Encodable, Sendable {
    /// An entry that was denied.
    public struct Denial: Encodable, Sendable {
        /// Seconds since 1970.
        public let time: UInt64
        public let session: UInt64
        public let identity: String
        public let device: String
        /// The operation and, for a command, its code.
        public let operation: String
        public let text: String

        init?(_ request: LoggedRequest) {
            guard let refusal = request.refusal else { return nil }
            time = request.time
            session = request.session
            identity = request.identity
            device = request.device
            operation =
                request.operation == .command ? "command \(request.code)" : "\(request.operation)"
            text = refusal.text
        }
    }

    /// Of the policy in force, in lower-case hexadecimal.
    public let revision: String
    /// Whether it takes new connections and commands.
    public let isServing: Bool
    public let sessions: [SessionReport]
    public let devices: [DeviceReport]
    /// The latest, the newest first.
    public let denials: [Denial]

    static let denialLimit = 50
}

extension GatewayLoop {
    func status(_ parts: [Gathering.Part]) -> GatewayStatus {
        commons.enter()
        defer { commons.leave() }
        let devices = policy.devices.filter { $0.kind != .gateway }.sorted { $0.name < $1.name }
        let denials = commons.requests.log.requests.reversed().lazy.compactMap(GatewayStatus.Denial.init)
        return GatewayStatus(
            revision: Revision.text(policy.revision), isServing: mode == .serving,
            sessions: parts.flatMap(\.sessions).sorted { $0.session < $1.session },
            devices: devices.map { report($0, parts) },
            denials: Array(denials.prefix(GatewayStatus.denialLimit)))
    }
}

/// A device as administration sees it.
public struct DeviceReport: Encodable, Sendable {
    public let name: String
    public let profile: String
    public let labels: [String: String]
    /// `enabled`, `draining` or `disabled`; the last two with an operator's words.
    public let state: String
    public let reason: String?
    public let by: String?
    /// Seconds since 1970.
    public let since: UInt64?
    /// Numbers of the sessions that have it open.
    public let sessions: [UInt64]
    /// `none`, `shared` or `exclusive`: how it can be leased.
    public let lease: String
    /// Numbers of the sessions that hold a lease on it; absent where nobody can.
    public let holders: [UInt64]?
    /// Operations that were begun on it since it was first opened, and entries on it that were denied.
    public let started: Int
    public let denied: Int
    /// Absent while the device has no worker, because nobody has opened it yet.
    public let lane: Lane?

    /// What the device's worker is doing.
    public struct Lane: Encodable, Sendable {
        /// Waiting and running.
        public let operations: Int
        /// Milliseconds for which the running call has been in the kernel; absent when none is.
        public let runningFor: UInt64?
        /// Whether it is one that nothing ends but `device.reset-lane`.
        public let isStuck: Bool

        init(_ state: LaneState) {
            operations = state.operations
            runningFor = state.runningFor.map { $0 / 1_000_000 }
            isStuck = state.isStuck
        }
    }

    init(
        _ device: Device, _ entry: DeviceTable.Entry?, sessions: [UInt64], holders: [UInt64],
        lane: LaneState?,
        denied: Int
    ) {
        name = device.name
        profile = device.profile.name
        labels = device.labels
        self.sessions = sessions
        lease = "\(device.lease.mode)"
        self.holders = device.lease.mode == .none ? nil : holders
        started = lane?.started ?? 0
        self.denied = denied
        self.lane = lane.map(Lane.init)
        let availability = entry?.availability ?? .enabled
        state = availability.word
        reason = availability.order?.reason
        by = availability.order?.identity
        since = availability.order?.time
    }
}
