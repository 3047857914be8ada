import RingPolicy
import RingProtocol
import Testing

@Suite("Files that commands give and take")
struct DescriptorTests {
    private typealias Fixture = NestedFixture
    private let request = [UInt8].zeros(32).with(UInt32(1), at: 16)

    @Test("A command that gives a file fills the slot its offset names, with what the rule allows on it")
    func gives() throws {
        let rights = FileRights(
            commands: [.init(Fixture.request), .init(Fixture.create)],
            handles: ["line": FileRights(commands: [.init(Fixture.set)], read: TransferRights(maxLength: 48))]
        )
        let grant = try Fixture.grant(rights)
        let authorized = try grant.decideBlocks(0xc020_b407, request, offset: 5)
        #expect(authorized.givenSlot == 5 && authorized.descriptorAt == 24)
        #expect(authorized.redactions == [20..<24] && authorized.replySize == 32)
        let created = try grant.decideBlocks(0xae01, offset: 9)
        #expect(created.givenSlot == 9 && created.descriptorAt == -1 && created.blocks.isEmpty)
        #expect(grant.handles.map(\.profile) == ["line"])
        let handle = grant.handles[0].grant
        #expect(handle.device.name == "board/line")
        #expect(try handle.refusal(.command, code: 0x4004_b40f, .zeros(4)) == nil)
        #expect(try handle.refusal(.read, ReadArgument.encode(count: 48)) == nil)
        #expect(try handle.refusal(.write, [1])?.reason == .noRule)
        #expect(grant.description.handles?.map(\.device) == ["board/line"])
    }

    @Test("A file that no rule says anything about can only be closed")
    func bare() throws {
        let handle = try Fixture.grant(Fixture.request).handles[0].grant
        #expect(try handle.refusal(.command, code: 0x4004_b40f, .zeros(4))?.reason == .noRule)
        #expect(try handle.refusal(.read, ReadArgument.encode(count: 1))?.reason == .noRule)
    }

    @Test("A number in a descriptor's place never reaches the kernel")
    func numbers() throws {
        let grant = try Fixture.grant(Fixture.request)
        for number in [1, 3, 1023, Int32.max, -1, Int32.min] {
            let refusal = try grant.blocksRefusal(0xc020_b407, request.with(number, at: 24))
            #expect(
                refusal
                    == Refusal(.shape, "REQUEST: fd is where the kernel puts a descriptor; it must be 0"))
        }
        for offset in [0x1_0000, UInt64.max] {
            let refusal = try grant.blocksRefusal(0xc020_b407, request, offset: offset)
            #expect(refusal?.text == "REQUEST: the offset is the slot to fill, not \(offset)")
        }
    }

    @Test("A command that takes a file takes one of the client's slots, of the right profile")
    func takes() throws {
        let grant = try Fixture.grant(Fixture.take)
        let slots: [UInt16: HeldSlot] = [
            3: HeldSlot(file: OpenFileID(40), profile: "line"),
            4: HeldSlot(file: OpenFileID(41), profile: "tty"),
        ]
        let argument = [UInt8].zeros(4)
        let authorized = try grant.decideBlocks(0x4004_7f03, argument.with(UInt32(3), at: 0), slots: slots)
        #expect(authorized.taken == OpenFileID(40) && authorized.descriptorAt == 0)
        let wrong = try grant.blocksRefusal(0x4004_7f03, argument.with(UInt32(4), at: 0), slots: slots)
        #expect(wrong == Refusal(.shape, "TAKE: slot 4 has profile `tty`; it needs `line`"))
        for number in [0, 5, 0x1_0003, UInt32.max] {
            let refusal = try grant.blocksRefusal(0x4004_7f03, argument.with(number, at: 0), slots: slots)
            #expect(refusal == Refusal(.slotNotOpen, "TAKE: \(number) is no slot that is open"))
        }
        let offset = try grant.blocksRefusal(
            0x4004_7f03, argument.with(UInt32(3), at: 0), offset: 1, slots: slots)
        #expect(offset?.text == "TAKE: a command has no offset")
    }

    @Test("A profile that gives itself ends, and one that is not there gives nothing")
    func depth() throws {
        let again = CommandShape(
            name: "AGAIN", pattern: CodePattern(SubOpcode(2)), transport: .call, effect: .read,
            result: .gives(profile: "again"))
        let profile = Profile(name: "again", summary: "", commands: [again])
        let device = Device(
            name: "board", path: "/x", kind: .character, access: .readOnly, profile: profile,
            observation: Observation(until: 10, includesWrites: false))
        let snapshot = PolicySnapshot(
            revision: [UInt8](repeating: 1, count: 32), principals: [], devices: [device], rules: [],
            profiles: [profile])
        let policy = snapshot.policy(for: PrincipalSet(names: ["agent"]), at: 0)
        var grant = try #require(policy.grant(onDevice: "board"))
        var depth = 0
        while let next = grant.handles.first?.grant { (grant, depth) = (next, depth + 1) }
        #expect(depth == 3)
        let refusal = try grant.blocksRefusal(2, offset: 1)
        #expect(refusal?.text == "AGAIN: the offset is the slot to fill, not 1")
    }
}
