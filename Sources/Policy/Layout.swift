import RingProtocol

/// One block of an argument as it is: where its bytes come from, where they go, and what refers to it.
public struct Span: Sendable {
    /// Index of the block's shape.
    public let block: Int32
    /// Whether it is part of its holder's memory rather than memory of its own.
    public let isInline: Bool
    /// Index of the span whose memory holds it or its address; its own for the root.
    public let holder: Int32
    /// Position in the holder's memory: of the address, or of an inline block's first byte.
    public let position: Int32
    /// Elements, the bytes of each, and all bytes.
    public let count: Int32
    public let stride: Int32
    public let size: Int32
    /// Position of its bytes in the argument, or -1 when the client sends none.
    public let argument: Int32
    /// Position of its bytes in the reply, or -1 when it is not given back.
    public let reply: Int32

    /// Blocks of one argument. A worker has guarded memory for as many.
    public static let maximum = 128
    /// Blocks larger than this share few places.
    public static let smallSize = 16 << 10
    /// Large blocks of one argument.
    public static let maximumLarge = 2
}

/// The blocks of one argument, worked out from its values. Keeps its memory, so that laying out allocates nothing.
///
/// On the wire the blocks follow each other without padding, depth first: a block, then for each of its elements in
/// order those that its pointers refer to. In place of an address stands 1 where a block follows or is to be
/// returned, and 0 where there is none.
public struct Layout: ~Copyable {
    /// What an `AuthorizedCommand` refers to until it is submitted, in the same turn.
    @usableFromInline
    final class Storage {
        let spans = SpanBuffer()
        var extras: AuthorizedCommand.Extras?
    }

    let storage = Storage()
    private var argumentSize = 0
    private(set) var replySize = 0
    private var large = 0

    public init() {}

    /// Number of spans; the root, if there is one, is the first.
    var count: Int { storage.spans.count }
    subscript(index: Int) -> Span { storage.spans[index] }

    /// Lays out `argument` as `shape` says. Every length is taken from the argument's own checked fields; nothing is
    /// left over and nothing missing.
    mutating func lay(_ shape: CommandShape, code: SubOpcode, _ argument: WireBytes) throws(Refusal) {
        try lay(shape.plan, direction: shape.direction, code: code, argument)
    }

    private mutating func lay(
        _ plan: ShapePlan, direction: Direction, code: SubOpcode, _ argument: WireBytes
    ) throws(Refusal) {
        storage.spans.removeAll()
        if storage.extras != nil { storage.extras = nil }
        (argumentSize, replySize, large) = (0, 0, 0)
        if !plan.parts.isEmpty {
            let size = plan.parts[0].elementSize
            try add(
                plan, 0, holder: 0, position: 0, count: 1, stride: size > 0 ? size : code.encodedSize,
                direction,
                argument)
            try expand(plan, 0, code, argument)
        }
        guard argumentSize == argument.count else {
            throw plan.misfit("takes \(argumentSize) bytes of argument here, not \(argument.count)")
        }
    }

    private mutating func add(
        _ plan: ShapePlan, _ block: Int, holder: Int, position: Int, count: Int, stride: Int,
        _ direction: Direction, _ argument: WireBytes
    ) throws(Refusal) {
        let size = count * stride
        if size > Span.smallSize { large += 1 }
        let start = argumentSize, reply = replySize
        if direction.isFromClient { argumentSize += size }
        if direction.isToClient { replySize += size }
        guard argumentSize <= argument.count else {
            let path = plan.path(block)
            throw plan.misfit(
                "the argument ends at \(argument.count), inside \(path.isEmpty ? "its struct" : path), which ends at "
                    + "\(argumentSize)")
        }
        guard replySize <= Limits.payload else {
            throw plan.misfit("the reply would have more than \(Limits.payload) bytes")
        }
        guard large <= Span.maximumLarge else {
            throw plan.misfit("more than \(Span.maximumLarge) blocks above \(Span.smallSize) bytes")
        }
        try append(
            Span(
                block: Int32(block), isInline: false, holder: Int32(holder), position: Int32(position),
                count: Int32(count), stride: Int32(stride), size: Int32(size),
                argument: direction.isFromClient ? Int32(start) : -1,
                reply: direction.isToClient ? Int32(reply) : -1), plan)
    }

    private mutating func append(_ span: Span, _ plan: ShapePlan) throws(Refusal) {
        guard storage.spans.append(span) else {
            throw plan.misfit("more than \(Span.maximum) blocks in one argument")
        }
    }

    /// Adds what each element of the span holds, in order. Ends because blocks hold only later blocks.
    private mutating func expand(
        _ plan: ShapePlan, _ index: Int, _ code: SubOpcode, _ argument: WireBytes
    ) throws(Refusal) {
        let span = self[index]
        let block = Int(span.block)
        guard plan.parts[block].firstChild < plan.parts[block].endChild, span.argument >= 0 else { return }
        for element in 0..<Int(span.count) {
            let base = element * Int(span.stride)
            for child in plan.parts[block].firstChild..<plan.parts[block].endChild {
                let before = count
                try addChild(plan, plan.children[child], of: index, base, code, argument)
                if count > before { try expand(plan, before, code, argument) }
            }
        }
    }

