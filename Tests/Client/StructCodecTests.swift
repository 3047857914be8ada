import RingClient
import RingProtocol
import Testing

struct StructCodecTests {
    private func command(_ fields: [FieldDescription], argument: Int, reply: Int) -> CommandDescription {
        CommandDescription(
            name: "C", code: 1, engine: "call", effect: "write", argumentSize: argument, replySize: reply,
            fields: fields, constraints: [], summary: "")
    }

    private var sample: CommandDescription {
        command(
            [
                FieldDescription(name: "rows", type: "u16", offset: 0, size: 2),
                FieldDescription(name: "delta", type: "s16", offset: 2, size: 2),
                FieldDescription(name: "mask", type: "u64", offset: 5, size: 8),
                FieldDescription(name: "tag", type: "bytes", offset: 13, size: 3),
            ], argument: 16, reply: 16)
    }

    @Test func `values land little-endian at their offsets and all else is zero`() throws {
        let codec = try StructCodec(sample)
        let block = try codec.encode([
            "rows": "40", "delta": "-2", "mask": "0xffffffffffffffff", "tag": "0a0b",
        ])
        #expect(block == [40, 0, 0xfe, 0xff, 0] + Array(repeating: 0xff, count: 8) + [0x0a, 0x0b, 0])
        #expect(try codec.encode([:]) == Array(repeating: 0, count: 16))
    }

    @Test func `decoding gives back what was encoded, in the order of the description`() throws {
        let codec = try StructCodec(sample)
        let block = try codec.encode(["delta": "-32768", "mask": "18446744073709551615", "rows": "0xFFFF"])
        #expect(try codec.decode(block).map(\.name) == ["rows", "delta", "mask", "tag"])
        #expect(
            try codec.decode(block).map(\.value) == [
                .unsigned(65535), .signed(-32768), .unsigned(.max), .bytes([0, 0, 0]),
            ])
    }

    @Test(arguments: ["u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64"])
    func `the ends of every integer type fit and one beyond does not`(type: String) throws {
        let bits = try #require(Int(type.dropFirst()))
        let field = FieldDescription(name: "x", type: type, offset: 0, size: bits / 8)
        let codec = try StructCodec(command([field], argument: bits / 8, reply: bits / 8))
        let greatest: UInt64 = type.hasPrefix("u") ? .max >> (64 - bits) : .max >> (65 - bits)
        let least = type.hasPrefix("u") ? "0" : String(Int64.min >> (64 - bits))
        for text in [least, String(greatest)] {
            #expect(try codec.decode(codec.encode(["x": text]))[0].value.description == text)
        }
        let beyond = greatest == .max ? "18446744073709551616" : String(greatest + 1)
        for text in [beyond, type.hasPrefix("u") ? "-1" : least + "0"] {
            let error = FieldError.outOfRange(
                field: "x", text: text, least: least, greatest: String(greatest))
            #expect(throws: error) { try codec.encode(["x": text]) }
        }
    }

    @Test func `errors name the field`() throws {
        let codec = try StructCodec(sample)
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
    }

    @Test func `a field behind the argument belongs to the reply alone`() throws {
        let codec = try StructCodec(
            command(
                [
                    FieldDescription(name: "index", type: "u32", offset: 0, size: 4),
                    FieldDescription(name: "value", type: "u32", offset: 4, size: 4),
                ], argument: 4, reply: 8))
        #expect(codec.argumentFields == ["index"])
        #expect(throws: FieldError.unknown("value", known: ["index"])) { try codec.encode(["value": "1"]) }
        #expect(try codec.decode([1, 0, 0, 0, 2, 0, 0, 0]).map(\.value) == [.unsigned(1), .unsigned(2)])
        #expect(throws: FieldError.wrongReplySize(4, expected: 8)) { try codec.decode([1, 0, 0, 0]) }
    }

    @Test(arguments: [
        ("u16", 0, 4), ("u32", 6, 4), ("bytes", 0, 9), ("bytes", -1, 2), ("u128", 0, 16), ("bytes", 0, 0),
        ("bytes", 2, Int.max),
    ])
    func `a description that makes no sense is an error, not a crash`(type: String, offset: Int, size: Int) {
        let field = FieldDescription(name: "x", type: type, offset: offset, size: size)
        #expect(throws: FieldError.badLayout(field: "x")) {
            try StructCodec(command([field], argument: 8, reply: 8))
        }
    }
}
