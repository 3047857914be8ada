import RingProtocol

/// The engine's name for one opened file. Never seen by clients.
@frozen
public struct OpenFileID: Hashable, Sendable {
    public let index: UInt32
    /// The loop whose engine has it open.
    public let loop: UInt8
    @inlinable public init(_ index: UInt32, loop: UInt8 = 0) {
        self.index = index
        self.loop = loop
    }
}

/// What may be opened: a device some rule lets the peer use. Made only by `PeerPolicy`, used once.
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
@frozen
public struct AuthorizedCommand: ~Copyable {
    @frozen
    public enum Action: UInt8, Sendable {
        case read
        case write
        case sync
        case poll
        case command
    }

    public let file: OpenFileID
    public let action: Action
    public let transport: Transport
    public let placement: Placement
    /// Whether it runs only because the device is observed.
    public let isObserved: Bool
    /// Whether it may change something outside the open file.
    public let isMutating: Bool
    /// Whether there is more to its argument or around the call than one struct.
    @inlinable public var hasBlocks: Bool { layout != nil }
    public let code: SubOpcode
    /// The very bytes that were checked. They stay valid until the value is consumed.
    public let argument: WireBytes
    /// Bytes of the root in memory: what the kernel may read or write behind a pointer.
    public let blockSize: Int
    /// Bytes of the reply on success; for a read, the most it may return.
    public let replySize: Int
    /// Position for read and write; all ones for the file's own.
    public let offset: UInt64
    /// Milliseconds until a call is given up; 0 for the engine's own bound.
    public let timeout: UInt32
    /// Index into the grant's `limits` of the deciding rule's; 0 when it has none.
    public let limit: Int
    /// Of a command with blocks: valid until the next one is decided, so submit it before.
    @usableFromInline let layout: Layout.Storage?

    /// The argument's blocks, root first; empty when it is one struct and nothing else.
    public var spans: UnsafeBufferPointer<Span> {
        layout?.spans.all ?? UnsafeBufferPointer(start: nil, count: 0)
    }
    /// What happens around the call, beyond moving bytes; nil for most.
    public var extras: Extras? { layout?.extras }

    /// The rare parts of a command.
    public struct Extras: Sendable {
        /// Where the root has a descriptor, or -1 for the result itself; nil when none is used.
        public var descriptorAt: Int?
        /// The slot that the given descriptor fills, its index into the grant's `handles`, and what it is.
        public var gives: (slot: FileSlot, handle: Int, profile: Profile)?
        /// The file whose descriptor the kernel gets.
        public var takes: OpenFileID?
        /// Ranges of the root that the reply shows as zeros.
        public var redactions: [Range<Int>]
    }

    /// A transfer or sync, which io_uring runs.
    init(
        _ action: Action, _ entry: Entry, on file: OpenFileID, replySize: Int = 0, limit: Int = 0,
        isObserved: Bool = false
    ) {
        self.file = file
        self.action = action
        transport = .ring
        placement = .none
        self.isObserved = isObserved
        isMutating = action == .write
        code = entry.subOpcode
        argument = action == .write ? entry.argument : WireBytes()
        blockSize = argument.count
        self.replySize = replySize
        offset = entry.offset
        timeout = 0
        self.limit = limit
        layout = nil
    }

    /// A device command whose argument is one struct.
    @inlinable @inline(__always)
    init(
        _ granted: UnsafePointer<GrantedCommand>, _ entry: Entry, on file: OpenFileID, limit: Int,
        timeout: UInt32, isMutating: Bool
    ) {
        self.file = file
        action = .command
        transport = granted.pointee.transport
        placement = granted.pointee.placement
        isObserved = false
        self.isMutating = isMutating
        code = entry.subOpcode
        argument = entry.argument
        blockSize = granted.pointee.blockSize
        replySize = granted.pointee.replySize
        offset = 0
        self.timeout = timeout
        self.limit = limit
        layout = nil
    }

    /// A device command with blocks.
    init(
        _ granted: UnsafePointer<GrantedCommand>, _ entry: Entry, on file: OpenFileID, limit: Int,
        timeout: UInt32,
        _ layout: borrowing Layout, isMutating: Bool, isObserved: Bool
    ) {
        self.file = file
        action = .command
        transport = granted.pointee.transport
        placement = granted.pointee.placement
        self.isObserved = isObserved
        self.isMutating = isMutating
        code = entry.subOpcode
        argument = entry.argument
        blockSize = layout.count > 0 ? Int(layout[0].size) : 0
        replySize = layout.replySize
        offset = 0
        self.timeout = timeout
        self.limit = limit
        self.layout = layout.storage
    }
}

/// Commands that are the same but for their request ids: one decision for all of them. Made only by `Grant`; each is used
/// once.
@frozen
public struct AuthorizedRow: ~Copyable {
    public let command: AuthorizedCommand
    @usableFromInline var ids: EntryRow

    @inlinable @inline(__always)
    init(_ command: consuming AuthorizedCommand, _ ids: EntryRow) {
        self.command = command
        self.ids = ids
    }

    /// How many are left.
    @inlinable public var count: Int { ids.count }

    /// The request id of the first that is left. Traps when none is.
    @inlinable @inline(__always)
    public var first: RequestID { ids.first }

    /// Gives the first up: it has been taken over, or refused.
    @inlinable @inline(__always)
    public mutating func dropFirst() { ids.dropFirst() }
}
