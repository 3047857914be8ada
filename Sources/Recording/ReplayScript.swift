/// What one device of a recording does, in its order, and how far a replay has come. A plain value without clock or files.
public struct ReplayScript: Sendable {
    public enum Operation: String, Sendable {
        case command
        case write
        case read
        case sync
    }

    /// What a client asks of the device.
    public struct Request: Equatable, Sendable {
        public var operation: Operation
        public var code: UInt32
        public var offset: UInt64
        /// The bytes of a command or write, as they are sent; of a read its count.
        public var argument: [UInt8]

        public init(_ operation: Operation, code: UInt32 = 0, offset: UInt64, argument: [UInt8]) {
            self.operation = operation
            self.code = code
            self.offset = offset
            self.argument = argument
        }
    }

    /// What the device answered.
    public struct Reply: Equatable, Sendable {
        public enum Engine: String, Sendable {
            case gateway
            case ring
            case call
        }

        public let result: Int32
        public let payload: [UInt8]
        public let engine: Engine
        public let nanoseconds: UInt64
    }

    public struct Step: Sendable {
        /// Its argument counts for nothing when `takesAny`.
        public let request: Request
        public let takesAny: Bool
        public let reply: Reply
        /// Where it stands in the file.
        public let line: Int
        /// What the device says behind it by itself.
        var input: [UInt8] = []
        var isUsed = false

        func matches(_ other: Request) -> Bool {
            var other = other
            if takesAny { other.argument = request.argument }
            return request == other
        }
    }

    public enum Order: String, Sendable, CaseIterable {
        /// As it was recorded, and each once.
        case strict
        /// The first equal step that was not used; the last equal one again when all were.
        case any
    }

    public enum Answer: Sendable {
        /// With what the device then says by itself.
        case step(Reply, input: [UInt8])
        /// Nothing of the kind is there; with the step that is next, if one is.
        case differs(next: Step?)
    }

    private var steps: [Step] = []
    /// What the device says before anything is asked of it.
    private var greeting: [UInt8] = []
    private var position = 0

    public init() {}

    /// Steps that were answered, and all.
    public var progress: (used: Int, all: Int) { (steps.count { $0.isUsed }, steps.count) }

    /// What the device says first; once.
    public mutating func takeGreeting() -> [UInt8] {
        defer { greeting = [] }
        return greeting
    }

    public mutating func answer(_ request: Request, _ order: Order) -> Answer {
        let place: Int?
        switch order {
        case .strict: place = position < steps.count && steps[position].matches(request) ? position : nil
        case .any:
            place =
                steps.firstIndex { !$0.isUsed && $0.matches(request) }
                ?? steps.lastIndex { $0.matches(request) }
        }
        guard let place else {
            return .differs(next: position < steps.count ? steps[position] : nil)
        }
        if order == .strict { position += 1 }
        steps[place].isUsed = true
        let step = steps[place]
        return .step(step.reply, input: step.input)
    }

    // MARK: From a file

    mutating func add(_ recorded: RecordedStep, line: Int) throws(LineError) {
        if let input = recorded.input {
            guard recorded.operation == nil else { throw LineError("`input` stands alone with `device`") }
            let bytes = try Self.bytes(input, "input")
            if steps.isEmpty { greeting += bytes } else { steps[steps.count - 1].input += bytes }
            return
        }
        guard let operation = recorded.operation.flatMap(Operation.init) else {
            throw LineError("`operation` must be command, write, read or sync")
        }
        guard let result = recorded.result else { throw LineError("`result` is missing") }
        let argument: [UInt8]
        switch operation {
        case .command, .write: argument = try Self.bytes(recorded.argument ?? "", "argument")
        case .read:
            guard let count = recorded.count, let count = UInt32(exactly: count) else {
                throw LineError("a read needs `count`, the bytes that were asked for")
            }
            argument = Self.readArgument(count)
        case .sync: argument = []
        }
        guard let engine = Reply.Engine(rawValue: recorded.engine ?? "gateway") else {
            throw LineError("`engine` must be ring, call or gateway")
        }
        guard operation != .command || recorded.code != nil else { throw LineError("a command needs `code`") }
        let usual: UInt64 = operation == .write || operation == .read ? .max : 0
        steps.append(
            Step(
                request: Request(
                    operation, code: recorded.code ?? 0, offset: recorded.offset ?? usual, argument: argument),
                takesAny: recorded.argument == nil && (operation == .command || operation == .write),
                reply: Reply(
                    result: result, payload: try Self.bytes(recorded.reply ?? "", "reply"), engine: engine,
                    nanoseconds: recorded.nanoseconds ?? 0), line: line))
    }

    /// The argument of a read on the wire (docs/protocol.md): the count and no credit.
    private static func readArgument(_ count: UInt32) -> [UInt8] {
        withUnsafeBytes(of: count.littleEndian) { Array($0) } + [0, 0, 0, 0]
    }

    private static func bytes(_ text: String, _ key: String) throws(LineError) -> [UInt8] {
        guard let bytes = RecordedBytes.bytes(text) else {
            throw LineError("`\(key)` must be an even number of hexadecimal digits")
        }
        return bytes
    }
}
