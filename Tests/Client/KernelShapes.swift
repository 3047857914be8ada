import Foundation
import RingClient
import RingProtocol
import Testing

@testable import RingPolicy

/// Commands of the kernel with every form of argument (linux/i2c-dev.h, spi/spidev.h, input.h, gpio.h), as a gateway
/// describes them.
enum KernelShapes {
    static func u8(_ name: String, _ at: Int) -> Field {
        Field(name: name, type: .unsigned(bytes: 1), offset: at)
    }
    static func u16(_ name: String, _ at: Int, _ names: ValueNames? = nil) -> Field {
        Field(name: name, type: .unsigned(bytes: 2), offset: at, names: names)
    }
    static func u32(_ name: String, _ at: Int) -> Field {
        Field(name: name, type: .unsigned(bytes: 4), offset: at)
    }
    static func u64(_ name: String, _ at: Int, _ names: ValueNames? = nil) -> Field {
        Field(name: name, type: .unsigned(bytes: 8), offset: at, names: names)
    }

    private static let messageCount = u32("nmsgs", 8)
    private static let messageFlags = u16(
        "flags", 2, ValueNames(.flags, [.init("I2C_M_RD", 1), .init("I2C_M_TEN", 0x10)]))
    private static let messageLength = u16("len", 4)

    static let i2c = CommandShape(
        name: "I2C_RDWR", pattern: CodePattern(SubOpcode(0x0707)), transport: .call, effect: .write,
        placement: .pointer,
        blocks: [
            Block(elementSize: 16, fields: [messageCount]),
            Block(
                path: "msgs", parent: 0, place: .pointer(at: 0, isNullable: false), elementSize: 16,
                amount: .field(messageCount), maximum: 42,
                fields: [u16("addr", 0), messageFlags, messageLength]),
            Block(
                path: "msgs.buf", parent: 1, place: .pointer(at: 8, isNullable: true),
                direction: .selected(by: messageFlags, mask: 1, input: 0, output: 1, none: nil),
                elementSize: nil, amount: .field(messageLength), maximum: 8192),
        ])

    private static let transferLength = u32("len", 16)

    static let spi = CommandShape(
        name: "SPI_IOC_MESSAGE", pattern: CodePattern(SubOpcode(0x4000_6b00), sizes: 32...512, step: 32),
        transport: .call, effect: .write, placement: .pointer,
        blocks: [
            Block(elementSize: nil, amount: .codeSize(unit: 1), maximum: 512),
            Block(
                path: "transfers", parent: 0, place: .inline(at: 0), elementSize: 32,
                amount: .codeSize(unit: 32), maximum: 16,
                fields: [
                    transferLength, u32("speed_hz", 20), u16("delay_usecs", 24), u8("bits_per_word", 26),
                ]),
            Block(
                path: "transfers.tx_buf", parent: 1, place: .pointer(at: 0, isNullable: true),
                elementSize: nil, amount: .field(transferLength), maximum: 4096),
            Block(
                path: "transfers.rx_buf", parent: 1, place: .pointer(at: 8, isNullable: true),
                direction: .fixed(.output), elementSize: nil, amount: .field(transferLength), maximum: 4096),
        ])

    static let name = CommandShape(
        name: "EVIOCGNAME", pattern: CodePattern(SubOpcode(0x8000_4506), sizes: 1...256), transport: .call,
        effect: .read, placement: .pointer, direction: .output,
        blocks: [
            Block(
                direction: .fixed(.output), elementSize: nil, amount: .codeSize(unit: 1), maximum: 256,
                fields: [Field(name: "name", type: .text(256), offset: 0)])
        ])

    static let axis = CommandShape(
        name: "EVIOCGABS", pattern: CodePattern(SubOpcode(0x8018_4500), numbers: 0x40...0x7f),
        transport: .call,
        effect: .read, placement: .pointer, direction: .output,
        blocks: [
            Block(
                direction: .fixed(.output), elementSize: 24,
                fields: [Field(name: "value", type: .signed(bytes: 4), offset: 0)])
        ])

    private static let lineCount = u32("num_lines", 560)
    private static let attributeCount = u32("num_attrs", 296)

    static let lines = CommandShape(
        name: "GPIO_V2_GET_LINE_IOCTL", pattern: CodePattern(SubOpcode(0xc250_b407)), transport: .call,
        effect: .write, placement: .pointer, direction: .both,
        blocks: [
            Block(
                direction: .fixed(.both), elementSize: 592,
                fields: [
                    Field(name: "consumer", type: .text(32), offset: 256),
                    u64("flags", 288, ValueNames(.flags, [.init("INPUT", 4), .init("OUTPUT", 8)])),
                    attributeCount, lineCount, u32("event_buffer_size", 564),
                    Field(
                        name: "fd", type: .signed(bytes: 4), offset: 588,
                        descriptor: .gives(profile: "gpio-line")),
                ]),
            Block(
                path: "offsets", parent: 0, place: .inline(at: 0), direction: .fixed(.both), elementSize: 4,
                amount: .field(lineCount), maximum: 64, fields: [u32("", 0)]),
            Block(
                path: "attrs", parent: 0, place: .inline(at: 320), direction: .fixed(.both), elementSize: 24,
                amount: .field(attributeCount), maximum: 10,
                fields: [u32("id", 0), u64("values", 8), u64("mask", 16)]),
        ])

