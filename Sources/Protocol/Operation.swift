/// What an entry asks for. The raw value is the byte on the wire.
@frozen
public enum Operation: UInt8, Sendable, CaseIterable {
    /// Answered in order of arrival, touches nothing.
    case nop = 1
    /// Opens a device by name into a slot the client chooses.
    case open = 2
    /// Closes a slot.
    case close = 3
    /// Reads bytes from the file in a slot.
    case read = 4
    /// Writes the argument to the file in a slot.
    case write = 5
    /// Flushes the file in a slot to its device: fsync(2).
    case sync = 6
    /// Waits for readiness (feature `poll`).
    case poll = 7
    /// Sends a device command: an ioctl request or a URING_CMD.
    case command = 8
    /// Waits for a time, mostly inside a chain (feature `links`).
    case timeout = 9
    /// Cancels an entry in flight (feature `cancel`).
    case cancel = 10
    /// What this client may do on a device, as JSON.
    case describe = 11
    /// The devices this client may open, as JSON.
    case list = 12
    /// Takes, renews or gives up a lease (feature `leases`).
    case lease = 13
    /// Grants a stream more events (feature `streams`).
    case credit = 14
    /// Says which trace the entries after it belong to (feature `traceContext`).
    case context = 15

    /// The feature without which the operation is refused (unsupported).
    public var feature: Features {
        switch self {
        case .nop, .open, .close, .read, .write, .sync, .command, .describe, .list: []
        case .poll: .poll
        case .timeout: .links
        case .cancel: .cancel
        case .lease: .leases
        case .credit: .streams
        case .context: .traceContext
        }
    }
}

/// Flags of an entry, with io_uring's meaning. All need a feature that the welcome must have granted.
@frozen
public struct EntryFlags: OptionSet, Sendable {
    public let rawValue: UInt8
    @inlinable public init(rawValue: UInt8) { self.rawValue = rawValue }

    @inlinable public static var link: EntryFlags { EntryFlags(rawValue: 1 << 0) }
    @inlinable public static var hardlink: EntryFlags { EntryFlags(rawValue: 1 << 1) }
    @inlinable public static var drain: EntryFlags { EntryFlags(rawValue: 1 << 2) }
    @inlinable public static var multishot: EntryFlags { EntryFlags(rawValue: 1 << 3) }
    @inlinable public static var skipSuccess: EntryFlags { EntryFlags(rawValue: 1 << 4) }

    /// Whether the next entry of the frame belongs to the same chain.
    @inlinable public var joinsNext: Bool { !isDisjoint(with: [.link, .hardlink]) }

    /// The flags a client may set once `features` were granted.
    public static func allowed(by features: Features) -> EntryFlags {
        var flags: EntryFlags = []
        if features.contains(.links) { flags.formUnion([.link, .hardlink, .drain]) }
        if features.contains(.streams) { flags.insert(.multishot) }
        if features.contains(.skipSuccess) { flags.insert(.skipSuccess) }
        return flags
    }
}

/// Optional parts of the protocol. The client offers a set, the gateway grants a subset of it.
@frozen
public struct Features: OptionSet, Sendable {
    public let rawValue: UInt64
    @inlinable public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let links = Features(rawValue: 1 << 0)
    public static let cancel = Features(rawValue: 1 << 1)
    public static let timeouts = Features(rawValue: 1 << 2)
    public static let streams = Features(rawValue: 1 << 3)
    public static let poll = Features(rawValue: 1 << 4)
    public static let leases = Features(rawValue: 1 << 5)
    public static let resume = Features(rawValue: 1 << 6)
    public static let skipSuccess = Features(rawValue: 1 << 7)
    public static let traceContext = Features(rawValue: 1 << 8)
}
