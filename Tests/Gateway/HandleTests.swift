import Foundation
import RingPolicy
import RingProtocol
import TestSupport
import Testing

/// The virtual machines of /dev/kvm: a device gives a file, and that gives another.
enum Kvm {
    static let isThere = open("/dev/kvm", O_RDWR) >= 0

    static let createMachine = CommandShape(
        name: "KVM_CREATE_VM", pattern: CodePattern(SubOpcode(0xae01)), transport: .call, effect: .write,
        result: .gives(profile: "kvm-vm"))
    static let createProcessor = CommandShape(
        name: "KVM_CREATE_VCPU", pattern: CodePattern(SubOpcode(0xae41)), transport: .call, effect: .write,
        placement: .value,
        blocks: [Block(elementSize: 8, fields: [Field(name: "id", type: .unsigned(bytes: 8), offset: 0)])],
        result: .gives(profile: "kvm-vcpu"))
    static let version = CommandShape(
        name: "KVM_GET_API_VERSION", code: SubOpcode(0xae00), transport: .call, effect: .read)
    static let check = CommandShape(
        name: "KVM_CHECK_EXTENSION", code: SubOpcode(0xae03), transport: .call, effect: .read,
        placement: .value,
        size: 8, fields: [Field(name: "extension", type: .unsigned(bytes: 8), offset: 0)])
    static let state = CommandShape(
        name: "KVM_GET_MP_STATE", code: SubOpcode(0x8004_ae98), transport: .call, effect: .read,
        placement: .pointer, direction: .output, size: 4,
        fields: [Field(name: "mp_state", type: .unsigned(bytes: 4), offset: 0)])

    static let machine = Profile(name: "kvm-vm", summary: "", commands: [createProcessor, check])
    static let processor = Profile(name: "kvm-vcpu", summary: "", commands: [state])
    static let device = Device(
        name: "kvm", path: "/dev/kvm", kind: .character, access: .readWrite,
        profile: Profile(name: "kvm", summary: "", commands: [version, createMachine]))

    static func policy(
        number: UInt8 = 1, device commands: [CommandShape] = [version, createMachine],
        machine: [CommandShape] = [createProcessor, check]
    ) -> SitePolicy {
        var policy = SitePolicy(number: number)
        policy.devices.append(device)
        policy.profiles = [Self.machine, processor]
        let vcpu = FileRights(commands: [FileRights.Command(state)])
        let vm = FileRights(
            commands: machine.map { FileRights.Command($0) }, handles: ["kvm-vcpu": vcpu])
        policy.rules.append(
            SitePolicy.rule("kvm", on: "kvm", commands, handles: ["kvm-vm": vm, "kvm-vcpu": vcpu]))
        return policy
    }

    static let zero = [UInt8](repeating: 0, count: 8)
}

/// Files that commands give: only what a slot holds can be used, and with a slot goes what it gave.
@Suite(.enabled(if: Kvm.isThere, "needs /dev/kvm"))
struct HandleTests {
    /// A client with `kvm` in slot 0, its machine in slot 1 and that one's processor in slot 2.
    private func machine(_ site: Site) throws -> RawClient {
        let client = try site.greeted()
        try client.submit([.open("kvm", slot: 0, id: 1)])
        try expectResult(0, client)
        try client.submit([RawEntry(.command, id: 2, slot: 0, code: 0xae01, offset: 1)])
        try expectResult(1, client)
        try client.submit([
            RawEntry(.command, id: 3, slot: 1, code: 0xae41, offset: 2, argument: Kvm.zero)
        ])
        try expectResult(2, client)
        return client
    }

    /// In place of the descriptor stands the slot.
    private func expectResult(_ result: Int32, _ client: RawClient) throws {
        let completion = try client.completions(1)[0]
        #expect(completion.header.result == result, "\(completion.refusal?.text ?? "")")
    }

    @Test func aGivenFileIsUsedUnderItsOwnRights() throws {
        let site = try Site(Kvm.policy())
        let client = try machine(site)
        try client.submit([
            RawEntry(.command, id: 10, slot: 1, code: 0xae03, argument: Kvm.zero),
            RawEntry(.command, id: 11, slot: 2, code: 0x8004_ae98),
            RawEntry(.command, id: 12, slot: 1, code: 0xae00),
            RawEntry(.command, id: 13, slot: 0, code: 0xae41),
        ])
        let answers = Dictionary(
            uniqueKeysWithValues: try client.completions(4).map { ($0.header.requestID.value, $0) })
        #expect(answers[10]?.refusal == nil)
        #expect(answers[11]?.payload.count == 4)
        #expect(answers[12]?.refusal?.reason == .noRule, "what the device may do, its machine may not")
        #expect(answers[13]?.refusal?.reason == .noRule)
        #expect(site.gateway.engineCounters.openFiles == 3)
    }

