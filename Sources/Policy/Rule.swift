import RingProtocol

/// Bounds of reading or writing one file.
public struct TransferRights: Sendable, Hashable {
    /// Bytes one entry may move.
    public let maxLength: Int
    /// Positions that may be touched; nil for files without positions, or without such a bound.
    public let window: Range<UInt64>?

    public init(maxLength: Int, window: Range<UInt64>? = nil) {
        self.maxLength = maxLength
        self.window = window
    }

    /// Whether moving `count` bytes at `offset` stays inside. With a window the file's own position is refused,
    /// because nobody has checked where it is.
    func allows(offset: UInt64, count: Int) -> Bool {
        guard count <= maxLength else { return false }
        guard let window else { return true }
        let (end, overflow) = offset.addingReportingOverflow(UInt64(count))
        return !overflow && offset >= window.lowerBound && end <= window.upperBound
    }

    var words: String {
        let bound = window.map { ", positions [\($0.lowerBound), \($0.upperBound))" } ?? ""
        return "at most \(maxLength) bytes\(bound)"
    }
}

/// What may be done with one kind of file: a device, or one that a command gave.
public struct FileRights: Sendable {
    /// One command, with the conditions its argument must meet.
    public struct Command: Sendable {
        public let shape: CommandShape
        public let conditions: [Condition]

        public init(_ shape: CommandShape, where conditions: [Condition] = []) {
            self.shape = shape
            self.conditions = conditions
        }
    }

    public let commands: [Command]
    public let read: TransferRights?
    public let write: TransferRights?
    /// Rights on files that commands give, by the name of their profile.
    public let handles: [String: FileRights]

    public init(
        commands: [Command] = [], read: TransferRights? = nil, write: TransferRights? = nil,
        handles: [String: FileRights] = [:]
    ) {
        self.commands = commands
        self.read = read
        self.write = write
        self.handles = handles
    }
}

/// One line of the allowlist: these principals may do this on these devices.
public struct Rule: Sendable {
    public typealias Command = FileRights.Command

    public let id: String
    /// Names of principals.
    public let principals: Set<String>
    /// What may be done with each device, by the device's name.
    public let rights: [String: FileRights]
    /// For each session by itself.
    public let limits: UseLimits

    public init(
        id: String, principals: Set<String>, rights: [String: FileRights], limits: UseLimits = UseLimits()
    ) {
        self.id = id
        self.principals = principals
        self.rights = rights
        self.limits = limits
    }

    /// The same bounds of reading and writing for every device.
    public init(
        id: String, principals: Set<String>, commands: [String: [Command]], read: TransferRights? = nil,
        write: TransferRights? = nil
    ) {
        self.init(
            id: id, principals: principals,
            rights: commands.mapValues { FileRights(commands: $0, read: read, write: write) })
    }
}

/// What wins over every rule. Commands without conditions are never allowed, others not when all of the conditions
/// hold.
public struct NeverRule: Sendable {
    public let id: String
    /// Names of principals; nil for everybody.
    public let principals: Set<String>?
    /// By the device's name; those of handles by their profile's name inside.
    public let commands: [String: FileRights]
    /// Whether reading or writing these devices is forbidden too.
    public let forbidsRead: Bool
    public let forbidsWrite: Bool

    public init(
        id: String, principals: Set<String>?, commands: [String: FileRights], forbidsRead: Bool = false,
        forbidsWrite: Bool = false
    ) {
        self.id = id
        self.principals = principals
        self.commands = commands
        self.forbidsRead = forbidsRead
        self.forbidsWrite = forbidsWrite
    }
}
