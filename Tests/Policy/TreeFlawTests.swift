import RingPolicy
import RingProtocol
import Testing

@Suite("Flaws of shapes with several blocks")
struct TreeFlawTests {
    private typealias Fixture = NestedFixture
    private let count = Fixture.u32("n", 0)

    private func shape(
        _ blocks: [Block], direction: Direction = .input, transport: Transport = .call,
        placement: Placement = .pointer, pattern: CodePattern = CodePattern(SubOpcode(0x1234)),
        selectors: [Condition] = [], result: ResultUse = .number
    ) -> CommandShape {
        CommandShape(
            name: "C", pattern: pattern, transport: transport, effect: .read, placement: placement,
            direction: direction, blocks: blocks, selectors: selectors, result: result)
    }

    private func root(_ fields: [Field] = [], size: Int? = 32, _ direction: Direction = .input) -> Block {
        Block(direction: .fixed(direction), elementSize: size, fields: fields)
    }

    private func bytes(
        _ path: String, at: Int, parent: Int = 0, _ amount: Amount = .constant(1), maximum: Int = 1
    ) -> Block {
        Block(
            path: path, parent: parent, place: .pointer(at: at, isNullable: false), elementSize: nil,
            amount: amount, maximum: maximum)
    }

    @Test("Everything the fixtures describe is without flaw")
    func good() {
        for shape in Fixture.profile.commands + [Fixture.set] { #expect(shape.flaw == nil, "\(shape.name)") }
    }

    @Test("The argument's own struct comes first, and its size by code needs a family")
    func roots() {
        #expect(shape([bytes("p", at: 0)]).flaw == "the first block is no root")
        #expect(shape([root([], size: 32, .both)]).flaw == "the first block is no root")
        let byCode = Block(elementSize: nil, amount: .codeSize(unit: 1), maximum: 64)
        #expect(shape([byCode]).flaw == "size `code` needs a code with `sizes`")
        let large = CodePattern(SubOpcode(0x1234), sizes: 1...65)
        #expect(shape([byCode], pattern: large).flaw == "size `code` needs a code with `sizes`")
        #expect(shape([byCode], pattern: CodePattern(SubOpcode(0x1234), sizes: 1...64)).flaw == nil)
        let fixed = shape([root()], pattern: CodePattern(SubOpcode(0x1234), sizes: 1...64))
        #expect(fixed.flaw == "a code with `sizes` has a struct of size `code`")
        let selector = Condition(count, .equals(1))
        #expect(
            shape([], placement: .none, selectors: [selector]).flaw
                == "without an argument nothing selects the command")
    }

