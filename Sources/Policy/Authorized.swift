import RingProtocol

/// The engine's name for one opened file. Never seen by clients.
@frozen
public struct OpenFileID: Hashable, Sendable {
    public let index: UInt32
    @inlinable public init(_ index: UInt32) { self.index = index }
}

/// What may be opened: a device some rule lets the peer use. Made only by `PolicySnapshot`, used once.
public struct AuthorizedOpen: ~Copyable {
    public let device: Device
    public let grant: Grant

    /// Only the policy decides; hence `internal`, and called from one place.
    init(_ grant: Grant) {
        device = grant.device
        self.grant = grant
    }
}

/// What may run: one operation on one open file, checked against every rule. Made only by `Grant`, used once.
///
/// Forging one, or submitting one twice, does not compile outside this module.
public struct AuthorizedCommand: ~Copyable {
    public enum Action: UInt8, Sendable {
        case read
        case write
        case sync
        case command
    }

    public let file: OpenFileID
    public let action: Action
    public let transport: Transport
    public let placement: Placement
    public let code: SubOpcode
    /// The very bytes that were checked. They stay valid until the value is consumed.
    public let argument: WireBytes
    /// Bytes of the block in memory: what the kernel may read or write behind a pointer.
    public let blockSize: Int
    /// Bytes of the reply on success; for a read, the most it may return.
    public let replySize: Int
    /// Position for read and write; all ones for the file's own.
    public let offset: UInt64

    /// A transfer or sync, which io_uring runs.
    init(_ action: Action, _ entry: Entry, on file: OpenFileID, replySize: Int = 0) {
        self.file = file
        self.action = action
        transport = .ring
        placement = .none
        code = entry.subOpcode
        argument = action == .write ? entry.argument : WireBytes()
        blockSize = argument.count
        self.replySize = replySize
        offset = entry.offset
    }

    /// A device command.
    init(_ granted: GrantedCommand, _ entry: Entry, on file: OpenFileID) {
        self.file = file
        action = .command
        transport = granted.transport
        placement = granted.placement
        code = entry.subOpcode
        argument = entry.argument
        blockSize = granted.blockSize
        replySize = granted.replySize
        offset = 0
    }
}