    @Test func aSlotIsFilledOnlyWhenItIsFree() throws {
        let site = try Site(Kvm.policy())
        let client = try machine(site)
        let calls = site.gateway.engineCounters.submittedCalls
        try client.submit([
            RawEntry(.command, id: 10, slot: 0, code: 0xae01, offset: 0),
            RawEntry(.command, id: 11, slot: 0, code: 0xae01, offset: 2),
            RawEntry(.command, id: 12, slot: 0, code: 0xae01, offset: 64),
            RawEntry(.command, id: 13, slot: 0, code: 0xae01, offset: 65_536),
            .open("null", slot: 1, id: 14),
        ])
        let reasons = try client.completions(5).map { $0.refusal?.reason }
        #expect(reasons == [.slotInUse, .slotInUse, .slotNotOpen, .shape, .slotInUse])
        #expect(site.gateway.engineCounters.submittedCalls == calls)
    }

    @Test func aSlotWhoseCommandFailsIsFreeAgain() throws {
        let site = try Site(Kvm.policy())
        let client = try machine(site)
        // The machine has a processor 0 already.
        try client.submit([
            RawEntry(.command, id: 10, slot: 1, code: 0xae41, offset: 3, argument: Kvm.zero)
        ])
        #expect(try client.completions(1)[0].header.result == -17)
        try client.submit([.open("null", slot: 3, id: 11)])
        #expect(try client.completions(1)[0].header.result == 0)
    }

    @Test func closingADeviceClosesAllItGave() throws {
        let site = try Site(Kvm.policy())
        let client = try machine(site)
        try client.submit([
            RawEntry(.command, id: 10, slot: 0, code: 0xae01, offset: 5), RawEntry(.close, id: 11, slot: 0),
            RawEntry(.command, id: 12, slot: 1, code: 0xae03, argument: Kvm.zero),
            RawEntry(.command, id: 13, slot: 2, code: 0x8004_ae98),
            RawEntry(.command, id: 14, slot: 5, code: 0xae03, argument: Kvm.zero),
        ])
        let answers = Dictionary(
            uniqueKeysWithValues: try client.completions(5).map { ($0.header.requestID.value, $0) })
        #expect(answers[11]?.header.result == 0)
        for id in [UInt64(12), 13, 14] {
            #expect(answers[id]?.refusal?.reason == .slotNotOpen)
            #expect(answers[id]?.refusal?.text.contains("closed with slot 0") == true)
        }
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
        // Their slots can be used again.
        try client.submit([1, 2, 5].map { .open("null", slot: $0, id: 20 + UInt64($0)) })
        for completion in try client.completions(3) { #expect(completion.header.result == 0) }
    }

    @Test func closingAHandleLeavesItsOwner() throws {
        let site = try Site(Kvm.policy())
        let client = try machine(site)
        try client.submit([RawEntry(.close, id: 10, slot: 1)])
        #expect(try client.completions(1)[0].header.result == 0)
        try client.submit([
            RawEntry(.command, id: 11, slot: 2, code: 0x8004_ae98),
            RawEntry(.command, id: 12, slot: 0, code: 0xae00),
        ])
        let answers = Dictionary(
            uniqueKeysWithValues: try client.completions(2).map { ($0.header.requestID.value, $0) })
        #expect(answers[11]?.refusal?.reason == .slotNotOpen)
        #expect(answers[12]?.header.result == 12)
        #expect(eventually { site.gateway.engineCounters.openFiles == 1 })
    }

    @Test func aSessionThatVanishesLeavesNoHandle() throws {
        let site = try Site(Kvm.policy())
        for _ in 0..<5 {
            let client = try machine(site)
            try client.submit(
                (0..<16).map { RawEntry(.command, id: 10 + $0, slot: 0, code: 0xae01, offset: 8 + $0) })
            client.vanish()
        }
        #expect(eventually { site.gateway.counters.open == 0 })
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
    }

    @Test func anotherPolicyHoldsForHandlesToo() throws {
        let site = try Site(Kvm.policy())
        let client = try machine(site)
        try site.apply(Kvm.policy(number: 2, machine: [Kvm.createProcessor]))
        try client.submit([RawEntry(.command, id: 10, slot: 1, code: 0xae03, argument: Kvm.zero)])
        #expect(try client.completions(1)[0].refusal?.reason == .noRule)
        #expect(site.gateway.engineCounters.openFiles == 3)
        // Without the command that gives machines there are none.
        try site.apply(Kvm.policy(number: 3, device: [Kvm.version]))
        try client.submit([
            RawEntry(.command, id: 11, slot: 1, code: 0xae03, argument: Kvm.zero),
            RawEntry(.command, id: 12, slot: 2, code: 0x8004_ae98),
        ])
        for completion in try client.completions(2) {
            #expect(completion.refusal?.reason == .slotNotOpen)
            #expect(completion.refusal?.text.contains("policy changed") == true)
        }
        try client.submit([RawEntry(.command, id: 13, slot: 0, code: 0xae00)])
        #expect(try client.completions(1)[0].header.result == 12)
        #expect(eventually { site.gateway.engineCounters.openFiles == 1 })
    }
}
