import RingClient
import RingProtocol
import Testing

/// A command whose argument is one struct.
func flatCommand(_ fields: [FieldDescription], argument: Int, reply: Int) -> CommandDescription {
    CommandDescription(
        name: "C", code: 1, engine: "call", effect: "write", argumentSize: argument, replySize: reply,
        fields: fields, constraints: [], summary: "")
}

@Suite struct ArgumentCodecTests {
    private let sample = flatCommand(
        [
            FieldDescription(name: "rows", type: "u16", offset: 0, size: 2),
            FieldDescription(name: "delta", type: "s16", offset: 2, size: 2),
            FieldDescription(name: "mask", type: "u64", offset: 5, size: 8),
            FieldDescription(name: "tag", type: "bytes", offset: 13, size: 3),
        ], argument: 16, reply: 16)

    @Test func `values land little-endian at their offsets and all else is zero`() throws {
        let codec = try ArgumentCodec(sample)
        let values = ["rows": "40", "delta": "-2", "mask": "0xffffffffffffffff", "tag": "0a0b"]
        let expected: [UInt8] = [40, 0, 0xfe, 0xff, 0] + Array(repeating: 0xff, count: 8) + [0x0a, 0x0b, 0]
        #expect(try codec.encode(values).argument == expected)
        #expect(
            try codec.encode([:])
                == EncodedCommand(code: SubOpcode(1), argument: Array(repeating: 0, count: 16), replySize: 16)
        )
    }

    @Test func `decoding gives back what was encoded, in the order of the description`() throws {
        let codec = try ArgumentCodec(sample)
        let sent = try codec.encode(["delta": "-32768", "mask": "18446744073709551615", "rows": "0xFFFF"])
        let fields = try codec.decode(sent.argument, of: sent)
        #expect(fields.map(\.name) == ["rows", "delta", "mask", "tag"])
        #expect(
            fields.map(\.value) == [.unsigned(65535), .signed(-32768), .unsigned(.max), .bytes([0, 0, 0])])
    }

    @Test(arguments: ["u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "u16be", "u32be", "u64be"])
    func `the ends of every integer type fit and one beyond does not`(type: String) throws {
        let bits = try #require(Int(type.dropFirst().prefix { $0.isNumber }))
        let field = FieldDescription(name: "x", type: type, offset: 0, size: bits / 8)
        let codec = try ArgumentCodec(flatCommand([field], argument: bits / 8, reply: bits / 8))
        let greatest: UInt64 = type.hasPrefix("u") ? .max >> (64 - bits) : .max >> (65 - bits)
        let least = type.hasPrefix("u") ? "0" : String(Int64.min >> (64 - bits))
        for text in [least, String(greatest)] {
            let sent = try codec.encode(["x": text])
            #expect(try codec.decode(sent.argument, of: sent)[0].value.description == text)
        }
        let beyond = greatest == .max ? "18446744073709551616" : String(greatest + 1)
        for text in [beyond, type.hasPrefix("u") ? "-1" : least + "0", String(repeating: "9", count: 60)] {
            let error = FieldError.outOfRange(
                field: "x", text: text, least: least, greatest: String(greatest))
            #expect(throws: error) { try codec.encode(["x": text]) }
        }
    }

    @Test func `big-endian numbers and bits share their bytes with nobody`() throws {
        let codec = try ArgumentCodec(
            flatCommand(
                [
                    FieldDescription(name: "lba", type: "u32be", offset: 0, size: 4),
                    FieldDescription(name: "low", type: "u16", offset: 4, size: 2, bits: [0, 3]),
                    FieldDescription(name: "high", type: "u16", offset: 4, size: 2, bits: [4, 15]),
                    FieldDescription(name: "top", type: "u16be", offset: 6, size: 2, bits: [15, 15]),
                ], argument: 8, reply: 8))
        let sent = try codec.encode(["lba": "0x01020304", "low": "5", "high": "0xabc", "top": "1"])
        #expect(sent.argument == [1, 2, 3, 4, 0xc5, 0xab, 0x80, 0])
        #expect(
            try codec.decode(sent.argument, of: sent).map(\.value.description)
                == ["16909060", "5", "2748", "1"])
        #expect(throws: FieldError.outOfRange(field: "low", text: "16", least: "0", greatest: "15")) {
            try codec.encode(["low": "16"])
        }
    }

    @Test func `names stand for values, and flags are joined`() throws {
        let codec = try ArgumentCodec(
            flatCommand(
                [
                    FieldDescription(
                        name: "mode", type: "s8", offset: 0, size: 1, values: ["SLOW": 0, "FAST": -1]),
                    FieldDescription(
                        name: "flags", type: "u16", offset: 2, size: 2, flags: ["A": 1, "B": 2, "AB": 3]),
                ], argument: 4, reply: 4))
        let sent = try codec.encode(["mode": "FAST", "flags": "A|B|0x8000"])
        #expect(sent.argument == [0xff, 0, 3, 0x80])
        #expect(try codec.decode(sent.argument, of: sent).map(\.words) == ["FAST", "A|B|AB|0x8000"])
        #expect(try codec.decode([7, 0, 0, 0], of: sent).map(\.words) == [nil, nil])
        #expect(throws: FieldError.unknownName(field: "mode", text: "FAS", known: ["FAST", "SLOW"])) {
            try codec.encode(["mode": "FAS"])
        }
        #expect(throws: FieldError.unknownName(field: "flags", text: "", known: ["A", "AB", "B"])) {
            try codec.encode(["flags": "A|"])
        }
    }

    @Test func `text ends at its first NUL and may be written as bytes`() throws {
        let codec = try ArgumentCodec(
            flatCommand(
                [FieldDescription(name: "label", type: "text", offset: 0, size: 8)], argument: 8, reply: 8))
        for text in ["led 1", "text:led 1", "hex:6c65642031"] {
            #expect(try codec.encode(["label": text]).argument == Array("led 1\0\0\0".utf8))
        }
        let sent = try codec.encode([:])
        #expect(try codec.decode(Array("a\0bcdefg".utf8), of: sent)[0].value == .text("a"))
        #expect(throws: FieldError.tooLong(field: "label", count: 9, size: 8)) {
            try codec.encode(["label": "123456789"])
        }
    }

    @Test func `errors name the field`() throws {
        let codec = try ArgumentCodec(sample)
        #expect(throws: FieldError.unknown("cols", known: ["rows", "delta", "mask", "tag"])) {
            try codec.encode(["cols": "1"])
        }
        for text in ["", "4o", "0x", "--1", "+1", " 1", "1.5", "٣"] {
            #expect(throws: FieldError.notANumber(field: "rows", text: text)) {
                try codec.encode(["rows": text])
            }
        }
        #expect(throws: FieldError.notHex(field: "tag", text: "abc")) { try codec.encode(["tag": "abc"]) }
        #expect(throws: FieldError.tooLong(field: "tag", count: 4, size: 3)) {
            try codec.encode(["tag": "01020304"])
        }
        let sent = try codec.encode([:])
        #expect(throws: FieldError.wrongReplySize(4, expected: 16)) {
            try codec.decode([1, 0, 0, 0], of: sent)
        }
    }

    @Test func `a command of the gateway takes and gives a document`() throws {
        let command = CommandDescription(
            name: "policy.show", code: 1, engine: "gateway", effect: "read", argumentSize: Limits.payload,
            replySize: 0, fields: [], constraints: [], summary: "")
        let codec = try ArgumentCodec(command)
        let sent = try codec.encode(["document": "{}"])
        #expect(sent.argument == Array("{}".utf8) && sent.replySize == Limits.payload)
        #expect(
            try codec.decode(Array("[]".utf8), of: sent) == [
                DecodedField(name: "document", value: .text("[]"))
            ])
        #expect(throws: FieldError.unknown("x", known: ["document"])) { try codec.encode(["x": "1"]) }
    }
}
