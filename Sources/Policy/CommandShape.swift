import RingProtocol

/// How a command reaches its driver. Stated by the profile, never probed by submitting.
@frozen
public enum Transport: UInt8, Sendable, CaseIterable {
    /// IORING_OP_URING_CMD with 64-byte entries.
    case ring
    /// IORING_OP_URING_CMD on the ring with 128-byte entries and 32-byte completions.
    case wideRing
    /// ioctl(2) on the device's worker thread.
    case call
    /// The gateway itself: the commands of `@gateway`.
    case gateway
    /// The gateway itself, in steps: procedures of the site.
    case procedure

    /// As `describe` and profiles have it.
    public var word: String {
        switch self {
        case .ring: "ring"
        case .wideRing: "ring-wide"
        case .call: "call"
        case .gateway: "gateway"
        case .procedure: "procedure"
        }
    }
}

/// What running a command can change.
public enum Effect: UInt8, Sendable, CaseIterable, Comparable {
    /// Repeatable, without effect outside the open file.
    case read
    /// Changes the device's state in a way that can be changed back.
    case write
    /// Loses data or cannot be undone.
    case destructive

    public static func < (left: Effect, right: Effect) -> Bool { left.rawValue < right.rawValue }
}

/// Where a command's argument block goes.
@frozen
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
    /// level u32, optname u32, optlen u32, reserved u32 and a pointer to the value: a socket option as URING_CMD
    /// takes it.
    case sqeSocketOption
    /// A document of any length for the gateway itself.
    case document
    /// The values of a procedure's parameters.
    case parameters
}

/// What a command's result on success means.
public enum ResultUse: Sendable, Hashable {
    /// Given to the client as it is.
    case number
    /// A descriptor: the client gets a slot with this profile instead.
    case gives(profile: String)
}

/// The codes that mean one command: one, or a family whose number or size vary as ioctl(2) codes state them.
public struct CodePattern: Sendable, Hashable {
    /// With zeros where the code varies.
    public let base: SubOpcode
    /// Values of the size bits, 16 to 29, and the distance between two; nil when they do not vary.
    public let sizes: ClosedRange<Int>?
    public let step: Int
    /// Values of the number bits, 0 to 7; nil when they do not vary.
    public let numbers: ClosedRange<Int>?

    public init(
        _ base: SubOpcode, sizes: ClosedRange<Int>? = nil, step: Int = 1, numbers: ClosedRange<Int>? = nil
    ) {
        self.base = base
        self.sizes = sizes
        self.step = step
        self.numbers = numbers
    }

    /// The bits that do not vary.
    public var mask: UInt32 { ~((sizes == nil ? 0 : 0x3fff << 16) | (numbers == nil ? 0 : 0xff)) }

    public var isExact: Bool { sizes == nil && numbers == nil }

    public func contains(_ code: SubOpcode) -> Bool {
        guard code.code & mask == base.code else { return false }
        if let sizes {
            let size = code.encodedSize
            guard sizes.contains(size), (size - sizes.lowerBound) % step == 0 else { return false }
        }
        guard let numbers else { return true }
        return numbers.contains(Int(code.code & 0xff))
    }

    /// Whether some code means both. Looks at every code of the smaller family, at most 64 x 16,384.
    public func overlaps(_ other: CodePattern) -> Bool {
        if isExact { return other.contains(base) }
        if other.isExact { return contains(other.base) }
        return sampleCodes.contains(where: other.contains) || other.sampleCodes.contains(where: contains)
    }

    /// Every code of the family.
    public var allCodes: some Sequence<SubOpcode> { sampleCodes }

    private var sampleCodes: LazySequence<FlattenSequence<LazyMapSequence<ClosedRange<Int>, [SubOpcode]>>> {
        let sizes = self.sizes, step = self.step, base = self.base.code
        let hasNumbers = numbers != nil
        return (numbers ?? 0...0).lazy.flatMap { number in
            let code = hasNumbers ? base | UInt32(number) : base
            guard let sizes else { return [SubOpcode(code)] }
            return stride(from: sizes.lowerBound, through: sizes.upperBound, by: step)
                .map { SubOpcode(code | UInt32($0) << 16) }
        }
    }
}

