import RingPolicy
import RingProtocol
import Testing

@Suite("Descriptions of nested commands")
struct NestedDescriptionTests {
    private typealias Fixture = NestedFixture

    private func described(_ shape: CommandShape) throws -> CommandDescription {
        let description = try Fixture.grant(shape).description
        return try #require(description.commands.first)
    }

    @Test("Blocks, directions, names and checks are told as the profile has them")
    func blocks() throws {
        let transfer = try described(Fixture.transfer)
        let blocks = try #require(transfer.blocks)
        #expect(blocks.map(\.path) == ["msgs", "msgs.buf"] && blocks.map(\.parent) == [0, 1])
        #expect(blocks[0].direction == "in" && blocks[0].elementSize == 16 && blocks[0].countField == "nmsgs")
        #expect(blocks[0].fields[1].flags == ["RD": 1, "TEN": 0x10])
        #expect(blocks[0].fields[1].checks == ["msgs.flags only bits RD|TEN"])
        #expect(blocks[1].direction == nil && blocks[1].nullable && blocks[1].elementSize == nil)
        #expect(
            blocks[1].selects == .init(field: "flags", mask: 0x11, input: 0, output: 1, none: 0x10))
    }

    @Test("Families, selectors, files given and taken, and times")
    func rest() throws {
        let family = try described(Fixture.family)
        #expect(family.codes == .init(sizes: [8, 256], step: 8, numbers: [6, 7]) && family.replySize == 256)
        #expect(try described(Fixture.identify).selectors == [.init(field: "opcode", value: 6)])
        let request = try described(Fixture.request)
        #expect(request.gives == "line" && request.fields.last?.gives == "line")
        #expect(request.blocks?.first?.place == "inline" && request.blocks?.first?.maximum == 4)
        #expect(try described(Fixture.take).fields.first?.takes == "line")
        #expect(try described(Fixture.create).gives == "line")
    }

    @Test("Enumerations, constants, code-sized arrays, bits and times are told too")
    func more() throws {
        let mode = Field(
            name: "mode", type: .unsigned(bytes: 1), offset: 0, bits: 0...3,
            names: ValueNames(.values, [.init("SLOW", 0), .init("FAST", 1)]), checks: [.oneOf([0, 1])])
        let shape = CommandShape(
            name: "SET", pattern: CodePattern(SubOpcode(0x4000_6b00), sizes: 8...64, step: 8),
            transport: .call,
            effect: .write, placement: .pointer,
            blocks: [
                Block(elementSize: nil, amount: .codeSize(unit: 1), maximum: 64),
                Block(
                    path: "items", place: .inline(at: 0), elementSize: 8, amount: .codeSize(unit: 8),
                    maximum: 8,
                    fields: [mode]),
            ], timeout: 50)
        #expect(shape.flaw == nil)
        let profile = Profile(name: "p", summary: "", commands: [shape, Fixture.create])
        let device = Device(name: "board", path: "/x", kind: .character, access: .readOnly, profile: profile)
        let test = Condition(mode, .equals(1), in: shape.blocks[1], index: 1)
        let rights = FileRights(
            commands: [.init(shape, where: [test])], write: TransferRights(maxLength: 5, window: 1..<9))
        let description = try Fixture.grant(rights, device: device).description
        let command = try #require(description.commands.first)
        let field = try #require(command.blocks?.first?.fields.first)
        #expect(field.values == ["SLOW": 0, "FAST": 1] && field.bits == [0, 3])
        #expect(field.checks == ["items.mode in [SLOW, FAST]"] && command.timeout == 50)
        #expect(command.blocks?.first?.countCodeUnit == 8 && command.constraints == [["items.mode = FAST"]])
        #expect(description.write == .init(maxLength: 5, window: [1, 9]))
    }

    @Test("Sums and flags read as people would write them")
    func words() throws {
        let low = Fixture.u16("low", 0), high = Fixture.u16("high", 2)
        let sum = try #require(Linear([.init(low), .init(high, times: 65536)], plus: 1))
        let whole = Fixture.u32("whole", 4)
        #expect(Condition(whole, .sum(sum)).words == "whole = low + 65536*high + 1")
        let constant = try #require(Linear([], plus: 0))
        #expect(Condition(whole, .sum(constant)).words == "whole = 0")
        #expect(Condition(Fixture.flags, .equals(0)).words == "flags = 0")
        #expect(Condition(Fixture.flags, .equals(0x31)).words == "flags = RD|TEN|0x20")
        #expect(Condition(Fixture.flags, .oneOf([1, 2])).words == "flags in [RD, 0x2]")
        #expect(
            FieldType.text(9).name == "text" && FieldType.text(9).range == nil && FieldType.text(9).size == 9)
        #expect(Transport.wideRing.word == "ring-wide")
        #expect(DeviceIdentity().isEmpty && !DeviceIdentity(major: 1).isEmpty)
    }

    @Test("A window may be on sums, and is never met by what lies outside the bytes given")
    func windows() throws {
        let start = try #require(
            Linear([.init(Fixture.u32("low", 0)), .init(Fixture.u32("high", 4), times: 1 << 32)]))
        let length = try #require(Linear([.init(Fixture.u16("nlb", 8))], plus: 1))
        let window = Condition(Extent(name: "lba", start: start, length: length), within: 100..<200)
        let shape = CommandShape(
            name: "READ", code: SubOpcode(9), transport: .call, effect: .read, placement: .pointer, size: 16,
            fields: [Fixture.u32("low", 0), Fixture.u32("high", 4), Fixture.u16("nlb", 8)])
        let profile = Profile(name: "p", summary: "", commands: [shape])
        let device = Device(name: "board", path: "/x", kind: .character, access: .readOnly, profile: profile)
        let grant = try Fixture.grant(FileRights(commands: [.init(shape, where: [window])]), device: device)
        let argument = [UInt8].zeros(16)
        for (low, high, nlb, fits) in [
            (100, 0, 0, true), (199, 0, 0, true), (199, 0, 1, false), (100, 0, 99, true),
            (100, 0, 100, false),
            (99, 0, 0, false), (150, 1, 0, false), (UInt32.max, UInt32.max, UInt16.max, false),
        ] as [(UInt32, UInt32, UInt16, Bool)] {
            let block = argument.with(low, at: 0).with(high, at: 4).with(nlb, at: 8)
            #expect((try grant.refusal(.command, code: 9, block) == nil) == fits)
        }
    }
}
