import RingProtocol

/// A command as a grant's table holds it: everything the hot path needs, in one flat value.
@frozen @usableFromInline
struct GrantedCommand {
    /// The code with zeros where it varies, and the bits that do not.
    @usableFromInline let code: SubOpcode
    @usableFromInline let mask: UInt32
    @usableFromInline let transport: Transport
    @usableFromInline let placement: Placement
    /// Whether one struct of one size is the whole argument.
    @usableFromInline let isFlat: Bool
    /// Whether it is for the device, changes nothing, and any argument of the right size is allowed.
    @usableFromInline let isUnconditional: Bool
    @usableFromInline let argumentSize: Int
    @usableFromInline let replySize: Int
    @usableFromInline let blockSize: Int
    @usableFromInline let timeout: UInt32
    /// The rule's limits for an unconditional command.
    @usableFromInline let limit: Int
    /// Index of the first of the commands with this code.
    @usableFromInline let details: Int
}

/// What one peer may do on one file, resolved when it is opened: the decision for a command is then an index and a
/// compare. Immutable.
public final class Grant: Sendable {
    struct Alternative: Sendable {
        let rule: String
        let conditions: ConditionList
        let limit: Int
        /// Milliseconds: the least of what the profile, the device and the rule say; 0 when none says anything.
        let timeout: UInt32
    }
    /// A class, so that deciding holds it without copying it.
    final class Details: Sendable {
        let shape: CommandShape
        let alternatives: [Alternative]
        /// What may not be, although an alternative allows it.
        let nevers: [Alternative]
        /// Whether it runs under observation when no alternative allows it.
        let isObserved: Bool
        /// Index into `handles` of the file it gives, or -1.
        let handle: Int
        let redactions: [Range<Int>]
        /// Next of the commands that share the code, or -1.
        let next: Int

        init(
            shape: CommandShape, alternatives: [Alternative], nevers: [Alternative], isObserved: Bool,
            handle: Int,
            redactions: [Range<Int>], next: Int
        ) {
            self.shape = shape
            self.alternatives = alternatives
            self.nevers = nevers
            self.isObserved = isObserved
            self.handle = handle
            self.redactions = redactions
            self.next = next
        }
    }
    struct Transfer: Sendable {
        let rule: String
        let rights: TransferRights
        let limit: Int
    }
    /// A kind of file that commands give.
    public struct Handle: Sendable {
        public let profile: String
        /// What may be done with it.
        public let grant: Grant
    }

    public let device: Device
    /// Bounds that commands refer to by index; the first means none.
    public let limits: [UseLimits]
    /// For each of `limits` the rule that set it; empty for the first.
    public let limitRules: [String]
    public let handles: [Handle]
    /// Not an array, and read in place: a copy made for one field or two would cost as much as the decision.
    @usableFromInline nonisolated(unsafe) let commands: UnsafeBufferPointer<GrantedCommand>
    @usableFromInline let table: [Place]
    /// Masks of the codes in the table, the full one first.
    @usableFromInline let masks: [UInt32]
    /// The types of families, bits 8 to 15 of a code, which never vary: nearly every other code ends here.
    private let familyTypes: [UInt64]
    let details: [Details]
    let reads: [Transfer]
    let writes: [Transfer]
    /// Id of the rule that forbids reading or writing whatever is allowed.
    let readNever: String?
    let writeNever: String?
    let observesReads: Bool
    let observesWrites: Bool

    init(_ parts: GrantParts) {
        device = parts.device
        limits = parts.limits
        limitRules = parts.limitRules
        handles = parts.handles
        details = parts.details
        reads = parts.reads
        writes = parts.writes
        readNever = parts.readNever
        writeNever = parts.writeNever
        observesReads = parts.observation != nil
        observesWrites = parts.observation?.includesWrites ?? false
        masks = [.max] + Set(details.map(\.shape.pattern.mask)).subtracting([.max]).sorted()
        var types = [UInt64](repeating: 0, count: 4)
        for pattern in details.map(\.shape.pattern) where !pattern.isExact {
            let type = Int(pattern.base.code >> 8 & 0xff)
            types[type / 64] |= 1 << UInt64(type % 64)
        }
        familyTypes = types
        let commands = Self.commands(parts)
        table = Self.hashed(commands)
        let memory = UnsafeMutableBufferPointer<GrantedCommand>.allocate(capacity: commands.count)
        _ = memory.initialize(fromContentsOf: commands)
        self.commands = UnsafeBufferPointer(memory)
    }

