import RingPolicy
import RingProtocol
import Testing

@Suite("Ties between blocks")
struct TieTests {
    private typealias Fixture = NestedFixture
    private static let length = Fixture.u32("len", 0)
    private static let wanted = Field(name: "wanted", type: .bigEndian(bytes: 2), offset: 2)
    private static let blocks = [
        Block(elementSize: 24, fields: [length]),
        Block(
            path: "cdb", place: .pointer(at: 8, isNullable: true), elementSize: nil,
            amount: .field(Fixture.u8("n", 4)),
            maximum: 6, fields: [Fixture.u16("op", 0), wanted]),
        Block(
            path: "data", place: .pointer(at: 16, isNullable: true), direction: .fixed(.output),
            elementSize: nil,
            amount: .field(length), maximum: 4096),
    ]

    private func grant() throws -> Grant {
        var blocks = Self.blocks
        blocks[0] = Block(elementSize: 24, fields: [Self.length, Fixture.u8("n", 4)])
        let sum = try #require(Linear([.init(Self.wanted, times: 2)], plus: 4))
        let tie = Condition(Self.length, in: blocks, index: 0, is: sum, of: 1)
        #expect(tie.words == "len = 2*cdb.wanted + 4")
        let shape = CommandShape(
            name: "SCSI", pattern: CodePattern(SubOpcode(0x2285)), transport: .call, effect: .read,
            placement: .pointer, blocks: blocks, ties: [tie])
        #expect(shape.flaw == nil)
        let profile = Profile(name: "p", summary: "", commands: [shape])
        let device = Device(name: "board", path: "/x", kind: .character, access: .readOnly, profile: profile)
        return try Fixture.grant(FileRights(commands: [.init(shape)]), device: device)
    }

    private func argument(length: UInt32, cdb: [UInt8]) -> [UInt8] {
        let header = [UInt8].zeros(24).with(length, at: 0).with(UInt8(cdb.count), at: 4)
        return header.with(UInt8(cdb.isEmpty ? 0 : 1), at: 8).with(UInt8(1), at: 16) + cdb
    }

    @Test(
        "A length that is not what the other block says is refused, and so is one with nothing to compare with"
    )
    func ties() throws {
        let grant = try grant()
        #expect(try grant.blocksRefusal(0x2285, argument(length: 24, cdb: [0, 0, 0, 10])) == nil)
        for length in [23, 25, 4096] as [UInt32] {
            let refusal = try grant.blocksRefusal(0x2285, argument(length: length, cdb: [0, 0, 0, 10]))
            #expect(refusal == Refusal(.shape, "SCSI needs len = 2*cdb.wanted + 4"))
        }
        #expect(try grant.blocksRefusal(0x2285, argument(length: 24, cdb: [0, 0]))?.reason == .shape)
        #expect(try grant.blocksRefusal(0x2285, argument(length: 4, cdb: []))?.reason == .shape)
    }

    @Test("A tie on what has no number never holds")
    func nothing() throws {
        let bytes = Field(name: "x", type: .bytes(4), offset: 0)
        let sum = try #require(Linear([], plus: 0))
        let shape = CommandShape(
            name: "C", pattern: CodePattern(SubOpcode(1)), transport: .call, effect: .read,
            placement: .pointer,
            blocks: [Block(elementSize: 4, fields: [bytes])],
            ties: [Condition(bytes, in: [Block(elementSize: 4, fields: [bytes])], index: 0, is: sum, of: 0)])
        let profile = Profile(name: "p", summary: "", commands: [shape])
        let device = Device(name: "board", path: "/x", kind: .character, access: .readOnly, profile: profile)
        let grant = try Fixture.grant(FileRights(commands: [.init(shape)]), device: device)
        #expect(try grant.blocksRefusal(1, .zeros(4))?.reason == .shape)
    }

    @Test("A shape with a flaw is refused rather than overrun")
    func flawed() throws {
        let outside = Block(
            path: "a", place: .inline(at: 4), elementSize: 4, maximum: 1, fields: [Fixture.u32("", 0)])
        let shape = CommandShape(
            name: "C", pattern: CodePattern(SubOpcode(1)), transport: .call, effect: .read,
            placement: .pointer,
            blocks: [Block(elementSize: 4), outside])
        let profile = Profile(name: "p", summary: "", commands: [shape])
        let device = Device(name: "board", path: "/x", kind: .character, access: .readOnly, profile: profile)
        let grant = try Fixture.grant(FileRights(commands: [.init(shape)]), device: device)
        #expect(try grant.blocksRefusal(1, .zeros(4))?.text == "C: a does not fit into its struct")
    }

    @Test("A redacted struct without descriptors has no offset")
    func redacted() throws {
        let secret = Field(name: "secret", type: .unsigned(bytes: 4), offset: 0, isRedacted: true)
        let shape = CommandShape(
            name: "GET", pattern: CodePattern(SubOpcode(1)), transport: .call, effect: .read,
            placement: .pointer,
            direction: .output, blocks: [Block(direction: .fixed(.output), elementSize: 8, fields: [secret])])
        let profile = Profile(name: "p", summary: "", commands: [shape])
        let device = Device(name: "board", path: "/x", kind: .character, access: .readOnly, profile: profile)
        let grant = try Fixture.grant(FileRights(commands: [.init(shape)]), device: device)
        #expect(try grant.decideBlocks(1).redactions == [0..<4])
        #expect(try grant.blocksRefusal(1, offset: 3)?.text == "GET: a command has no offset")
    }

    @Test("The number of elements a condition can cost is known before")
    func costs() {
        let blocks = Fixture.transfer.blocks.indices
        #expect(blocks.map(Fixture.transfer.maximumElements) == [1, 130, 128])
        #expect(Fixture.request.maximumElements(of: 1) == 4)
        #expect(Fixture.transfer.extents.isEmpty)
    }
}