    private static let blockLength = u8("cmd_len", 0)
    private static let operation = u8("opcode", 0)
    private static let command = Block(
        path: "cmdp", parent: 0, place: .pointer(at: 8, isNullable: false), elementSize: nil,
        amount: .field(blockLength), maximum: 16,
        fields: [
            operation, Field(name: "lba", type: .bigEndian(bytes: 4), offset: 2),
            Field(name: "count", type: .bigEndian(bytes: 2), offset: 7), u8("control", 9),
            Field(name: "dpo", type: .unsigned(bytes: 1), offset: 1, bits: 4...4),
            Field(name: "group", type: .unsigned(bytes: 1), offset: 6, bits: 0...4),
        ])

    /// A made-up cousin of SG_IO: which command it is, the command block says.
    static let scsi = CommandShape(
        name: "READ_10", pattern: CodePattern(SubOpcode(0x2285)), transport: .call, effect: .read,
        placement: .pointer, direction: .both,
        blocks: [
            Block(direction: .fixed(.both), elementSize: 24, fields: [blockLength, u32("dxfer_len", 4)]),
            command,
            Block(
                path: "dxferp", parent: 0, place: .pointer(at: 16, isNullable: true),
                direction: .fixed(.output), elementSize: nil, amount: .field(u32("dxfer_len", 4)),
                maximum: 65536),
        ], selectors: [Condition(operation, .equals(0x28), in: command, index: 1)])

    static let all = [i2c, spi, name, axis, lines, scsi]

    /// Arguments for each of them, in the same order.
    static let values: [[[String: String]]] = [
        [["msgs.0.buf": "0102", "msgs.1.flags": "1", "msgs.1.len": "3"], ["nmsgs": "2"]],
        [["transfers.0.tx_buf": "9f", "transfers.1.len": "3"], ["size": "96"]],
        [["size": "8"], [:]],
        [["number": "0x41"]],
        [["offsets": "[4, 5]", "attrs.1.id": "2"], [:]],
        [["cmdp.lba": "5", "dxfer_len": "512"], [:]],
    ]

    /// What a client is told about the command, through JSON like on the wire.
    static func described(_ shape: CommandShape) throws -> CommandDescription {
        let device = Device(
            name: "d", path: "/dev/null", kind: .character, access: .readWrite,
            profile: Profile(name: "p", summary: "", commands: [shape]))
        let given = Profile(name: shape.givenProfile ?? "nothing", summary: "", commands: [])
        let rights = FileRights(
            commands: [.init(shape)], handles: [given.name: FileRights(read: .init(maxLength: 16))])
        let snapshot = PolicySnapshot(
            revision: [UInt8](repeating: 1, count: 32),
            principals: [Principal(name: "a", match: .keyHash([1]))],
            devices: [device], rules: [Rule(id: "r", principals: ["a"], rights: ["d": rights])],
            profiles: [given])
        let peer = try snapshot.recognize(PeerIdentity(uris: [], keyHash: [1], commonName: nil, issuer: ""))
        let described = try #require(snapshot.policy(for: peer, at: 0).grant(onDevice: "d")).description
        let json = try JSONEncoder().encode(described)
        return try #require(try JSONDecoder().decode(DeviceDescription.self, from: json).commands.first)
    }

    /// Encodes with the client and lays out with the gateway's own code, which must agree.
    static func encode(_ shape: CommandShape, _ values: [String: String]) throws -> EncodedCommand {
        let encoded = try ArgumentCodec(described(shape)).encode(values)
        let replySize = try encoded.argument.withUnsafeBytes { bytes in
            var layout = Layout()
            try layout.lay(shape, code: encoded.code, WireBytes(bytes))
            return layout.replySize
        }
        #expect(shape.pattern.contains(encoded.code))
        #expect(encoded.replySize == replySize)
        return encoded
    }

    static func decode(_ shape: CommandShape, _ reply: [UInt8], of sent: EncodedCommand) throws -> [String] {
        try ArgumentCodec(described(shape)).decode(reply, of: sent).map { field in
            "\(field.name)=\(field.value)" + (field.words.map { " \($0)" } ?? "")
                + (field.gives.map { " gives \($0)" } ?? "")
        }
    }
}
