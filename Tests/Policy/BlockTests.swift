import RingPolicy
import RingProtocol
import Testing

@Suite("Arguments of several blocks")
struct BlockTests {
    private typealias Fixture = NestedFixture

    private func text(_ argument: [UInt8]) throws -> String? {
        let refusal = try Fixture.grant(Fixture.transfer).blocksRefusal(0x0707, argument)
        if let refusal { #expect(refusal.reason == .shape && refusal.rule == "") }
        return refusal?.text
    }

    @Test("Blocks follow depth first, and each knows its holder, its bytes and its reply")
    func spans() throws {
        let argument = Fixture.transfer((0x50, 0, 3, 1), (0x50, 1, 5, 1), (0x51, 0, 0, 0))
        let authorized = try Fixture.grant(Fixture.transfer).decideBlocks(0x0707, argument)
        let block = AuthorizedBlocks.Block.init
        #expect(
            authorized.blocks == [
                block(0, false, 0, 0, 16, 0, -1), block(1, false, 0, 0, 48, 16, -1),
                block(2, false, 1, 8, 3, 64, -1), block(2, false, 1, 24, 5, -1, 0),
            ])
        #expect(authorized.blockSize == 16 && authorized.replySize == 5)
    }

    @Test("In place of an address only 0 and 1 are taken, whatever an attacker puts there")
    func pointers() throws {
        let good = Fixture.transfer((0x50, 0, 2, 1))
        #expect(try text(good) == nil)
        for value in [2, 3, 0x1000, UInt64(UInt32.max), 1 << 31, 1 << 32, 1 << 63, .max, .max - 1] {
            let words = "TRANSFER: msgs is 0 for none or 1 for a block, never an address"
            #expect(try text(good.with(value, at: 0)) == words)
            let inner = "TRANSFER: msgs.buf is 0 for none or 1 for a block, never an address"
            #expect(try text(good.with(value, at: 24)) == inner)
        }
    }

