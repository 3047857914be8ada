import RingProtocol

/// How a device file is opened; what the kernel itself then enforces on reads, writes and discards.
public enum FileAccess: UInt8, Sendable, CaseIterable {
    case readOnly
    case writeOnly
    case readWrite
}

/// What kind of node must lie at a device's path.
public enum NodeKind: UInt8, Sendable, CaseIterable {
    case character
    case block
    case regular
    /// No node: a TCP connection that the gateway makes to the address in `path`.
    case tcp
    /// No node: the gateway itself.
    case gateway
}

/// What the opened file must show of itself, so that another device behind the same path is not taken for it.
public struct DeviceIdentity: Sendable, Hashable {
    /// Major and minor device number (fstat(2), `st_rdev`).
    public let major: UInt32?
    public let minor: UInt32?
    /// Properties that udev's database holds for the node's device number, such as `ID_SERIAL_SHORT`.
    public let properties: [String: String]

    public init(major: UInt32? = nil, minor: UInt32? = nil, properties: [String: String] = [:]) {
        self.major = major
        self.minor = minor
        self.properties = properties
    }

    public var isEmpty: Bool { major == nil && minor == nil && properties.isEmpty }
}

/// Bounds on how much is asked of a device or under a rule.
public struct UseLimits: Sendable, Hashable {
    /// Entries not yet answered.
    public let inFlight: Int?
    /// Entries in a second, on average, and at once after a pause of a second or more.
    public let rate: Int?
    /// Milliseconds after which a call is given up.
    public let timeout: UInt32?
    /// Whether the audit log has each entry, also those that change nothing, which it only counts otherwise.
    public let recordsEach: Bool

    public init(inFlight: Int? = nil, rate: Int? = nil, timeout: UInt32? = nil, recordsEach: Bool = false) {
        self.inFlight = inFlight
        self.rate = rate
        self.timeout = timeout
        self.recordsEach = recordsEach
    }

    public var isEmpty: Bool { inFlight == nil && rate == nil && timeout == nil && !recordsEach }

    /// The same, with each entry on record.
    public var recordingEach: UseLimits {
        UseLimits(inFlight: inFlight, rate: rate, timeout: timeout, recordsEach: true)
    }
}

/// A time in which commands that no rule allows are run and noted down, to find out what a policy has to
/// allow.
public struct Observation: Sendable, Hashable {
    /// When it ends, in seconds since 1970 (CLOCK_REALTIME).
    public let until: UInt64
    /// Whether commands of effect `write` run as well; destructive ones never do.
    public let includesWrites: Bool

    public init(until: UInt64, includesWrites: Bool) {
        self.until = until
        self.includesWrites = includesWrites
    }
}

/// A file of the site, under the name clients know.
public struct Device: Sendable {
    public let name: String
    /// Of the node, or `ADDRESS:PORT` of a TCP device.
    public let path: String
    /// Whether the path is a link that udev keeps, and what is opened is the node it refers to.
    public let followsLink: Bool
    public let kind: NodeKind
    public let access: FileAccess
    public let profile: Profile
    public let identity: DeviceIdentity
    public let labels: [String: String]
    public let lease: LeaseTerms
    /// Name of the procedure of this device that is run when a lease on it has ended, before anybody else gets it.
    public let onRelease: String?
    /// nil for a device whose words nobody keeps.
    public let console: ConsoleTerms?
    /// For all sessions together.
    public let limits: UseLimits
    public let observation: Observation?
    /// Whether a process of its own opens it and runs what is asked of it, instead of the gateway.
    public let hasOwnProcess: Bool
    public let procedures: [Procedure]

    public init(
        name: String, path: String, followsLink: Bool = false, kind: NodeKind, access: FileAccess,
        profile: Profile,
        identity: DeviceIdentity = DeviceIdentity(), labels: [String: String] = [:],
        lease: LeaseTerms = LeaseTerms(), onRelease: String? = nil, console: ConsoleTerms? = nil,
        limits: UseLimits = UseLimits(), observation: Observation? = nil, hasOwnProcess: Bool = false,
        procedures: [Procedure] = []
    ) {
        self.name = name
        self.path = path
        self.followsLink = followsLink
        self.kind = kind
        self.access = access
        self.profile = profile
        self.identity = identity
        self.labels = labels
        self.lease = lease
        self.onRelease = onRelease
        self.console = console
        self.limits = limits
        self.observation = observation
        self.hasOwnProcess = hasOwnProcess
        self.procedures = procedures
    }

    /// What the profile describes, and the site's procedures.
    public var commands: [CommandShape] { profile.commands + procedures.map(\.shape) }

    /// All commands that the code may mean.
    public func commands(_ code: SubOpcode) -> [CommandShape] {
        commands.filter { $0.pattern.contains(code) }
    }

    /// The same device with these procedures.
    public func with(_ procedures: [Procedure]) -> Device {
        Device(
            name: name, path: path, followsLink: followsLink, kind: kind, access: access, profile: profile,
            identity: identity, labels: labels, lease: lease, onRelease: onRelease, console: console,
            limits: limits, observation: observation, hasOwnProcess: hasOwnProcess, procedures: procedures)
    }

    /// A file that a command on this device gave: known by both names.
    func handle(_ profile: Profile) -> Device {
        Device(name: "\(name)/\(profile.name)", path: path, kind: kind, access: .readWrite, profile: profile)
    }
}
