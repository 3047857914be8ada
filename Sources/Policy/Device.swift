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
}

/// A file of the site, under the name clients know.
public struct Device: Sendable {
    public let name: String
    public let path: String
    public let kind: NodeKind
    public let access: FileAccess
    public let profile: Profile

    public init(name: String, path: String, kind: NodeKind, access: FileAccess, profile: Profile) {
        self.name = name
        self.path = path
        self.kind = kind
        self.access = access
        self.profile = profile
    }
}

/// Bounds of reading or writing one file.
public struct TransferRights: Sendable {
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

/// One line of the allowlist: these principals may do this on these devices.
public struct Rule: Sendable {
    /// One command a rule allows on one device, with the conditions its argument must meet.
    public struct Command: Sendable {
        public let shape: CommandShape
        public let conditions: [Condition]

        public init(_ shape: CommandShape, where conditions: [Condition] = []) {
            self.shape = shape
            self.conditions = conditions
        }
    }

    public let id: String
    /// Names of principals.
    public let principals: Set<String>
    /// What may be sent to each device, by the device's name.
    public let commands: [String: [Command]]
    public let read: TransferRights?
    public let write: TransferRights?

    public init(
        id: String, principals: Set<String>, commands: [String: [Command]], read: TransferRights? = nil,
        write: TransferRights? = nil
    ) {
        self.id = id
        self.principals = principals
        self.commands = commands
        self.read = read
        self.write = write
    }
}