    deinit { commands.deallocate() }

    /// The command at an index that `find` gave.
    @inlinable @inline(__always)
    func command(_ index: Int) -> UnsafePointer<GrantedCommand> {
        precondition(index >= 0 && index < commands.count, "a command that does not exist")
        return commands.baseAddress.unsafelyUnwrapped + index
    }

    /// The first command of each code.
    private static func commands(_ parts: GrantParts) -> [GrantedCommand] {
        let followers = Set(parts.details.map(\.next))
        return parts.details.indices.filter { !followers.contains($0) }.map { index in
            let detail = parts.details[index]
            let shape = detail.shape
            let isFlat = shape.isFlat && detail.nevers.isEmpty && detail.next < 0 && !detail.isObserved
            let isWhole = shape.argumentSize == 0 || shape.plan.reserved.isEmpty
            let free = detail.alternatives.first { $0.conditions.isEmpty }
            let isForDevice = shape.transport != .gateway && shape.transport != .procedure
            return GrantedCommand(
                code: shape.code, mask: shape.pattern.mask, transport: shape.transport,
                placement: shape.placement, isFlat: isFlat,
                isUnconditional: isFlat && isWhole && isForDevice && shape.effect == .read && free != nil,
                argumentSize: shape.argumentSize, replySize: shape.replySize, blockSize: shape.size,
                timeout: free?.timeout ?? 0, limit: free?.limit ?? 0, details: index)
        }
    }

    /// Where the table has a command.
    @frozen @usableFromInline
    struct Place {
        @usableFromInline var code: UInt32 = 0
        @usableFromInline var mask: UInt32 = 0
        /// Of the command, or -1.
        @usableFromInline var index: Int32 = -1
    }

    /// Open addressing over a power of two at most half full, so that a look-up always ends.
    private static func hashed(_ commands: [GrantedCommand]) -> [Place] {
        var size = 4
        while size < commands.count * 2 { size *= 2 }
        var table = [Place](repeating: Place(), count: size)
        for (index, command) in commands.enumerated() {
            var position = home(of: command.code.code, in: size)
            while table[position].index >= 0 { position = (position + 1) & (size - 1) }
            table[position] = Place(code: command.code.code, mask: command.mask, index: Int32(index))
        }
        return table
    }

    @inlinable @inline(__always)
    static func home(of code: UInt32, in size: Int) -> Int {
        Int(truncatingIfNeeded: (code &* 0x9E37_79B1) >> 8) & (size - 1)
    }

    /// Index of the granted command that has this code, or -1.
    @inlinable @inline(__always)
    func find(_ code: SubOpcode) -> Int {
        let exact = probe(code.code, .max)
        return exact >= 0 || masks.count == 1 ? exact : findInFamilies(code)
    }

    @usableFromInline
    func findInFamilies(_ code: SubOpcode) -> Int {
        let type = Int(code.code >> 8 & 0xff)
        guard familyTypes[type / 64] >> UInt64(type % 64) & 1 == 1 else { return -1 }
        for index in 1..<masks.count {
            let mask = masks[index]
            let family = probe(code.code & mask, mask)
            if family >= 0, details[command(family).pointee.details].shape.pattern.contains(code) {
                return family
            }
        }
        return -1
    }

    @inlinable @inline(__always)
    func probe(_ code: UInt32, _ mask: UInt32) -> Int {
        var position = Self.home(of: code, in: table.count)
        while table[position].index >= 0 {
            if table[position].code == code && table[position].mask == mask {
                return Int(table[position].index)
            }
            position = (position + 1) & (table.count - 1)
        }
        return -1
    }

    /// Whether a code means some command that the peer may send, with one argument or another.
    public func covers(_ code: SubOpcode) -> Bool { find(code) >= 0 }

    /// How many of these codes do.
    public func countCovered(_ codes: ClosedRange<UInt32>) -> Int {
        var count = 0
        for code in UInt64(codes.lowerBound)...UInt64(codes.upperBound)
        where find(SubOpcode(UInt32(truncatingIfNeeded: code))) >= 0 {
            count += 1
        }
        return count
    }
}
