import RingProtocol

/// The shape of a device class's sub-opcodes. A sub-opcode no profile describes cannot be allowed.
public struct Profile: Sendable {
    public let name: String
    public let summary: String
    public let commands: [CommandShape]

    public init(name: String, summary: String, commands: [CommandShape]) {
        self.name = name
        self.summary = summary
        self.commands = commands
    }

    public func command(named name: String) -> CommandShape? { commands.first { $0.name == name } }
    public func command(_ code: SubOpcode) -> CommandShape? { commands.first { $0.code == code } }
}

/// How a command reaches its driver. Stated by the profile, never probed by submitting.
public enum Transport: UInt8, Sendable, CaseIterable {
    /// IORING_OP_URING_CMD with 64-byte entries.
    case ring
    /// IORING_OP_URING_CMD on the ring with 128-byte entries and 32-byte completions.
    case wideRing
    /// ioctl(2) on the device's worker thread.
    case call
}

/// What running a command can change.
public enum Effect: UInt8, Sendable, CaseIterable {
    /// Repeatable, without effect outside the open file.
    case read
    /// Changes the device's state in a way that can be changed back.
    case write
    /// Loses data or cannot be undone.
    case destructive
}

/// Where a command's argument block goes.
public enum Placement: UInt8, Sendable, CaseIterable {
    /// There is none.
    case none
    /// ioctl(2)'s third argument points to it.
    case pointer
    /// It holds one u64 that is ioctl(2)'s third argument itself.
    case value
    /// Two u64 that become the entry's `addr` and `addr3`, as block devices' URING_CMDs take a byte range.
    case sqeRange
    /// Copied into the entry's command area: 16 bytes, or 80 on the wide ring.
    case sqeCommand
}

/// Which way the bytes behind a pointer travel, seen from the client.
public enum Direction: UInt8, Sendable, CaseIterable {
    case input
    case output
    case both
}

/// One sub-opcode: its code, engine, effect, and the block it carries.
public struct CommandShape: Sendable {
    public let name: String
    public let code: SubOpcode
    public let transport: Transport
    public let effect: Effect
    public let placement: Placement
    public let direction: Direction
    /// Bytes of the block; 0 exactly when the placement is `none`.
    public let size: Int
    public let fields: [Field]
    public let extents: [Extent]
    public let summary: String

    /// Largest block of any command: what a worker's guarded memory holds.
    public static let maximumSize = 16 << 10

    public init(
        name: String, code: SubOpcode, transport: Transport, effect: Effect, placement: Placement = .none,
        direction: Direction = .input, size: Int = 0, fields: [Field] = [], extents: [Extent] = [],
        summary: String = ""
    ) {
        self.name = name
        self.code = code
        self.transport = transport
        self.effect = effect
        self.placement = placement
        self.direction = direction
        self.size = size
        self.fields = fields
        self.extents = extents
        self.summary = summary
    }

    /// Bytes the client must send.
    public var argumentSize: Int { direction == .output ? 0 : size }
    /// Bytes the client gets back on success.
    public var replySize: Int { direction == .input ? 0 : size }

    /// Byte ranges of the block that no field covers; a client must send them as zeros.
    public var gaps: [Range<Int>] {
        var gaps: [Range<Int>] = []
        var position = 0
        for field in fields.sorted(by: { $0.offset < $1.offset }) {
            if field.offset > position { gaps.append(position..<field.offset) }
            position = max(position, field.offset + field.size)
        }
        if position < size { gaps.append(position..<size) }
        return gaps
    }

    /// What makes the shape unusable, or nil. Whoever builds shapes from a file reports it with its place.
    public var flaw: String? {
        guard (size == 0) == (placement == .none) else { return "a block needs both a placement and a size" }
        guard size <= Self.maximumSize else { return "block of \(size) bytes; at most \(Self.maximumSize)" }
        switch placement {
        case .none: break
        case .pointer where transport != .call: return "a pointer needs the engine `call`"
        case .value where transport != .call || size != 8 || direction != .input:
            return "a value is 8 bytes of input for the engine `call`"
        case .sqeRange where transport == .call || size != 16 || direction != .input:
            return "an sqe-range is 16 bytes of input for a ring engine"
        case .sqeCommand
        where transport == .call || direction != .input || size > (transport == .ring ? 16 : 80):
            return "an sqe-command is at most 16 bytes of input, 80 on the wide ring"
        default: break
        }
        if transport == .call, let never = BuiltInNevers.name(of: code) {
            return "\(never) is never allowed, so it cannot be described"
        }
        return fieldFlaw
    }

    private var fieldFlaw: String? {
        var end = 0
        for field in fields.sorted(by: { $0.offset < $1.offset }) {
            guard field.offset >= end else { return "field `\(field.name)` overlaps the one before it" }
            end = field.offset + field.size
            guard field.size > 0, end <= size else { return "field `\(field.name)` lies outside the block" }
        }
        guard Set(fields.map(\.name) + extents.map(\.name)).count == fields.count + extents.count else {
            return "two fields or extents have one name"
        }
        for extent in extents where !extent.start.type.isUnsigned || !extent.length.type.isUnsigned {
            return "extent `\(extent.name)` needs two unsigned fields"
        }
        return nil
    }
}
