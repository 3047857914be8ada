import RingProtocol

/// The blocks of an argument that was built, found again from its bytes: what its reply will look like.
struct ArgumentLayout {
    /// A block with bytes of its own in the reply.
    struct Span {
        let block: Int
        /// With the indices of its holders.
        let path: String
        let count: Int
        /// Bytes of one element.
        let stride: Int
        /// Position in the reply.
        let reply: Int
    }

    private let shape: ArgumentShape
    private let code: SubOpcode
    private let argument: [UInt8]
    private var position = 0
    private var blocks = 0
    private(set) var spans: [Span] = []
    private(set) var replySize = 0

    /// Blocks of one argument.
    static let maximumBlocks = 128

    init(_ shape: ArgumentShape, _ code: SubOpcode, _ argument: [UInt8]) throws(FieldError) {
        self.shape = shape
        self.code = code
        self.argument = argument
        if let root = shape.blocks.first, case .fixed(let direction) = root.route {
            try add(0, "", count: 1, stride: root.elementSize ?? code.sizeBits, direction)
        }
        guard position == argument.count else {
            throw .misfit("", why: "\(argument.count) bytes instead of \(position)")
        }
    }

    /// Takes a block from the argument, or gives it room in the reply, or both.
    private mutating func add(
        _ index: Int, _ path: String, count: Int, stride: Int, _ direction: BlockShape.Direction
    ) throws(FieldError) {
        let size = count * stride
        let start = position
        if direction.isFromClient {
            guard size <= argument.count - position else {
                throw .misfit(path, why: "ends at \(position + size), the argument at \(argument.count)")
            }
            position += size
        }
        if direction.isToClient {
            spans.append(Span(block: index, path: path, count: count, stride: stride, reply: replySize))
            replySize += size
            guard replySize <= Limits.payload else {
                throw .tooLarge(size: replySize, maximum: Limits.payload)
            }
        }
        try expand(index, path, direction.isFromClient ? start : nil, count: count, stride: stride)
    }

    /// Follows what the elements hold. Nothing holds anything that the client does not send.
    private mutating func expand(
        _ index: Int, _ path: String, _ start: Int?, count: Int, stride: Int
    ) throws(FieldError) {
        blocks += 1
        guard blocks <= Self.maximumBlocks else {
            throw .misfit("", why: "has more than \(blocks - 1) blocks")
        }
        let block = shape.blocks[index]
        guard let start, !block.children.isEmpty else { return }
        for element in 0..<count {
            let holder = block.isList ? fieldPath(path, String(element)) : path
            for child in block.children {
                try addChild(
                    child, fieldPath(holder, shape.blocks[child].name), start + element * stride, stride)
            }
        }
    }

    private mutating func addChild(_ index: Int, _ path: String, _ base: Int, _ size: Int) throws(FieldError)
    {
        let block = shape.blocks[index]
        let amount = block.amount.value(argument, at: base, code)
        guard (0...Int128(block.maximum)).contains(amount) else {
            throw .misfit(path, why: "has \(amount), at most \(block.maximum)")
        }
        let count = Int(amount)
        let (elements, stride) = block.elementSize.map { (count, $0) } ?? (1, count)
        guard case .pointer(let isNullable) = block.place else {
            guard block.offset + count * (block.elementSize ?? 1) <= size else {
                throw .misfit(path, why: "does not fit into what holds it")
            }
            return try expand(index, path, base + block.offset, count: elements, stride: stride)
        }
        let word = argument[base + block.offset..<base + block.offset + 8]
        guard let first = word.first, first <= 1, word.dropFirst().allSatisfy({ $0 == 0 }) else {
            throw .misfit(path, why: "is neither 0 nor 1")
        }
        switch block.route.way(argument, at: base) {
        case .unsaid: throw .misfit(path, why: "has no direction")
        case .nowhere:
            guard first == 0, count == 0 else { throw .misfit(path, why: "is there, but has no direction") }
        case .goes(let direction):
            guard first == 1 ? count > 0 : isNullable else {
                throw .misfit(path, why: count > 0 ? "is missing" : "is empty")
            }
            if first == 1 { try add(index, path, count: elements, stride: stride, direction) }
        }
    }
}
