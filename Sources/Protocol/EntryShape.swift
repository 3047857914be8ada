extension Entry {
    /// Whether the entry is a stream: each event is a completion with flag `more`.
    @inlinable public var isStream: Bool { flags.contains(.multishot) }

    /// Whether its flags suit the entry; else it is refused (shape).
    ///
    /// `skip_success` is for members of a chain but the last. `multishot` is for what can be a stream, and no
    /// member of a chain waits for the end of one.
    public var flagsFit: Bool {
        guard !flags.isDisjoint(with: [.multishot, .skipSuccess]) else { return true }
        guard flags.contains(.multishot) else { return flags.joinsNext }
        guard !flags.joinsNext, !flags.contains(.skipSuccess) else { return false }
        switch operation {
        case .read, .poll, .list: return true
        case .lease: return leaseVerb == .acquire
        default: return false
        }
    }

    /// Whether `timeout_ms` is 0 or the entry is one that can have a deadline; else it is refused (shape).
    public var timeoutFits: Bool {
        guard timeout != 0 else { return true }
        switch operation {
        case .command, .write, .sync, .open: return true
        case .read, .poll: return !isStream
        case .lease: return leaseVerb == .acquire
        default: return false
        }
    }

    /// Nanoseconds a `timeout` entry waits, nil when it does not have the shape of its operation.
    public var delay: UInt64? {
        guard slot.index == 0, subOpcode.code == 0, argument.count == 0, offset > 0, offset <= Limits.delay
        else { return nil }
        return offset
    }

    /// What a `cancel` entry names, nil when it does not have the shape of its operation.
    public var cancelScope: CancelScope? {
        guard argument.count == 0 else { return nil }
        switch (subOpcode.code, slot.index, offset) {
        case (0, 0, _): return .request(RequestID(offset))
        case (1, _, 0): return .slot(slot)
        case (2, 0, 0): return .session
        default: return nil
        }
    }

    /// What a `lease` entry asks, nil when it does not have the shape of its operation.
    public var leaseVerb: LeaseVerb? {
        guard slot.index == 0, offset == 0 else { return nil }
        return LeaseVerb(rawValue: subOpcode.code)
    }

    /// What a `poll` entry waits for, nil when it does not have the shape of its operation.
    public var pollEvents: PollEvents? {
        let events = PollEvents(rawValue: subOpcode.code)
        guard !events.isEmpty, events.isSubset(of: .known), offset == 0, StreamArgument.decode(self) != nil
        else { return nil }
        return events
    }
}

/// Which entries a `cancel` names.
public enum CancelScope: Equatable, Sendable {
    /// The entry with this request id.
    case request(RequestID)
    /// All entries on a slot.
    case slot(FileSlot)
    /// All entries of the session but cancels and closes.
    case session
}

/// What a `lease` entry asks. The raw value is its `sub_opcode`.
public enum LeaseVerb: UInt32, Sendable, CaseIterable {
    case acquire = 1
    case renew = 2
    case release = 3
    case transfer = 4
    case share = 5
    case status = 6
}

/// What to wait for, with the numbers of poll(2).
@frozen
public struct PollEvents: OptionSet, Equatable, Sendable {
    public let rawValue: UInt32
    @inlinable public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// POLLIN: there is something to read.
    public static let readable = PollEvents(rawValue: 0x1)
    /// POLLPRI: something exceptional.
    public static let priority = PollEvents(rawValue: 0x2)
    /// POLLOUT: there is room to write; needs the right to write, all others the right to read.
    public static let writable = PollEvents(rawValue: 0x4)
    /// POLLERR.
    public static let error = PollEvents(rawValue: 0x8)
    /// POLLHUP.
    public static let hangup = PollEvents(rawValue: 0x10)
    /// POLLRDHUP: the other end of a socket will send nothing more.
    public static let readHangup = PollEvents(rawValue: 0x2000)

    public static let known = PollEvents(rawValue: 0x201f)
}
