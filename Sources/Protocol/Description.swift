/// Answer to `list`, carried as JSON (RFC 8259).
public struct DeviceList: Codable, Equatable, Sendable {
    public struct Device: Codable, Equatable, Sendable {
        public let name: String
        public let profile: String

        public init(name: String, profile: String) {
            self.name = name
            self.profile = profile
        }
    }
    public let devices: [Device]

    public init(devices: [Device]) { self.devices = devices }
}

/// Answer to `describe`, carried as JSON: what this client may do on one device, and nothing else.
public struct DeviceDescription: Codable, Equatable, Sendable {
    public let device: String
    public let profile: String
    /// Longest read in bytes; absent when reading is not allowed.
    public let read: Transfer?
    public let write: Transfer?
    public let commands: [CommandDescription]

    public init(
        device: String, profile: String, read: Transfer?, write: Transfer?, commands: [CommandDescription]
    ) {
        self.device = device
        self.profile = profile
        self.read = read
        self.write = write
        self.commands = commands
    }

    /// Bounds of reading or writing.
    public struct Transfer: Codable, Equatable, Sendable {
        /// Bytes one entry may move.
        public let maxLength: Int
        /// Byte positions `[first, end)` that may be touched; absent when there is no such bound.
        public let window: [UInt64]?

        public init(maxLength: Int, window: [UInt64]?) {
            self.maxLength = maxLength
            self.window = window
        }
    }
}

/// One sub-opcode with its argument and reply.
public struct CommandDescription: Codable, Equatable, Sendable {
    public let name: String
    public let code: UInt32
    /// `ring` or `call`.
    public let engine: String
    /// `read`, `write` or `destructive`.
    public let effect: String
    /// Bytes of the argument the entry must carry.
    public let argumentSize: Int
    /// Bytes of the reply on success.
    public let replySize: Int
    public let fields: [FieldDescription]
    /// The allowed combinations of field values, in words; one of them must hold. Empty when any value may be sent.
    public let constraints: [[String]]
    public let summary: String

    public init(
        name: String, code: UInt32, engine: String, effect: String, argumentSize: Int, replySize: Int,
        fields: [FieldDescription], constraints: [[String]], summary: String
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
    }
}

/// One field of an argument or reply block.
public struct FieldDescription: Codable, Equatable, Sendable {
    public let name: String
    /// `u8`, `u16`, `u32`, `u64`, `s8`, `s16`, `s32`, `s64` (little-endian), or `bytes`.
    public let type: String
    /// Position in the block.
    public let offset: Int
    /// Bytes.
    public let size: Int

    public init(name: String, type: String, offset: Int, size: Int) {
        self.name = name
        self.type = type
        self.offset = offset
        self.size = size
    }
}
