import RingPolicy
import RingProtocol
import Testing

@Suite("Shapes of commands")
struct ShapeTests {
    private let word = Field(name: "a", type: .unsigned(bytes: 8), offset: 0)

    private func flaw(
        _ transport: Transport, _ placement: Placement, _ direction: Direction = .input, size: Int,
        _ fields: [Field] = [], extents: [Extent] = []
    ) -> String? {
        CommandShape(
            name: "C", code: SubOpcode(0x1234), transport: transport, effect: .read, placement: placement,
            direction: direction, size: size, fields: fields, extents: extents
        ).flaw
    }

    @Test("The shapes that can run have no flaw")
    func good() {
        for shape in PolicyFixture.profile.commands { #expect(shape.flaw == nil, "\(shape.name)") }
        #expect(flaw(.call, .pointer, .both, size: CommandShape.maximumSize) == nil)
        #expect(flaw(.ring, .sqeCommand, size: 16) == nil)
        #expect(flaw(.wideRing, .sqeCommand, size: 80) == nil)
        #expect(flaw(.wideRing, .sqeRange, size: 16) == nil)
    }

    @Test("A shape that no engine can run has a flaw")
    func placements() {
        let both = "a block needs both a placement and a size"
        #expect(flaw(.call, .none, size: 1) == both && flaw(.call, .pointer, size: 0) == both)
        let size = CommandShape.maximumSize + 1
        #expect(flaw(.call, .pointer, size: size) == "block of \(size) bytes; at most 16384")
        #expect(flaw(.ring, .pointer, size: 8) == "a pointer needs the engine `call`")
        let value = "a value is 8 bytes of input for the engine `call`"
        #expect(flaw(.ring, .value, size: 8) == value && flaw(.call, .value, size: 4) == value)
        #expect(flaw(.call, .value, .output, size: 8) == value)
        let range = "an sqe-range is 16 bytes of input for a ring engine"
        #expect(flaw(.call, .sqeRange, size: 16) == range && flaw(.ring, .sqeRange, size: 8) == range)
        #expect(flaw(.ring, .sqeRange, .both, size: 16) == range)
        let command = "an sqe-command is at most 16 bytes of input, 80 on the wide ring"
        #expect(
            flaw(.ring, .sqeCommand, size: 17) == command && flaw(.wideRing, .sqeCommand, size: 81) == command
        )
        #expect(flaw(.call, .sqeCommand, size: 8) == command)
        #expect(flaw(.ring, .sqeCommand, .output, size: 8) == command)
    }

    @Test("Fields lie in the block, apart, under names of their own")
    func fields() {
        func field(_ name: String, _ offset: Int, _ type: FieldType = .unsigned(bytes: 4)) -> Field {
            Field(name: name, type: type, offset: offset)
        }
        #expect(flaw(.call, .pointer, size: 8, [field("b", 4), field("a", 0)]) == nil)
        #expect(
            flaw(.call, .pointer, size: 8, [field("b", 3), field("a", 0)])
                == "field `a` overlaps the one before it")
        #expect(flaw(.call, .pointer, size: 8, [field("a", -1)]) == "field `a` lies outside the block")
        #expect(flaw(.call, .pointer, size: 8, [field("a", 5)]) == "field `a` lies outside the block")
        #expect(
            flaw(.call, .pointer, size: 8, [field("a", 0, .bytes(0))]) == "field `a` lies outside the block")
        let names = "two fields, blocks or extents have one name"
        #expect(flaw(.call, .pointer, size: 8, [field("a", 0), field("a", 4)]) == names)
        let extent = PolicyFixture.extent("a", word, word)
        #expect(flaw(.call, .pointer, size: 8, [word], extents: [extent]) == names)
    }

    @Test("A code that is never allowed as an ioctl may be a ring command")
    func nevers() {
        let ring = CommandShape(name: "OUTQ", code: SubOpcode(1), transport: .ring, effect: .read)
        let call = CommandShape(name: "OUTQ", code: SubOpcode(1), transport: .call, effect: .read)
        #expect(ring.flaw == nil && call.flaw == "FIBMAP is never allowed, so it cannot be described")
    }

    @Test("Types have one name, and the range of their width and sign")
    func types() {
        for name in ["u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64", "u16be", "u32be", "u64be"] {
            #expect(FieldType(named: name)?.name == name)
        }
        for name in ["", "u", "u7", "u+8", "u08", "u128", "i32", "bytes", "U8", "u8 ", "8"] {
            #expect(FieldType(named: name) == nil, "\(name)")
        }
        #expect(FieldType.unsigned(bytes: 8).range == 0...Int128(UInt64.max))
        #expect(FieldType.signed(bytes: 8).range == Int128(Int64.min)...Int128(Int64.max))
        #expect(FieldType.signed(bytes: 1).range == -128...127 && FieldType.bytes(4).range == nil)
        #expect(FieldType.bytes(19).size == 19 && FieldType.bytes(19).name == "bytes")
        #expect(!FieldType.bytes(8).isUnsigned && !FieldType.signed(bytes: 8).isUnsigned)
    }

    @Test("A profile finds its commands by name and by code")
    func lookup() {
        #expect(PolicyFixture.profile.command(named: "SET")?.code == SubOpcode(0x5414))
        #expect(PolicyFixture.profile.command(named: "set") == nil)
        #expect(PolicyFixture.profile.command(SubOpcode(0x1_5414)) == nil)
    }
}