    @Test("A family's code has zeros where it varies, and its bounds fit the bits")
    func patterns() {
        func flaw(_ pattern: CodePattern) -> String? { shape([root()], pattern: pattern).flaw }
        #expect(
            flaw(CodePattern(SubOpcode(0x1_1234), sizes: 1...2)) == "the code must have zeros where it varies"
        )
        #expect(
            flaw(CodePattern(SubOpcode(0x1234), numbers: 1...2)) == "the code must have zeros where it varies"
        )
        for (sizes, step) in [(0...4, 1), (1...16_384, 1), (1...4, 0)] {
            #expect(
                flaw(CodePattern(SubOpcode(0x1234), sizes: sizes, step: step))
                    == "sizes of a code are 1 to 16383, and step at least 1")
        }
        for numbers in [-1...4, 0...256] {
            #expect(
                flaw(CodePattern(SubOpcode(0x1200), numbers: numbers)) == "numbers of a code are 0 to 255")
        }
        #expect(
            flaw(CodePattern(SubOpcode(0x5400), numbers: 0x12...0x12))
                == "TIOCSTI is never allowed, so it cannot be described")
        let vectored = shape(
            [root()], transport: .wideRing, placement: .sqeCommand,
            pattern: CodePattern(SubOpcode(0xc048_4e81)))
        #expect(vectored.flaw == "NVME_URING_CMD_IO_VEC is never allowed, so it cannot be described")
    }

    @Test("Blocks have a holder from the client, lie inside it, and not too deep")
    func trees() {
        #expect(shape([root(), bytes("p", at: 0, parent: 1)]).flaw == "`p` has no holder")
        #expect(shape([root(), Block(path: "p", elementSize: 8)]).flaw == "`p` has no holder")
        #expect(
            shape([root([], size: 32, .output), bytes("p", at: 0)], direction: .output).flaw
                == "`p` needs a holder that comes from the client")
        #expect(shape([root(), bytes("p", at: 25)]).flaw == "field `p` lies outside the block")
        #expect(
            shape([root(), bytes("p", at: 0, maximum: 4), bytes("p.q", at: 0, parent: 1)]).flaw
                == "field `p.q` lies outside the block")
        func level(_ path: String, _ parent: Int) -> Block {
            Block(path: path, parent: parent, place: .pointer(at: 0, isNullable: false), elementSize: 8)
        }
        #expect(shape([root(), level("a", 0), level("a.b", 1)]).flaw == nil)
        #expect(
            shape([root(), level("a", 0), level("a.b", 1), level("a.b.c", 2)]).flaw
                == "`a.b.c` lies deeper than 3 levels")
        let many = (0..<32).map { bytes("p\($0)", at: $0 * 8) }
        #expect(shape([root([], size: 256)] + many).flaw == "more than 32 blocks")
    }

    @Test("Fields and blocks do not overlap, bits neither, and no name occurs twice")
    func overlaps() {
        #expect(shape([root([count]), bytes("p", at: 0)]).flaw == "field `n` overlaps the one before it")
        let word = { (name: String, bits: ClosedRange<Int>, type: FieldType) in
            Field(name: name, type: type, offset: 0, bits: bits)
        }
        let low = word("low", 0...15, .unsigned(bytes: 4))
        #expect(shape([root([low, word("high", 16...31, .unsigned(bytes: 4))])]).flaw == nil)
        #expect(
            shape([root([low, word("high", 15...31, .unsigned(bytes: 4))])]).flaw
                == "field `high` overlaps the one before it")
        #expect(shape([root([word("be", 0...7, .bigEndian(bytes: 4)), Fixture.u8("first", 0)])]).flaw == nil)
        let outside = "field `x` has bits outside its unsigned integer"
        #expect(shape([root([word("x", 0...32, .unsigned(bytes: 4))])]).flaw == outside)
        #expect(shape([root([word("x", 0...70, .unsigned(bytes: 8))])]).flaw == outside)
        #expect(shape([root([word("x", 0...1, .signed(bytes: 4))])]).flaw == outside)
        #expect(
            shape([root([count]), bytes("n", at: 8)]).flaw == "two fields, blocks or extents have one name")
    }

    @Test("Checks are on numbers from the client")
    func checks() {
        let checked = Field(name: "x", type: .unsigned(bytes: 4), offset: 0, checks: [.equals(1)])
        let text = "field `x` is not a number from the client, so it cannot be checked"
        #expect(shape([root([checked], size: 4, .output)], direction: .output).flaw == text)
        let bytes = Field(name: "x", type: .bytes(4), offset: 0, checks: [.equals(1)])
        #expect(shape([root([bytes])]).flaw == text)
        #expect(Condition(bytes, .equals(1)).words == "x = 1")
    }

    @Test("What counts a block, and what tells its direction, is a number beside it")
    func amounts() {
        let other = Fixture.u32("other", 4)
        #expect(
            shape([root([count]), bytes("p", at: 8, .field(other))]).flaw
                == "`p` is counted by an unsigned field of its holder")
        let signed = Field(name: "n", type: .signed(bytes: 4), offset: 0)
        #expect(
            shape([root([signed]), bytes("p", at: 8, .field(signed))]).flaw
                == "`p` is counted by an unsigned field of its holder")
        #expect(shape([root(), bytes("p", at: 8, .constant(2))]).flaw == "`p` has a count outside 1 to 1")
        #expect(
            shape([root(), bytes("p", at: 8, .codeSize(unit: 8))]).flaw
                == "`p` is counted by a code with `sizes` in steps of 8")
        #expect(shape([root(), bytes("p", at: 8, maximum: 0)]).flaw == "`p` has 1 to 1048576 bytes")
        #expect(
            shape([root(), bytes("p", at: 8, maximum: Limits.payload + 1)]).flaw
                == "`p` has 1 to 1048576 bytes")
        let told = Block(
            path: "p", place: .pointer(at: 8, isNullable: false),
            direction: .selected(by: other, mask: 1, input: 0, output: 1, none: nil), elementSize: 8)
        #expect(shape([root([count]), told]).flaw == "the direction of `p` is told by a field of its holder")
    }

    @Test("A command gives or takes one descriptor, in its own struct")
    func descriptors() {
        func field(_ use: DescriptorUse, _ type: FieldType = .signed(bytes: 4), at: Int = 0) -> Field {
            Field(name: "fd\(at)", type: type, offset: at, descriptor: use)
        }
        let gives = field(.gives(profile: "line")), takes = field(.takes(profile: "line"))
        #expect(shape([root([gives], size: 32, .both)], direction: .both).flaw == nil)
        #expect(shape([root([gives])]).flaw == "`fd0` gives a descriptor, so the block must come back")
        let number = [
            Field(name: "fd0", type: .signed(bytes: 4), offset: 0, descriptor: .gives(profile: "line"))
        ]
        #expect(
            shape([root(number, size: 8)], placement: .value).flaw
                == "`fd0` gives a descriptor, so the block must come back")
        #expect(
            shape([root([takes], size: 32, .output)], direction: .output).flaw
                == "`fd0` takes a descriptor, so the block must come from the client")
        #expect(
            shape([root([field(.takes(profile: "x"), .signed(bytes: 8))])]).flaw
                == "descriptor `fd0` has 4 bytes")
        let one = "a command gives or takes one descriptor, on the engine `call`"
        #expect(shape([root([takes, field(.takes(profile: "x"), at: 4)])]).flaw == one)
        #expect(shape([root([takes])], result: .gives(profile: "x")).flaw == one)
        #expect(shape([], transport: .ring, placement: .none, result: .gives(profile: "x")).flaw == one)
        let nested = Block(
            path: "p", place: .pointer(at: 8, isNullable: false), elementSize: 8, fields: [takes])
        #expect(shape([root(), nested]).flaw == "a descriptor lies in the argument's own struct")
    }

    @Test("A socket option has one pointer, where the ring's entry has it")
    func socketOption() {
        let length = Fixture.u32("optlen", 8)
        let option = root([Fixture.u32("level", 0), Fixture.u32("optname", 4), length], size: 24)
        let value = Block(
            path: "optval", place: .pointer(at: 16, isNullable: false), direction: .fixed(.output),
            elementSize: nil, amount: .field(length), maximum: 64)
        #expect(shape([option, value], transport: .ring, placement: .sqeSocketOption).flaw == nil)
        let words = "an sqe-socket-option is 24 bytes of input with one pointer at 16, for the engine `ring`"
        #expect(shape([option], transport: .ring, placement: .sqeSocketOption).flaw == words)
        #expect(shape([option, value], transport: .call, placement: .sqeSocketOption).flaw == words)
    }

    @Test("A sum has few terms of numbers, so that it cannot overflow")
    func sums() {
        let nine = [Linear.Term](repeating: .init(count), count: 9)
        #expect(Linear(nine) == nil && Linear([.init(count, times: 1 << 49)]) == nil)
        #expect(Linear([], plus: 1 << 49) == nil && Linear([], plus: 7) != nil)
    }
}
