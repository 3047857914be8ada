import RingClient
import RingProtocol
import Testing

@Suite("Arguments with blocks, as the gateway's own layout reads them")
struct NestedArgumentTests {
    @Test func `I2C messages carry what they write and make room for what they read`() throws {
        let sent = try KernelShapes.encode(
            KernelShapes.i2c,
            [
                "msgs.0.addr": "0x50", "msgs.0.buf": "hex:0102", "msgs.1.addr": "0x50",
                "msgs.1.flags": "I2C_M_RD", "msgs.1.len": "3",
            ])
        let root: [UInt8] = [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]
        let write: [UInt8] = [0x50, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
        let read: [UInt8] = [0x50, 0, 1, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
        #expect(sent.argument == root + write + read + [1, 2])
        #expect(sent.code == SubOpcode(0x0707) && sent.replySize == 3)
        #expect(try KernelShapes.decode(KernelShapes.i2c, [7, 8, 9], of: sent) == ["msgs.1.buf=070809"])
    }

    @Test func `bytes may be text, and a count that is given wins`() throws {
        let sent = try KernelShapes.encode(
            KernelShapes.i2c, ["nmsgs": "2", "msgs.0.buf": "text:AB", "msgs.0.len": "4"])
        #expect(sent.argument.count == 16 + 32 + 4)
        #expect(sent.argument[8] == 2)
        #expect(sent.argument.suffix(4) == [0x41, 0x42, 0, 0])
    }

    @Test func `SPI transfers choose the code, and send and receive together`() throws {
        let sent = try KernelShapes.encode(
            KernelShapes.spi,
            [
                "transfers.0.tx_buf": "hex:9f", "transfers.0.rx_buf": "none", "transfers.1.len": "3",
                "transfers.1.speed_hz": "1000000",
            ])
        #expect(sent.code == SubOpcode(0x4040_6b00))
        #expect(sent.argument.count == 65 && sent.argument[64] == 0x9f)
        #expect(sent.argument[0] == 1 && sent.argument[8] == 0 && sent.argument[16] == 1)
        #expect(sent.argument[32] == 0 && sent.argument[40] == 1 && sent.argument[48] == 3)
        #expect(sent.replySize == 3)
        #expect(
            try KernelShapes.decode(KernelShapes.spi, [0xef, 0x40, 0x18], of: sent)
                == ["transfers.1.rx_buf=ef4018"])
    }

    @Test func `the size in a code may be chosen, within its steps`() throws {
        let sent = try KernelShapes.encode(KernelShapes.spi, ["size": "96", "transfers.0.len": "0"])
        #expect(sent.code == SubOpcode(0x4060_6b00) && sent.argument.count == 96)
        #expect(throws: FieldError.noSuchCode("33", least: 32, greatest: 512, step: 32)) {
            try KernelShapes.encode(KernelShapes.spi, ["size": "33"])
        }
        #expect(throws: FieldError.tooMany(field: "transfers", count: 2, maximum: 1)) {
            try KernelShapes.encode(KernelShapes.spi, ["size": "32", "transfers.1.len": "0"])
        }
    }

    @Test func `a name comes back as text as long as the code says`() throws {
        let sent = try KernelShapes.encode(KernelShapes.name, ["size": "8"])
        #expect(sent == EncodedCommand(code: SubOpcode(0x8008_4506), argument: [], replySize: 8))
        #expect(
            try KernelShapes.decode(KernelShapes.name, Array("gpio\0\0\0\0".utf8), of: sent) == ["name=gpio"])
        #expect(try KernelShapes.encode(KernelShapes.name, [:]).replySize == 256)
    }

    @Test func `the number in a code must be chosen`() throws {
        let sent = try KernelShapes.encode(KernelShapes.axis, ["number": "0x41"])
        #expect(sent.code == SubOpcode(0x8018_4541) && sent.replySize == 24)
        #expect(throws: FieldError.missing("number", why: "it is 64 to 127")) {
            try KernelShapes.encode(KernelShapes.axis, [:])
        }
        #expect(throws: FieldError.outOfRange(field: "number", text: "1", least: "64", greatest: "127")) {
            try KernelShapes.encode(KernelShapes.axis, ["number": "1"])
        }
        let codec = try ArgumentCodec(KernelShapes.described(KernelShapes.axis))
        #expect(codec.choices(of: SubOpcode(0x8018_4541)) == ["number": "65"])
        #expect(codec.choices(of: SubOpcode(0x8018_4501)) == nil)
    }

    @Test func `GPIO lines are an array inside the struct, and the reply has a slot`() throws {
        let values = [
            "consumer": "tester", "flags": "OUTPUT", "attrs.0.id": "2", "attrs.0.values": "1",
            "attrs.0.mask": "3",
        ]
        let sent = try KernelShapes.encode(
            KernelShapes.lines, values.merging(["offsets": "[4, 0x11]"]) { $1 })
        let other = try KernelShapes.encode(
            KernelShapes.lines, values.merging(["offsets.0": "4", "offsets.1": "17"]) { $1 })
        #expect(sent == other)
        #expect(sent.argument.count == 592 && sent.replySize == 592)
        #expect(sent.argument[0] == 4 && sent.argument[4] == 17 && sent.argument[560] == 2)
        #expect(sent.argument[296] == 1 && sent.argument[320] == 2)
        var reply = sent.argument
        reply[588] = 5
        #expect(
            try KernelShapes.decode(KernelShapes.lines, reply, of: sent) == [
                "consumer=tester", "flags=8 OUTPUT", "num_attrs=1", "num_lines=2", "event_buffer_size=0",
                "fd=5 gives gpio-line", "offsets=[4, 17]", "attrs.0.id=2", "attrs.0.values=1",
                "attrs.0.mask=3",
            ])
        #expect(throws: FieldError.self) { try KernelShapes.encode(KernelShapes.lines, ["fd": "3"]) }
    }

    @Test func `what selects a command is set, and its block is there for it`() throws {
        let sent = try KernelShapes.encode(
            KernelShapes.scsi,
            ["cmdp.lba": "0x01020304", "cmdp.count": "1", "cmdp.dpo": "1", "dxfer_len": "512"])
        #expect(sent.argument.count == 34 && sent.argument[0] == 10)
        #expect(sent.argument[8] == 1 && sent.argument[16] == 1)
        #expect(sent.argument.suffix(10) == [0x28, 0x10, 1, 2, 3, 4, 0, 0, 1, 0])
        #expect(sent.replySize == 24 + 512)
        #expect(try KernelShapes.encode(KernelShapes.scsi, [:]).argument.suffix(10).first == 0x28)
    }

    @Test func `what cannot be is told with its path`() throws {
        let cases: [(CommandValues, FieldError)] = [
            (["msgs.0.adr": "1"], .unknown("msgs.0.adr", known: ["addr", "flags", "len", "buf"])),
            (["msg.0.addr": "1"], .unknown("msg", known: ["nmsgs", "msgs"])),
            (["msgs.first.addr": "1"], .unknown("msgs.first", known: ["msgs.0"])),
            (["msgs.00.addr": "1"], .unknown("msgs.00", known: ["msgs.0"])),
            (["msgs.42.addr": "1"], .tooMany(field: "msgs", count: 43, maximum: 42)),
            (["msgs": "1"], .unwanted("msgs", why: "it has elements; write msgs.0... or msgs=[...]")),
            (
                ["msgs.0": "1"],
                .unwanted("msgs.0", why: "it is a struct; give its fields: addr, flags, len, buf")
            ),
            (["nmsgs": "1", "msgs.1.len": "0"], .tooMany(field: "msgs", count: 2, maximum: 1)),
            (["nmsgs": "43"], .tooMany(field: "msgs", count: 43, maximum: 42)),
            ([:], .missing("msgs", why: "give it, or nmsgs")),
            (["msgs": "none"], .unwanted("msgs", why: "it cannot be left out")),
            (
                ["msgs.0.buf": "hex:010203", "msgs.0.len": "2"],
                .tooLong(field: "msgs.0.buf", count: 3, size: 2)
            ),
            (
                ["msgs.0.flags": "I2C_M_RD", "msgs.0.buf": "hex:01"],
                .unwanted("msgs.0.buf", why: "it comes back; give only its length")
            ),
            (["nmsgs.x": "1"], .unwanted("nmsgs", why: "it is one value, nothing lies inside")),
            (["msgs..len": "1"], .unknown("msgs..len", known: [])),
            (["msgs.0.buf": "none", "msgs.0.len": "x"], .notANumber(field: "msgs.0.len", text: "x")),
        ]
        for (values, error) in cases {
            #expect(throws: error, "\(values)") { try KernelShapes.encode(KernelShapes.i2c, values) }
        }
        let many = Dictionary(uniqueKeysWithValues: (0..<65).map { ("offsets.\($0)", "1") })
        #expect(throws: FieldError.tooMany(field: "offsets", count: 65, maximum: 64)) {
            try KernelShapes.encode(KernelShapes.lines, many)
        }
    }

    private typealias CommandValues = [String: String]

    @Test func `an argument made by other means is proven before its reply is read`() throws {
        let codec = try ArgumentCodec(KernelShapes.described(KernelShapes.i2c))
        let sent = try KernelShapes.encode(KernelShapes.i2c, ["msgs.0.len": "1", "msgs.0.flags": "I2C_M_RD"])
        #expect(try codec.prove(sent.argument) == sent)
        for bytes in [[], Array(sent.argument.dropLast()), sent.argument + [0]] {
            #expect(throws: FieldError.self) { try codec.prove(bytes) }
        }
        for (offset, value) in [(0, 2), (7, 1), (8, 43), (0, 0), (24, 0), (20, 0)] as [(Int, UInt8)]
        where offset != 24 {
            var wrong = sent.argument
            wrong[offset] = value
            #expect(throws: FieldError.self, "\(offset)") { try codec.prove(wrong) }
        }
    }
}