    /// Adds a block that the element at `base` of a span holds.
    private mutating func addChild(
        _ plan: ShapePlan, _ child: Int, of index: Int, _ base: Int, _ code: SubOpcode, _ argument: WireBytes
    ) throws(Refusal) {
        let part = plan.parts[child]
        let span = self[index]
        let start = Int(span.argument) + base
        let amount = try amount(plan, child, code, argument, at: start)
        // An inline holder is part of the memory of its own holder.
        let holder = span.isInline ? Int(span.holder) : index
        let position = (span.isInline ? Int(span.position) : 0) + base + part.at
        guard part.isPointer else {
            return try addInline(plan, child, holder, position, start + part.at, amount, argument, end: span)
        }
        let direction = try direction(plan, child, argument, at: start)
        let word = argument.load(UInt64.self, at: start + part.at)
        guard try isPresent(plan, child, amount, direction, word), let direction else { return }
        try add(
            plan, child, holder: holder, position: position, count: part.elementSize == 0 ? 1 : amount,
            stride: part.elementSize == 0 ? amount : part.elementSize, direction, argument)
    }

    private mutating func addInline(
        _ plan: ShapePlan, _ child: Int, _ holder: Int, _ position: Int, _ start: Int, _ count: Int,
        _ argument: WireBytes, end span: Span
    ) throws(Refusal) {
        let part = plan.parts[child]
        let used = count * part.elementSize
        let end = Int(span.argument) + Int(span.size)
        guard start + used <= end else {
            throw plan.misfit("\(plan.path(child)) does not fit into its struct")
        }
        if part.count != .codeSize {
            let rest = part.maximum * part.elementSize - used
            guard argument.slice(start + used, rest).isZero(from: 0) else {
                throw plan.misfit(
                    "elements of \(plan.path(child)) from \(count) on are not in use and must be zero")
            }
        }
        try append(
            Span(
                block: Int32(child), isInline: true, holder: Int32(holder), position: Int32(position),
                count: Int32(count), stride: Int32(part.elementSize), size: Int32(used),
                argument: Int32(start),
                reply: -1), plan)
    }

    /// Elements or bytes of the block, at most its maximum.
    private func amount(
        _ plan: ShapePlan, _ child: Int, _ code: SubOpcode, _ argument: WireBytes, at base: Int
    ) throws(Refusal) -> Int {
        let part = plan.parts[child]
        let amount: Int128 =
            switch part.count {
            case .constant: Int128(part.amount)
            case .field: part.counter.read(argument, at: base) ?? -1
            case .codeSize: Int128(code.encodedSize / part.amount)
            }
        guard amount >= 0, amount <= Int128(part.maximum) else {
            let unit = part.elementSize == 0 ? "bytes" : "elements"
            throw plan.misfit("\(amount) \(unit) of \(plan.path(child)); at most \(part.maximum)")
        }
        return Int(amount)
    }

    private func direction(
        _ plan: ShapePlan, _ child: Int, _ argument: WireBytes, at base: Int
    ) throws(Refusal) -> Direction? {
        let part = plan.parts[child]
        switch part.way {
        case .input: return .input
        case .output: return .output
        case .both: return .both
        case .selected: break
        }
        let value = UInt64(truncatingIfNeeded: part.selector.read(argument, at: base) ?? 0) & part.mask
        if value == part.input { return .input }
        if value == part.output { return .output }
        if value == part.none { return nil }
        throw plan.misfit("no field says which way \(plan.path(child)) goes")
    }

    /// Judges what stands in place of an address.
    private func isPresent(
        _ plan: ShapePlan, _ child: Int, _ amount: Int, _ direction: Direction?, _ word: UInt64
    ) throws(Refusal) -> Bool {
        let isNullable = plan.parts[child].isNullable
        guard word <= 1 else {
            throw plan.misfit("\(plan.path(child)) is 0 for none or 1 for a block, never an address")
        }
        guard direction != nil, amount > 0 else {
            guard word == 0, amount == 0 else {
                throw plan.misfit("there is no \(plan.path(child)) here, so it and its length must be 0")
            }
            guard isNullable || direction == nil else {
                throw plan.misfit("\(plan.path(child)) must not be empty")
            }
            return false
        }
        guard word == 1 || isNullable else {
            throw plan.misfit("\(plan.path(child)) is missing; put 1 in its place and its bytes behind")
        }
        return word == 1
    }
}

extension SubOpcode {
    /// The size an ioctl's number states: 14 bits from bit 16 on (asm-generic/ioctl.h).
    public var encodedSize: Int { Int((code >> 16) & 0x3fff) }
}
