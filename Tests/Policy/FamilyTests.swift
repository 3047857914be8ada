import RingPolicy
import RingProtocol
import Testing

@Suite("Families of codes, and commands under one code")
struct FamilyTests {
    private typealias Fixture = NestedFixture

    @Test("A family has the codes it describes and no neighbour of theirs")
    func family() throws {
        let grant = try Fixture.grant(Fixture.family, Fixture.transfer)
        let codes = Array(Fixture.family.pattern.allCodes)
        #expect(
            codes.count == 64 && codes.contains(SubOpcode(0x8008_4506))
                && codes.contains(SubOpcode(0x8100_4507)))
        for code in codes {
            let authorized = try grant.decideBlocks(code.code)
            #expect(authorized.replySize == code.encodedSize && authorized.blockSize == code.encodedSize)
        }
        for code: UInt32 in [
            0x8008_4505, 0x8008_4508, 0x8000_4506, 0x8009_4506, 0x8108_4506, 0xc008_4506, 0x8008_4606,
        ] {
            #expect(try grant.blocksRefusal(code)?.reason == .noRule, "\(code)")
            #expect(!grant.covers(SubOpcode(code)))
        }
        #expect(grant.countCovered(0x8000_4500...0x8100_45ff) == 64)
        #expect(
            try grant.blocksRefusal(0x8008_4506, [0])?.text == "NAME: takes 0 bytes of argument here, not 1")
    }

    @Test("Patterns that share a code overlap")
    func overlaps() {
        let family = Fixture.family.pattern
        #expect(family.overlaps(CodePattern(SubOpcode(0x8010_4507))))
        #expect(CodePattern(SubOpcode(0x8010_4507)).overlaps(family))
        #expect(!family.overlaps(CodePattern(SubOpcode(0x8011_4507))))
        #expect(family.overlaps(CodePattern(SubOpcode(0x8000_4507), sizes: 256...300)))
        #expect(!family.overlaps(CodePattern(SubOpcode(0x8000_4507), sizes: 257...300)))
        #expect(!family.overlaps(CodePattern(SubOpcode(0x8018_4500), numbers: 0...5)))
        #expect(CodePattern(SubOpcode(0x8018_4500), numbers: 0...255).overlaps(family))
    }

    @Test("The argument says which command of a code is meant; each needs a rule of its own")
    func variants() throws {
        let grant = try Fixture.grant(Fixture.identify, Fixture.flush)
        let argument = [UInt8].zeros(8)
        #expect(try grant.blocksRefusal(0xc048_4e41, argument.with(UInt8(6), at: 0)) == nil)
        #expect(try grant.blocksRefusal(0xc048_4e41, argument) == nil)
        let format = try grant.blocksRefusal(0xc048_4e41, argument.with(UInt8(0x80), at: 0))
        #expect(
            format
                == Refusal(
                    .never, rule: "never/FORMAT",
                    "FORMAT (0xc0484e41) destroys, and no rule names it under `destructive`"))
        let unknown = try grant.blocksRefusal(0xc048_4e41, argument.with(UInt8(7), at: 0))
        #expect(
            unknown
                == Refusal(.noRule, "profile `nested` describes no sub-opcode 0xc0484e41 with this argument"))
        let one = try Fixture.grant(Fixture.identify)
        #expect(
            try one.blocksRefusal(0xc048_4e41, argument)
                == Refusal(.noRule, "no rule allows FLUSH (0xc0484e41) on `board`"))
        #expect(try one.blocksRefusal(0xc048_4e41, [6])?.reason == .shape)
        #expect(
            try one.blocksRefusal(0xc048_4e41, argument.with(UInt8(6), at: 0).with(UInt8(1), at: 1))?.reason
                == .shape)
        let named = try Fixture.grant(Fixture.format)
        #expect(try named.blocksRefusal(0xc048_4e41, argument.with(UInt8(0x80), at: 0)) == nil)
    }

    @Test("A selector may lie in a block behind a pointer, as a SCSI command's operation does")
    func nestedSelector() throws {
        let length = Fixture.u8("cmd_len", 0)
        let operation = Fixture.u8("op", 0)
        func command(_ name: String, _ code: UInt8) -> CommandShape {
            let bytes = Block(
                path: "cdb", place: .pointer(at: 8, isNullable: false), elementSize: nil,
                amount: .field(length),
                maximum: 16, fields: [operation, Field(name: "rest", type: .bytes(15), offset: 1)])
            return CommandShape(
                name: name, pattern: CodePattern(SubOpcode(0x2285)), transport: .call, effect: .read,
                placement: .pointer, blocks: [Block(elementSize: 16, fields: [length]), bytes],
                selectors: [Condition(operation, .equals(Int128(code)), in: bytes, index: 1)])
        }
        let inquiry = command("INQUIRY", 0x12), write = command("WRITE", 0x2a)
        let profile = Profile(name: "scsi", summary: "", commands: [inquiry, write])
        let device = Device(name: "board", path: "/x", kind: .character, access: .readOnly, profile: profile)
        let grant = try Fixture.grant(FileRights(commands: [.init(inquiry)]), device: device)
        let header = [UInt8].zeros(16).with(UInt8(6), at: 0).with(UInt8(1), at: 8)
        #expect(inquiry.flaw == nil)
        #expect(try grant.blocksRefusal(0x2285, header + [0x12, 0, 0, 0, 36, 0]) == nil)
        let denied = try grant.blocksRefusal(0x2285, header + [0x2a, 0, 0, 0, 0, 0])
        #expect(denied == Refusal(.noRule, "no rule allows WRITE (0x2285) on `board`"))
        #expect(try grant.blocksRefusal(0x2285, header + [0x12])?.reason == .shape)
        #expect(try grant.blocksRefusal(0x2285, header + [0x99, 0, 0, 0, 0, 0])?.reason == .noRule)
    }

    @Test(
        "What is granted to nobody is denied by its name, also where the argument is laid out in another way")
    func differentLayouts() throws {
        let operation = Fixture.u8("op", 0)
        func command(_ name: String, _ code: UInt8, _ direction: Direction) -> CommandShape {
            let data = Block(
                path: "data", place: .pointer(at: 0, isNullable: false), direction: .fixed(direction),
                elementSize: nil, amount: .constant(4), maximum: 4)
            let bytes = Block(
                path: "cdb", place: .pointer(at: 8, isNullable: false), elementSize: 2, fields: [operation])
            return CommandShape(
                name: name, pattern: CodePattern(SubOpcode(0x2285)), transport: .call, effect: .read,
                placement: .pointer, blocks: [Block(elementSize: 16), data, bytes],
                selectors: [Condition(operation, .equals(Int128(code)), in: bytes, index: 2)])
        }
        let read = command("READ", 0x28, .output), write = command("WRITE", 0x2a, .input)
        let profile = Profile(name: "scsi", summary: "", commands: [read, write])
        let device = Device(name: "board", path: "/x", kind: .character, access: .readOnly, profile: profile)
        let grant = try Fixture.grant(FileRights(commands: [.init(read)]), device: device)
        let header = [UInt8].zeros(16).with(UInt8(1), at: 0).with(UInt8(1), at: 8)
        #expect(try grant.blocksRefusal(0x2285, header + [0x28, 0]) == nil)
        #expect(
            try grant.blocksRefusal(0x2285, header + [1, 2, 3, 4, 0x2a, 0])
                == Refusal(.noRule, "no rule allows WRITE (0x2285) on `board`"))
        #expect(try grant.blocksRefusal(0x2285, header + [1, 2, 3, 4, 0x2b, 0])?.reason == .shape)
        #expect(try grant.blocksRefusal(0x2285, header + [0x28])?.reason == .shape)
    }
}
