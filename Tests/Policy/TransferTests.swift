import RingPolicy
import RingProtocol
import Testing

@Suite("Reading, writing and syncing")
struct TransferTests {
    private typealias Fixture = PolicyFixture
    private let current = Entry.currentPosition

    private func read(_ count: Int) -> [UInt8] { ReadArgument.encode(count: count) }

    @Test("A read may ask for as much as its rule says, and no more")
    func readLengths() throws {
        let grant = try Fixture.grant(Fixture.rule(read: TransferRights(maxLength: 4096)))
        let authorized = try grant.decide(.read, read(4096), offset: current)
        #expect(authorized.action == .read && authorized.transport == .ring && authorized.replySize == 4096)
        #expect(authorized.argument.isEmpty && authorized.blockSize == 0 && authorized.offset == .max)
        #expect(try grant.refusal(.read, read(1)) == nil)
        #expect(
            try grant.refusal(.read, read(4097))
                == Refusal(.constraint, rule: "rule", "reading is allowed for at most 4096 bytes"))
    }

    @Test("A read has one shape")
    func readShape() throws {
        let grant = try Fixture.grant(Fixture.rule(read: TransferRights(maxLength: .max)))
        #expect(try grant.refusal(.read, read(Limits.payload)) == nil)
        for argument in [
            read(0), read(Limits.payload + 1), read(.init(UInt32.max)), [], [1, 0, 0, 0, 0, 0, 0],
        ] {
            #expect(try grant.refusal(.read, argument)?.reason == .shape)
        }
        #expect(try grant.refusal(.read, read(1).with(UInt8(1), at: 7))?.reason == .shape)
        #expect(try grant.refusal(.read, code: 1, read(1))?.reason == .shape)
    }

    @Test("A write hands over its bytes, within its rule's length")
    func writeLengths() throws {
        let grant = try Fixture.grant(Fixture.rule(write: TransferRights(maxLength: 4)))
        let authorized = try grant.decide(.write, [1, 2, 3, 4], offset: 9)
        #expect(
            authorized.action == .write && authorized.argument == [1, 2, 3, 4] && authorized.blockSize == 4)
        #expect(authorized.replySize == 0 && authorized.offset == 9)
        #expect(try grant.refusal(.write, .zeros(5))?.reason == .constraint)
        #expect(try grant.refusal(.write, [])?.reason == .shape)
        #expect(try grant.refusal(.write, code: 1, [1])?.reason == .shape)
    }

    @Test("A window bounds positions, at its edges, where the sum wraps, and without a position")
    func windows() throws {
        let rights = TransferRights(maxLength: 100, window: 1000..<2000)
        let grant = try Fixture.grant(Fixture.rule(read: rights, write: rights))
        let cases: [(offset: UInt64, count: Int, passes: Bool)] = [
            (1000, 100, true), (999, 1, false), (1900, 100, true), (1901, 100, false), (1999, 1, true),
            (2000, 1, false), (.max, 1, false), (.max - 50, 100, false), (0, 1, false),
        ]
        for (offset, count, passes) in cases {
            let ofRead = try grant.refusal(.read, read(count), offset: offset)
            let ofWrite = try grant.refusal(.write, .zeros(count), offset: offset)
            #expect((ofRead == nil) == passes && (ofWrite == nil) == passes, "\(count) at \(offset)")
            if !passes {
                let bound = "allowed for at most 100 bytes, positions [1000, 2000)"
                #expect(ofRead == Refusal(.constraint, rule: "rule", "reading is \(bound)"))
                #expect(ofWrite == Refusal(.constraint, rule: "rule", "writing is \(bound)"))
            }
        }
    }

    @Test("One rule that allows a transfer is enough")
    func union() throws {
        let grant = try Fixture.grant(
            Fixture.rule("low", read: TransferRights(maxLength: 10, window: 0..<10)),
            Fixture.rule("high", read: TransferRights(maxLength: 10, window: 90..<100)))
        #expect(try grant.refusal(.read, read(10), offset: 0) == nil)
        #expect(try grant.refusal(.read, read(10), offset: 90) == nil)
        #expect(try grant.refusal(.read, read(10), offset: 50)?.rule == "low")
    }

    @Test("Reading does not allow writing, nor either the other way, nor does a command")
    func separate() throws {
        let reader = try Fixture.grant(Fixture.rule(read: TransferRights(maxLength: 10)))
        #expect(try reader.refusal(.write, [1]) == Refusal(.noRule, "no rule allows writing `board`"))
        #expect(try reader.refusal(.sync) == Refusal(.noRule, "no rule allows writing to `board`"))
        let writer = try Fixture.grant(Fixture.rule(write: TransferRights(maxLength: 10)))
        #expect(try writer.refusal(.read, read(1)) == Refusal(.noRule, "no rule allows reading `board`"))
        let commander = try Fixture.grant(Fixture.rule([Rule.Command(Fixture.nothing)]))
        #expect(try commander.refusal(.read, read(1))?.reason == .noRule)
        #expect(try writer.refusal(.command)?.reason == .noRule)
    }

    @Test("A sync needs the right to write, and nothing else")
    func sync() throws {
        let grant = try Fixture.grant(Fixture.rule(write: TransferRights(maxLength: 1)))
        #expect(try grant.decide(.sync).action == .sync)
        #expect(try grant.refusal(.sync, [1])?.reason == .shape)
        #expect(try grant.refusal(.sync, offset: 1)?.reason == .shape)
        #expect(try grant.refusal(.sync, code: 1)?.reason == .shape)
    }
}
