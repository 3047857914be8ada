import RingProtocol
import Testing

@testable import RingPolicy

/// Entries in the words of their profile, as the audit log has them.
@Suite("Descriptions of entries") struct EntryDescriptionTests {
    private func describe(
        _ entry: (WireBytes) -> Entry, _ argument: [UInt8] = [], by rules: [Rule],
        on device: Device = PolicyFixture.device
    ) throws -> EntryDescription {
        let snapshot = PolicySnapshot(
            revision: [UInt8](repeating: 0, count: 32), principals: [], devices: [device], rules: rules)
        let policy = snapshot.policy(for: PrincipalSet(names: ["agent"]), at: 0)
        let grant = try #require(policy.grant(onDevice: device.name))
        return argument.withUnsafeBytes { grant.describe(entry(WireBytes($0))) }
    }

    private func commandOf(_ code: UInt32) -> (WireBytes) -> Entry {
        { Entry(.command, requestID: RequestID(1), subOpcode: SubOpcode(code), argument: $0) }
    }

    @Test("A command has its name, effect, rule and the numbers of its fields")
    func command() throws {
        let range = [UInt8](repeating: 0, count: 7)
        let described = try describe(
            commandOf(0x1200), [5] + range + [9] + range,
            by: [
                PolicyFixture.rule("first", [.init(PolicyFixture.nothing)]),
                PolicyFixture.rule("second", [.init(PolicyFixture.discard)]),
            ])
        #expect(
            described.command == "DISCARD" && described.effect == .destructive && described.rule == "second")
        #expect(
            described.values.map(\.name) == ["start", "length"] && described.values.map(\.value) == [5, 9])
    }

    @Test("Transfers have no name; a write changes something, a read does not")
    func transfers() throws {
        let rule = PolicyFixture.rule(
            "rw", read: TransferRights(maxLength: 100), write: TransferRights(maxLength: 100))
        let write = try describe(
            { Entry(.write, requestID: RequestID(1), offset: Entry.currentPosition, argument: $0) }, [1, 2],
            by: [rule])
        #expect(write.command == nil && write.effect == .write && write.rule == "rw" && write.values.isEmpty)
        let read = try describe(
            { Entry(.read, requestID: RequestID(1), offset: Entry.currentPosition, argument: $0) },
            ReadArgument.encode(count: 5), by: [rule])
        #expect(read.effect == .read && read.rule == "rw")
    }

    @Test("Elements of arrays have their index, and no description has more than 32 values")
    func arrays() throws {
        let items = Block(
            path: "items", parent: 0, place: .inline(at: 0), direction: .fixed(.input), elementSize: 8,
            amount: .constant(40), maximum: 40,
            fields: [Field(name: "value", type: .unsigned(bytes: 8), offset: 0)])
        let shape = CommandShape(
            name: "MANY", pattern: CodePattern(SubOpcode(0x540b)), transport: .call, effect: .write,
            placement: .pointer,
            blocks: [Block(direction: .fixed(.input), elementSize: 320), items])
        #expect(shape.flaw == nil)
        let device = Device(
            name: "board", path: "/dev/board", kind: .character, access: .readWrite,
            profile: Profile(name: "many", summary: "", commands: [shape]))
        let argument = (0..<40).flatMap { [UInt8($0)] + [UInt8](repeating: 0, count: 7) }
        let described = try describe(
            commandOf(0x540b), argument, by: [PolicyFixture.rule("all", [.init(shape)])], on: device)
        #expect(described.values.count == EntryDescription.maximumValues)
        #expect(
            described.values.first?.name == "items.value[0]"
                && described.values.last?.name == "items.value[31]")
        #expect(described.values.map(\.value) == (0..<32).map { Int128($0) })
    }

    @Test("Limits that want each on record are not empty, and say so")
    func recording() {
        let limits = UseLimits(rate: 5).recordingEach
        #expect(limits.recordsEach && limits.rate == 5 && !UseLimits().recordingEach.isEmpty)
        #expect(!UseLimits(rate: 5).recordsEach && UseLimits().isEmpty)
    }
}
