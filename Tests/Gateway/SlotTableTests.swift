import RingPolicy
import RingProtocol
import Testing

@testable import RingGateway

/// Slots without a kernel: with a file goes all that it gave, however deep and in whatever state.
@Suite struct SlotTableTests {
    private static func rights(_ policy: SitePolicy) -> PeerPolicy {
        policy.snapshot.policy(for: PrincipalSet(names: ["agent"]), at: 0)
    }

    private let kvm: Grant
    private let machine: Grant
    private let processor: Grant

    init() throws {
        kvm = try #require(Self.rights(Kvm.policy()).grant(onDevice: "kvm"))
        machine = try #require(kvm.handles.first?.grant)
        processor = try #require(machine.handles.first?.grant)
    }

    private func reserve(
        _ table: inout SlotTable, _ slot: UInt16, _ grant: Grant, owner: UInt16? = nil
    ) {
        table.reserve(
            FileSlot(slot), grant, device: 1, isMetered: false, meters: [], owner: owner.map(FileSlot.init))
    }

    /// Device in slot 0, open; its machines in 1 (open) and 2 (on its way); processors of slot 1 in 3 (open)
    /// and 4 (on its way); another device in 5.
    private func table() -> SlotTable {
        var table = SlotTable()
        table.create()
        reserve(&table, 0, kvm)
        _ = table.fill(FileSlot(0), OpenFileID(100))
        for slot in [UInt16(1), 2] { reserve(&table, slot, machine, owner: 0) }
        _ = table.fill(FileSlot(1), OpenFileID(101))
        for slot in [UInt16(3), 4] { reserve(&table, slot, processor, owner: 1) }
        _ = table.fill(FileSlot(3), OpenFileID(103))
        reserve(&table, 5, kvm)
        _ = table.fill(FileSlot(5), OpenFileID(105))
        return table
    }

    @Test func aCloseTakesWhatIsOpenAndCondemnsWhatIsComing() throws {
        var table = table()
        let closing = try table.beginClose(FileSlot(0))
        #expect(closing.first?.slot == FileSlot(0))
        #expect(Set(closing.map(\.file.index)) == [100, 101, 103])
        for slot in [UInt16(2), 4] {
            guard case .owner = table.fill(FileSlot(slot), OpenFileID(200)) else {
                Issue.record("slot \(slot) was filled although what gives its file is closed")
                continue
            }
        }
        for slot in UInt16(0)..<5 {
            #expect(throws: Refusal.self) { try table.open(FileSlot(slot)) }
            #expect(throws: Refusal.self) { try table.checkFree(FileSlot(slot)) }
            table.free(FileSlot(slot))
            try table.checkFree(FileSlot(slot))
        }
        #expect(try table.open(FileSlot(5)).file == OpenFileID(105))
    }

    @Test func nothingIsClosedTwice() throws {
        var table = table()
        #expect(try table.beginClose(FileSlot(1)).map(\.file.index) == [101, 103])
        #expect(try table.beginClose(FileSlot(0)).map(\.file.index) == [100])
        #expect(throws: Refusal.self) { try table.beginClose(FileSlot(0)) }
        #expect(table.end(FileSlot(0), .policyChanged).isEmpty)
        #expect(table.endAll().map(\.file.index) == [105])
    }

    @Test func aFreedSlotHasForgottenItsOwner() throws {
        var table = table()
        _ = try table.beginClose(FileSlot(1))
        table.free(FileSlot(3))
        reserve(&table, 3, kvm)
        _ = table.fill(FileSlot(3), OpenFileID(300))
        _ = try table.beginClose(FileSlot(0))
        #expect(try table.open(FileSlot(3)).file == OpenFileID(300))
    }

    @Test func aSlotSaysWhyItIsGoneUntilItIsUsedAgain() throws {
        var table = table()
        #expect(table.end(FileSlot(5), .disabled(device: "kvm", reason: "why")).count == 1)
        table.free(FileSlot(5))
        #expect(throws: Refusal(.unavailable, "`kvm` is disabled: why")) { try table.open(FileSlot(5)) }
        reserve(&table, 5, kvm)
        table.free(FileSlot(5))
        #expect(throws: Refusal(.slotNotOpen, "slot 5 is not open")) { try table.open(FileSlot(5)) }
    }

    @Test func onlyOpenSlotsOfTheSessionAreHeld() {
        var table = table()
        #expect(table.held(FileSlot(1))?.profile == "kvm-vm")
        #expect(table.held(FileSlot(2)) == nil)
        #expect(table.held(FileSlot(63)) == nil)
        #expect(table.held(FileSlot(.max)) == nil)
        reserve(&table, 9, kvm)
        _ = table.fill(FileSlot(9), .gateway)
        #expect(table.held(FileSlot(9)) == nil, "the gateway itself has no descriptor to give")
    }

    @Test func anotherPolicyIsFollowedDownToTheLastHandle() throws {
        var table = table()
        var meters = RuleMeters()
        let same = Self.rights(Kvm.policy(number: 2))
        #expect(table.regrant(by: same, &meters, now: 0).isEmpty)
        #expect(try table.open(FileSlot(3)).grant.takeUnretainedValue() !== processor)
        let withoutProcessors = Self.rights(Kvm.policy(number: 3, machine: [Kvm.check]))
        #expect(table.regrant(by: withoutProcessors, &meters, now: 0).map(\.file.index) == [103])
        guard case .policyChanged = table.fill(FileSlot(4), OpenFileID(104)) else {
            Issue.record("a processor came although the policy has none any more")
            return
        }
        let nothing = Self.rights(SitePolicy())
        #expect(Set(table.regrant(by: nothing, &meters, now: 0).map(\.file.index)) == [100, 101, 105])
    }
}
