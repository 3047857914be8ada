import RingPolicy
import RingProtocol
import Testing

/// Shapes with pointers, arrays, descriptors, families and several commands under one code.
enum NestedFixture {
    static func u8(_ name: String, _ offset: Int) -> Field { number(name, offset, 1) }
    static func u16(_ name: String, _ offset: Int) -> Field { number(name, offset, 2) }
    static func u32(_ name: String, _ offset: Int) -> Field { number(name, offset, 4) }

    private static func number(_ name: String, _ offset: Int, _ bytes: UInt8) -> Field {
        Field(name: name, type: .unsigned(bytes: bytes), offset: offset)
    }

    // MARK: Like I2C_RDWR (linux/i2c-dev.h)

    static let count = u32("nmsgs", 8)
    static let address = u16("addr", 0)
    static let flags = Field(
        name: "flags", type: .unsigned(bytes: 2), offset: 2,
        names: ValueNames(.flags, [.init("RD", 1), .init("TEN", 0x10)]), checks: [.mask(0x11)])
    static let length = u16("len", 4)

    static let transfer = CommandShape(
        name: "TRANSFER", pattern: CodePattern(SubOpcode(0x0707)), transport: .call, effect: .write,
        placement: .pointer,
        blocks: [
            Block(elementSize: 16, fields: [count]),
            Block(
                path: "msgs", place: .pointer(at: 0, isNullable: false), elementSize: 16,
                amount: .field(count),
                maximum: 130, fields: [address, flags, length]),
            Block(
                path: "msgs.buf", parent: 1, place: .pointer(at: 8, isNullable: true),
                direction: .selected(by: flags, mask: 0x11, input: 0, output: 1, none: 0x10),
                elementSize: nil,
                amount: .field(length), maximum: 60_000),
        ])

    /// The root, one message for each of `messages`, and the bytes of those that are written.
    static func transfer(_ messages: (address: UInt16, flags: UInt16, length: UInt16, pointer: UInt8)...)
        -> [UInt8]
    {
        var bytes = [UInt8].zeros(16).with(UInt8(1), at: 0).with(UInt32(messages.count), at: 8)
        for message in messages {
            bytes += [UInt8].zeros(16).with(message.address, at: 0).with(message.flags, at: 2)
                .with(message.length, at: 4).with(message.pointer, at: 8)
        }
        for message in messages where message.flags & 1 == 0 && message.pointer == 1 {
            bytes += [UInt8](repeating: 0xaa, count: Int(message.length))
        }
        return bytes
    }

    // MARK: Like GPIO_V2_GET_LINE (linux/gpio.h)

    static let lines = u32("num_lines", 16)
    static let request = CommandShape(
        name: "REQUEST", pattern: CodePattern(SubOpcode(0xc020_b407)), transport: .call, effect: .write,
        placement: .pointer, direction: .both,
        blocks: [
            Block(
                direction: .fixed(.both), elementSize: 32,
                fields: [
                    lines,
                    Field(name: "secret", type: .unsigned(bytes: 4), offset: 20, isRedacted: true),
                    Field(
                        name: "fd", type: .signed(bytes: 4), offset: 24, descriptor: .gives(profile: "line")),
                ]),
            Block(
                path: "offsets", place: .inline(at: 0), direction: .fixed(.both), elementSize: 4,
                amount: .field(lines), maximum: 4, fields: [u32("", 0)]),
        ])

    static let set = CommandShape(
        name: "SET", code: SubOpcode(0x4004_b40f), transport: .call, effect: .write, placement: .pointer,
        size: 4,
        fields: [u32("bits", 0)])
    static let line = Profile(name: "line", summary: "Lines.", commands: [set])

    static let take = CommandShape(
        name: "TAKE", pattern: CodePattern(SubOpcode(0x4004_7f03)), transport: .call, effect: .write,
        placement: .pointer,
        blocks: [
            Block(
                elementSize: 4,
                fields: [
                    Field(
                        name: "fd", type: .unsigned(bytes: 4), offset: 0, descriptor: .takes(profile: "line"))
                ])
        ])
    static let create = CommandShape(
        name: "CREATE", pattern: CodePattern(SubOpcode(0xae01)), transport: .call, effect: .write,
        result: .gives(profile: "line"))

    // MARK: Families, and commands under one code

    static let family = CommandShape(
        name: "NAME", pattern: CodePattern(SubOpcode(0x8000_4500), sizes: 8...256, step: 8, numbers: 6...7),
        transport: .call, effect: .read, placement: .pointer, direction: .output,
        blocks: [
            Block(direction: .fixed(.output), elementSize: nil, amount: .codeSize(unit: 1), maximum: 256)
        ])