/// One sub-opcode: its code, engine, effect, and the blocks it carries.
///
/// Several may share a code when the argument says which is meant (an NVMe opcode, a SCSI command); each then has
/// `selectors`.
public struct CommandShape: Sendable {
    public let name: String
    public let pattern: CodePattern
    public let transport: Transport
    public let effect: Effect
    /// Whether a rule must name it among what it allows to destroy.
    public let isGuarded: Bool
    public let placement: Placement
    /// Of the root.
    public let direction: Direction
    /// Depth first; empty exactly when the placement is `none`.
    public let blocks: [Block]
    public let selectors: [Condition]
    /// What must hold between blocks, whatever the rules say.
    public let ties: [Condition]
    public let result: ResultUse
    /// Milliseconds after which a call is given up; 0 for the engine's own.
    public let timeout: UInt32
    /// The capability that the kernel wants of who makes the call (capabilities(7)), such as `CAP_SYS_TIME`; nil for none.
    public let capability: String?
    public let summary: String

    /// The same for deciding.
    let plan: ShapePlan

    /// Largest root: what a worker's small guarded memory holds.
    public static let maximumSize = 16 << 10
    /// Blocks of one shape.
    public static let maximumBlocks = 32
    /// Levels of blocks: the argument, what it refers to, and what that refers to.
    public static let maximumDepth = 3

    public init(
        name: String, pattern: CodePattern, transport: Transport, effect: Effect, isGuarded: Bool = false,
        placement: Placement = .none, direction: Direction = .input, blocks: [Block] = [],
        selectors: [Condition] = [], ties: [Condition] = [], result: ResultUse = .number, timeout: UInt32 = 0,
        capability: String? = nil, summary: String = ""
    ) {
        self.name = name
        self.pattern = pattern
        self.transport = transport
        self.effect = effect
        self.isGuarded = isGuarded
        self.placement = placement
        self.direction = direction
        self.blocks = blocks
        self.selectors = selectors
        self.ties = ties
        self.result = result
        self.timeout = timeout
        self.capability = capability
        self.summary = summary
        plan = ShapePlan(name, blocks, selectors: selectors, ties: ties)
    }

    /// A command whose argument is one struct without pointers or arrays.
    public init(
        name: String, code: SubOpcode, transport: Transport, effect: Effect, placement: Placement = .none,
        direction: Direction = .input, size: Int = 0, fields: [Field] = [], extents: [Extent] = [],
        summary: String = ""
    ) {
        let root = Block(direction: .fixed(direction), elementSize: size, fields: fields, extents: extents)
        self.init(
            name: name, pattern: CodePattern(code), transport: transport, effect: effect,
            placement: placement,
            direction: direction, blocks: placement == .none && size == 0 ? [] : [root], summary: summary)
    }

    /// The code, or the family's with zeros where it varies.
    public var code: SubOpcode { pattern.base }
    /// Bytes of the root; the greatest when the code says how many.
    public var size: Int { blocks.first.map { $0.elementSize ?? $0.maximum } ?? 0 }
    /// Fields of the root.
    public var fields: [Field] { blocks.first?.fields ?? [] }
    /// Extents of the root.
    public var extents: [Extent] { blocks.first?.extents ?? [] }
    /// Bytes the client must send of the root.
    public var argumentSize: Int { direction == .output ? 0 : size }
    /// Bytes of the root the client gets back on success.
    public var replySize: Int { direction == .input ? 0 : size }

    /// Whether its argument is nothing but one struct of one size, so that a decision needs no layout.
    var isFlat: Bool {
        blocks.count <= 1 && pattern.isExact && selectors.isEmpty && plan.checks.isEmpty && !usesDescriptors
            && transport != .gateway && transport != .procedure
            && !blocks.contains { $0.fields.contains(where: \.isRedacted) }
    }

    /// Whether a descriptor goes to or comes from the kernel.
    public var usesDescriptors: Bool { result != .number || fields.contains { $0.descriptor != nil } }

    /// The profile of the slot it fills; nil when it fills none.
    public var givenProfile: String? {
        if case .gives(let profile) = result { return profile }
        for field in fields { if case .gives(let profile) = field.descriptor { return profile } }
        return nil
    }

    /// The profile of the slot whose descriptor the kernel gets; nil when it gets none.
    public var takenProfile: String? {
        for field in fields { if case .takes(let profile) = field.descriptor { return profile } }
        return nil
    }

    /// Whether an inline array is as long as the code says, so that nothing of it is unused.
    func isSizedByCode(_ block: Int) -> Bool {
        if case .codeSize = blocks[block].amount { true } else { false }
    }

    /// Most elements a condition on the block can be tried on.
    public func maximumElements(of block: Int) -> Int {
        guard block > 0 else { return 1 }
        let own = blocks[block].elementSize == nil ? 1 : blocks[block].maximum
        return min(own * maximumElements(of: blocks[block].parent), Span.maximum * own)
    }
}
