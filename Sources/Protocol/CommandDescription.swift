/// One sub-opcode with its argument and reply.
///
/// The keys behind `summary` are absent where a command is nothing but one struct under one code.
public struct CommandDescription: Codable, Equatable, Sendable {
    public let name: String
    /// With zeros where the code varies, see `codes`.
    public let code: UInt32
    /// `ring`, `ring-wide`, `call` or `gateway`.
    public let engine: String
    /// `read`, `write` or `destructive`.
    public let effect: String
    /// Bytes of the argument's own struct the entry must carry; the greatest when the code says how many.
    public let argumentSize: Int
    /// Bytes of that struct in the reply on success.
    public let replySize: Int
    /// Fields of that struct.
    public let fields: [FieldDescription]
    /// The allowed combinations of field values, in words; one of them must hold. Empty when any value may be sent.
    public let constraints: [[String]]
    public let summary: String
    /// The family of codes that all mean this command.
    public let codes: CodeFamily?
    /// What the argument must say to mean this command rather than another with its code.
    public let selectors: [Selector]?
    /// What the struct's arrays hold and its pointers refer to, depth first: parents before children.
    public let blocks: [BlockDescription]?
    /// Profile of the slot that the command fills; its number is the entry's offset.
    public let gives: String?
    /// Milliseconds after which a call is given up.
    public let timeout: UInt32?

    /// A family of codes.
    public struct CodeFamily: Codable, Equatable, Sendable {
        /// Least and greatest value of bits 16 to 29, and the distance between two.
        public let sizes: [Int]?
        public let step: Int?
        /// Least and greatest value of bits 0 to 7.
        public let numbers: [Int]?

        public init(sizes: [Int]?, step: Int?, numbers: [Int]?) {
            self.sizes = sizes
            self.step = step
            self.numbers = numbers
        }
    }

    /// A field with the value that tells commands of one code apart.
    public struct Selector: Codable, Equatable, Sendable {
        /// Dotted path of the field.
        public let field: String
        public let value: Int64

        public init(field: String, value: Int64) {
            self.field = field
            self.value = value
        }
    }

    public init(
        name: String, code: UInt32, engine: String, effect: String, argumentSize: Int, replySize: Int,
        fields: [FieldDescription], constraints: [[String]], summary: String, codes: CodeFamily? = nil,
        selectors: [Selector]? = nil, blocks: [BlockDescription]? = nil, gives: String? = nil,
        timeout: UInt32? = nil
    ) {
        self.name = name
        self.code = code
        self.engine = engine
        self.effect = effect
        self.argumentSize = argumentSize
        self.replySize = replySize
        self.fields = fields
        self.constraints = constraints
        self.summary = summary
        self.codes = codes
        self.selectors = selectors
        self.blocks = blocks
        self.gives = gives
        self.timeout = timeout
    }
}

/// An array inside a struct, or what a pointer refers to.
public struct BlockDescription: Codable, Equatable, Sendable {
    /// Dotted, from the argument's own struct.
    public let path: String
    /// Index of the block that holds it, counted from 1; 0 is the argument's own struct.
    public let parent: Int
    /// `inline`: the elements lie in the holder at `offset`. `pointer`: the holder has an address there.
    public let place: String
    public let offset: Int
    /// Whether the pointer may be 0 although its length is not.
    public let nullable: Bool
    /// `in` from the client, `out` to the client, `both`; absent when `selects` tells.
    public let direction: String?
    public let selects: DirectionSelector?
    /// Bytes of one element; absent when the block is bytes, which `count` then counts.
    public let elementSize: Int?
    /// Elements or bytes: one of the three is there.
    public let count: Int?
    /// Name of the holder's field that counts them.
    public let countField: String?
    /// The size in the code, in units of so many bytes, counts them.
    public let countCodeUnit: Int?
    /// Most elements or bytes.
    public let maximum: Int
    /// Of one element. An array of numbers has one field, with an empty name.
    public let fields: [FieldDescription]

    /// `field & mask` tells the direction; with `none` there is no block.
    public struct DirectionSelector: Codable, Equatable, Sendable {
        public let field: String
        public let mask: UInt64
        public let input: UInt64?
        public let output: UInt64?
        public let none: UInt64?

        public init(field: String, mask: UInt64, input: UInt64?, output: UInt64?, none: UInt64?) {
            self.field = field
            self.mask = mask
            self.input = input
            self.output = output
            self.none = none
        }
    }

    public init(
        path: String, parent: Int, place: String, offset: Int, nullable: Bool, direction: String?,
        selects: DirectionSelector?, elementSize: Int?, count: Int?, countField: String?, countCodeUnit: Int?,
        maximum: Int, fields: [FieldDescription]
    ) {
        self.path = path
        self.parent = parent
        self.place = place
        self.offset = offset
        self.nullable = nullable
        self.direction = direction
        self.selects = selects
        self.elementSize = elementSize
        self.count = count
        self.countField = countField
        self.countCodeUnit = countCodeUnit
        self.maximum = maximum
        self.fields = fields
    }
}

/// One field of an argument or reply block.
public struct FieldDescription: Codable, Equatable, Sendable {
    public let name: String
    /// `u8`, `u16`, `u32`, `u64`, `s8`, `s16`, `s32`, `s64` (little-endian), `u16be`, `u32be`, `u64be`, `bytes`, or
    /// `text` (up to the first NUL).
    public let type: String
    /// Position in the block's element.
    public let offset: Int
    /// Bytes.
    public let size: Int
    /// First and last bit of the integer when the field is only some of them; bit 0 is the least significant.
    public let bits: [Int]?
    /// Names of single values.
    public let values: [String: Int64]?
    /// Names of bits.
    public let flags: [String: UInt64]?
    /// What every value must pass, in words.
    public let checks: [String]?
    /// Profile of the slot whose number the reply has here.
    public let gives: String?
    /// Profile of the slot whose number the argument has here.
    public let takes: String?

    public init(
        name: String, type: String, offset: Int, size: Int, bits: [Int]? = nil,
        values: [String: Int64]? = nil,
        flags: [String: UInt64]? = nil, checks: [String]? = nil, gives: String? = nil, takes: String? = nil
    ) {
        self.name = name
        self.type = type
        self.offset = offset
        self.size = size
        self.bits = bits
        self.values = values
        self.flags = flags
        self.checks = checks
        self.gives = gives
        self.takes = takes
    }
}