    static let opcode = u8("opcode", 0)
    static func variant(_ name: String, _ code: UInt8, effect: Effect = .read, isGuarded: Bool = false)
        -> CommandShape
    {
        CommandShape(
            name: name, pattern: CodePattern(SubOpcode(0xc048_4e41)), transport: .call, effect: effect,
            isGuarded: isGuarded, placement: .pointer,
            blocks: [Block(elementSize: 8, fields: [opcode, u32("dword", 4)])],
            selectors: [Condition(opcode, .equals(Int128(code)))])
    }
    static let identify = variant("IDENTIFY", 6)
    static let flush = variant("FLUSH", 0, effect: .write)
    static let format = variant("FORMAT", 0x80, effect: .destructive, isGuarded: true)

    static let profile = Profile(
        name: "nested", summary: "All.",
        commands: [transfer, request, take, create, family, identify, flush, format])
    static let device = Device(
        name: "board", path: "/dev/board", kind: .character, access: .readWrite, profile: profile)

    static func grant(
        _ rights: FileRights, nevers: [NeverRule] = [], limits: UseLimits = UseLimits(),
        device: Device = device,
        at time: UInt64 = 0
    ) throws -> Grant {
        let snapshot = PolicySnapshot(
            revision: [UInt8](repeating: 1, count: 32), principals: [], devices: [device],
            rules: [Rule(id: "rule", principals: ["agent"], rights: ["board": rights], limits: limits)],
            nevers: nevers, profiles: [profile, line])
        let policy = snapshot.policy(for: PrincipalSet(names: ["agent"]), at: time)
        return try #require(policy.grant(onDevice: "board"))
    }

    static func grant(_ shapes: CommandShape..., where conditions: [Condition] = []) throws -> Grant {
        try grant(FileRights(commands: shapes.map { .init($0, where: conditions) }))
    }
}

/// What an authorized command of blocks was, for after it.
struct AuthorizedBlocks: Equatable {
    struct Block: Equatable {
        var block: Int32
        var isInline: Bool
        var holder: Int32
        var position: Int32
        var size: Int32
        var argument: Int32
        var reply: Int32
    }
    var blocks: [Block]
    var blockSize: Int
    var replySize: Int
    var limit: Int
    var timeout: UInt32
    var isObserved: Bool
    var descriptorAt: Int?
    var givenSlot: UInt16?
    var taken: OpenFileID?
    var redactions: [Range<Int>]
}

extension Grant {
    /// Decides a command; `slots` are those the client has open.
    func decideBlocks(
        _ code: UInt32, _ argument: [UInt8] = [], offset: UInt64 = 0, slots: [UInt16: HeldSlot] = [:],
        _ layout: inout Layout
    ) throws -> AuthorizedBlocks {
        try argument.withUnsafeBytes { bytes in
            let entry = Entry(
                .command, requestID: RequestID(1), subOpcode: SubOpcode(code), offset: offset,
                argument: WireBytes(bytes))
            let command = try authorize(entry, on: OpenFileID(7), &layout) { slots[$0.index] }
            return AuthorizedBlocks(
                blocks: command.spans.map {
                    .init(
                        block: $0.block, isInline: $0.isInline, holder: $0.holder, position: $0.position,
                        size: $0.size, argument: $0.argument, reply: $0.reply)
                }, blockSize: command.blockSize, replySize: command.replySize, limit: command.limit,
                timeout: command.timeout, isObserved: command.isObserved,
                descriptorAt: command.extras?.descriptorAt, givenSlot: command.extras?.gives?.slot.index,
                taken: command.extras?.takes, redactions: command.extras?.redactions ?? [])
        }
    }

    func decideBlocks(
        _ code: UInt32, _ argument: [UInt8] = [], offset: UInt64 = 0, slots: [UInt16: HeldSlot] = [:]
    ) throws -> AuthorizedBlocks {
        var layout = Layout()
        return try decideBlocks(code, argument, offset: offset, slots: slots, &layout)
    }

    /// Why a command is refused; nil when it is not.
    func blocksRefusal(
        _ code: UInt32, _ argument: [UInt8] = [], offset: UInt64 = 0, slots: [UInt16: HeldSlot] = [:]
    ) throws -> Refusal? {
        do {
            _ = try decideBlocks(code, argument, offset: offset, slots: slots)
            return nil
        } catch let refusal as Refusal {
            return refusal
        }
    }
}