    @Test("Lengths and counts at 0, 1, their bound, beyond it and at the ends of their width")
    func lengths() throws {
        let good = Fixture.transfer((0x50, 0, 2, 1))
        for count in [131, 1 << 31, UInt32.max] {
            #expect(try text(good.with(count, at: 8)) == "TRANSFER: \(count) elements of msgs; at most 130")
        }
        let none = "TRANSFER: there is no msgs here, so it and its length must be 0"
        #expect(try text(good.with(UInt32(0), at: 8)) == none)
        let empty = good.with(UInt32(0), at: 8).with(UInt8(0), at: 0)
        #expect(try text(Array(empty.prefix(16))) == "TRANSFER: msgs must not be empty")
        let missing = "TRANSFER: msgs is missing; put 1 in its place and its bytes behind"
        #expect(try text(Array(good.with(UInt8(0), at: 0).prefix(16))) == missing)
        #expect(
            try text(good.with(UInt16(0xffff), at: 20)) == "TRANSFER: 65535 bytes of msgs.buf; at most 60000")
        let short = "TRANSFER: the argument ends at 34, inside msgs.buf, which ends at 35"
        #expect(try text(good.with(UInt16(3), at: 20)) == short)
        #expect(try text(good.with(UInt16(1), at: 20)) == "TRANSFER: takes 33 bytes of argument here, not 34")
        #expect(try text(good + [0]) == "TRANSFER: takes 34 bytes of argument here, not 35")
        #expect(
            try text(Array(good.prefix(15)))
                == "TRANSFER: the argument ends at 15, inside its struct, which ends at 16")
        #expect(
            try text(Array(good.prefix(31)))
                == "TRANSFER: the argument ends at 31, inside msgs, which ends at 32")
    }

    @Test("A direction no profile knows, a block where none can be, and a null that may be")
    func directions() throws {
        let none = "TRANSFER: there is no msgs.buf here, so it and its length must be 0"
        #expect(try text(Fixture.transfer((0x50, 0x10, 0, 0))) == nil)
        #expect(try text(Fixture.transfer((0x50, 0x10, 2, 0))) == none)
        #expect(try text(Fixture.transfer((0x50, 0x10, 0, 1))) == none)
        #expect(
            try text(Fixture.transfer((0x50, 0x11, 2, 1)))
                == "TRANSFER: no field says which way msgs.buf goes")
        #expect(try text(Fixture.transfer((0x50, 1, 2, 0))) == nil)
        #expect(try text(Fixture.transfer((0x50, 0, 0, 1))) == none)
    }

    @Test("Reserved bytes of every element, and a field's own checks, hold whatever the rules say")
    func reserved() throws {
        let good = Fixture.transfer((0x50, 0, 1, 1), (0x50, 0, 1, 1))
        for position in [12, 15] {
            #expect(
                try text(good.with(UInt8(1), at: position)) == "TRANSFER: reserved bytes 12..<16 must be zero"
            )
        }
        for position in [22, 39] {
            let words = "TRANSFER: reserved bytes 6..<8 of msgs must be zero"
            #expect(try text(good.with(UInt8(1), at: position)) == words)
        }
        #expect(try text(good.with(UInt16(0x4000), at: 34)) == "TRANSFER needs msgs.flags only bits RD|TEN")
    }

    @Test("More blocks, larger ones and longer replies than there is room for are refused")
    func bounds() throws {
        var many = [UInt8].zeros(16).with(UInt8(1), at: 0).with(UInt32(127), at: 8)
        for _ in 0..<127 {
            many += [UInt8].zeros(16).with(UInt16(1), at: 2).with(UInt16(1), at: 4).with(UInt8(1), at: 8)
        }
        #expect(try text(many) == "TRANSFER: more than 128 blocks in one argument")
        let two = Fixture.transfer((0x50, 1, 20_000, 1), (0x50, 1, 20_000, 1))
        #expect(try text(two) == nil)
        let three = Fixture.transfer((0x50, 1, 20_000, 1), (0x50, 1, 20_000, 1), (0x50, 1, 20_000, 1))
        #expect(try text(three) == "TRANSFER: more than 2 blocks above 16384 bytes")
        let large = CommandShape(
            name: "LARGE", pattern: CodePattern(SubOpcode(1)), transport: .call, effect: .read,
            placement: .pointer, direction: .both,
            blocks: [
                Block(direction: .fixed(.both), elementSize: 16, fields: [Fixture.u32("n", 0)]),
                Block(
                    path: "out", place: .pointer(at: 8, isNullable: false), direction: .fixed(.output),
                    elementSize: nil, amount: .field(Fixture.u32("n", 0)), maximum: Limits.payload),
            ])
        let profile = Profile(name: "large", summary: "", commands: [large])
        let device = Device(name: "board", path: "/x", kind: .character, access: .readOnly, profile: profile)
        let grant = try Fixture.grant(FileRights(commands: [.init(large)]), device: device)
        let argument = [UInt8].zeros(16).with(UInt8(1), at: 8)
        let fits = try grant.decideBlocks(1, argument.with(UInt32(Limits.payload - 16), at: 0))
        #expect(fits.replySize == Limits.payload)
        let refusal = try grant.blocksRefusal(1, argument.with(UInt32(Limits.payload - 15), at: 0))
        #expect(refusal?.text == "LARGE: the reply would have more than 1048576 bytes")
    }

    @Test("What an array does not use must be zero")
    func arrays() throws {
        let grant = try Fixture.grant(Fixture.request)
        let two = [UInt8].zeros(32).with(UInt32(4), at: 0).with(UInt32(9), at: 4).with(UInt32(2), at: 16)
        #expect(try grant.blocksRefusal(0xc020_b407, two) == nil)
        let words = "REQUEST: elements of offsets from 2 on are not in use and must be zero"
        #expect(try grant.blocksRefusal(0xc020_b407, two.with(UInt32(1), at: 12))?.text == words)
        #expect(
            try grant.blocksRefusal(0xc020_b407, two.with(UInt32(5), at: 16))?.text
                == "REQUEST: 5 elements of offsets; at most 4")
    }

    @Test("Conditions on elements hold for every one of them, and lengths for every block")
    func conditions() throws {
        let shape = Fixture.transfer
        let conditions = [
            Condition(Fixture.address, .oneOf([0x50, 0x51]), in: shape.blocks[1], index: 1),
            Condition(lengthOf: shape.blocks[2], index: 2, atMost: 4),
        ]
        let grant = try Fixture.grant(shape, where: conditions)
        #expect(try grant.blocksRefusal(0x0707, Fixture.transfer((0x50, 0, 4, 1), (0x51, 1, 4, 1))) == nil)
        let address = try grant.blocksRefusal(0x0707, Fixture.transfer((0x50, 0, 1, 1), (0x52, 1, 4, 1)))
        #expect(address == Refusal(.constraint, rule: "rule", "TRANSFER needs msgs.addr in [80, 81]"))
        let both = try grant.blocksRefusal(0x0707, Fixture.transfer((0x50, 0, 5, 1), (0x52, 1, 4, 1)))
        #expect(both?.text == "TRANSFER needs msgs.addr in [80, 81] and msgs.buf at most 4 bytes")
        let onReply = Condition(Fixture.u8("x", 0), .equals(0), in: shape.blocks[2], index: 2)
        let never = try Fixture.grant(shape, where: [onReply])
        #expect(try never.blocksRefusal(0x0707, Fixture.transfer((0x50, 1, 4, 1)))?.reason == .constraint)
    }

    @Test("A command of blocks has no offset unless it gives a file")
    func offset() throws {
        let argument = Fixture.transfer((0x50, 0, 1, 1))
        let refusal = try Fixture.grant(Fixture.transfer).blocksRefusal(0x0707, argument, offset: 1)
        #expect(refusal?.text == "TRANSFER: a command has no offset")
    }

    @Test("Laying out one argument leaves nothing of the one before")
    func reuse() throws {
        let grant = try Fixture.grant(Fixture.transfer, Fixture.request)
        var layout = Layout()
        let request = [UInt8].zeros(32).with(UInt32(1), at: 16)
        #expect(try grant.decideBlocks(0xc020_b407, request, &layout).redactions == [20..<24])
        let authorized = try grant.decideBlocks(0x0707, Fixture.transfer((0x50, 0, 1, 1)), &layout)
        #expect(authorized.blocks.count == 3 && authorized.redactions == [] && authorized.descriptorAt == nil)
    }
}
