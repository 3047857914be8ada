import RingPolicy
import RingProtocol
import Testing

@Suite("The least rights, and what is left out of them")
struct LeastRightsTests {
    private typealias Fixture = NestedFixture

    private func exclusion(
        _ operation: RingProtocol.Operation, code: UInt32 = 0, _ argument: [UInt8] = []
    ) -> String? {
        var least = LeastRights(Fixture.profile)
        return argument.withUnsafeBytes { bytes in
            let entry = Entry(
                operation, requestID: RequestID(1), subOpcode: SubOpcode(code), argument: WireBytes(bytes))
            do throws(LeastRights.Exclusion) {
                try least.add(entry)
                #expect(!least.isEmpty)
                return nil
            } catch {
                #expect(least.isEmpty)
                return error.text
            }
        }
    }

    @Test("What cannot be trusted to mean something is left out, and says why")
    func exclusions() {
        #expect(exclusion(.read) == "the read has no proper length")
        #expect(exclusion(.write) == "the write has no proper length")
        #expect(exclusion(.sync)?.contains("no right of its own") == true)
        #expect(exclusion(.command, code: 0xdead_beef)?.contains("describes no such command") == true)
        let short = exclusion(.command, code: 0x0707, [1])
        #expect(short == "TRANSFER: the argument ends at 1, inside its struct, which ends at 16")
        let format = [UInt8].zeros(8).with(UInt8(0x80), at: 0)
        #expect(exclusion(.command, code: 0xc048_4e41, format)?.contains("destroys") == true)
    }

    @Test("Fields that a profile ties to one value, and slots, are not tested again")
    func worth() throws {
        var least = LeastRights(Fixture.profile)
        let argument = Fixture.transfer((0x50, 0, 1, 1))
        try argument.withUnsafeBytes { bytes in
            let code = SubOpcode(0x0707)
            try least.add(
                Entry(.command, requestID: RequestID(1), subOpcode: code, argument: WireBytes(bytes)))
        }
        let words = least.commands.first?.conditions.map(\.words) ?? []
        #expect(words.contains("msgs.addr = 80") && words.contains("nmsgs = 1"))
    }

    @Test("A command that takes a file is explained as if the file were there")
    func takes() throws {
        let grant = try Fixture.grant(Fixture.take)
        let argument = [UInt8].zeros(4).with(UInt32(3), at: 0)
        argument.withUnsafeBytes { bytes in
            let entry = Entry(
                .command, requestID: RequestID(1), subOpcode: SubOpcode(0x4004_7f03),
                argument: WireBytes(bytes))
            #expect(grant.explain(entry).verdict == .allowed)
        }
    }

    @Test("A selector beyond what JSON's numbers hold is not told")
    func selectors() throws {
        let wide = Field(name: "wide", type: .unsigned(bytes: 8), offset: 0)
        let shape = CommandShape(
            name: "WIDE", pattern: CodePattern(SubOpcode(5)), transport: .call, effect: .read,
            placement: .pointer, blocks: [Block(elementSize: 8, fields: [wide])],
            selectors: [Condition(wide, .equals(Int128(UInt64.max)))])
        let profile = Profile(name: "p", summary: "", commands: [shape])
        let device = Device(name: "board", path: "/x", kind: .character, access: .readOnly, profile: profile)
        let grant = try Fixture.grant(FileRights(commands: [.init(shape)]), device: device)
        #expect(grant.description.commands.first?.selectors == [])
    }

    @Test("A procedure's writes are told with their bytes")
    func writes() throws {
        let procedure = Procedure(
            name: "reset", device: "board", index: 0, summary: "", effect: .write, parameters: [],
            steps: [Procedure.Step(on: "board", .write([0x0d, 0xff]))], rights: [:])
        let device = Fixture.device.with([procedure])
        let grant = try Fixture.grant(FileRights(commands: [.init(procedure.shape)]), device: device)
        let snapshot = PolicySnapshot(
            revision: [UInt8](repeating: 1, count: 32), principals: [], devices: [device],
            rules: [
                Rule(
                    id: "r", principals: ["agent"],
                    rights: ["board": FileRights(commands: [.init(procedure.shape)])])
            ])
        #expect(grant.covers(procedure.shape.code))
        let rights = snapshot.policy(for: PrincipalSet(names: ["agent"]), at: 0).effectiveRights
        #expect(rights.flatMap(\.words).joined(separator: "; ").contains("write 0dff to board"))
    }
}
