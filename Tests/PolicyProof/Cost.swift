import AllocationCounter
import Foundation
import RingPolicy
import RingProtocol

/// What a decision costs: allocations, which must be none, and nanoseconds, which are only printed.
enum Cost {
    private static let rounds = 1_000_000

    static func report() -> Int32 {
        let word = Field(name: "word", type: .unsigned(bytes: 4), offset: 0)
        let flat = CommandShape(
            name: "FLAT", code: SubOpcode(0x4004_7f01), transport: .call, effect: .read, placement: .pointer,
            size: 4, fields: [word])
        let eight: [Condition] = (0..<8).map { Condition(word, .range(Int128($0)...200)) }
        let argument: [UInt8] = [9, 0, 0, 0]
        var failures = 0
        failures += measure("ring command without conditions, the short way", ring, [[]], [], isShort: true)
        failures += measure("ring command without conditions", ring, [[]], [])
        failures += measure("struct without conditions, the short way", flat, [[]], argument, isShort: true)
        failures += measure("struct without conditions", flat, [[]], argument)
        failures += measure("struct with 8 conditions", flat, [eight], argument)
        failures += measure("I2C_RDWR, a write and a read, 2 conditions", i2c, [i2cConditions], i2cArgument)
        return failures == 0 ? 0 : 1
    }

    private static let ring = CommandShape(name: "RING", code: SubOpcode(0), transport: .ring, effect: .read)

    /// 1 when deciding allocates.
    private static func measure(
        _ what: String, _ shape: CommandShape, _ alternatives: [[Condition]], _ argument: [UInt8],
        isShort: Bool = false
    ) -> Int {
        let profile = Profile(name: "cost", summary: "", commands: [shape])
        let device = Device(name: "board", path: "/x", kind: .character, access: .readOnly, profile: profile)
        let rights = FileRights(commands: alternatives.map { .init(shape, where: $0) })
        let rule = Rule(id: "all", principals: ["agent"], rights: ["board": rights])
        let snapshot = PolicySnapshot(
            revision: [UInt8](repeating: 0, count: 32), principals: [], devices: [device], rules: [rule])
        let policy = snapshot.policy(for: PrincipalSet(names: ["agent"]), at: 0)
        guard let grant = policy.grant(onDevice: "board") else { return 1 }
        var layout = Layout()
        var best = Double.infinity
        var loop = Double.infinity
        var allocations: UInt64 = 0
        for _ in 0..<5 {
            let before = allocation_count()
            let start = DispatchTime.now().uptimeNanoseconds
            let allowed =
                isShort
                ? decideShort(grant, shape.code, argument) : decide(grant, shape.code, argument, &layout)
            let time = DispatchTime.now().uptimeNanoseconds - start
            allocations = allocation_count() - before
            guard allowed == rounds else {
                print("cost: \(what): denied")
                return 1
            }
            best = min(best, Double(time) / Double(rounds))
            let again = DispatchTime.now().uptimeNanoseconds
            guard touch(shape.code, argument) == rounds else { return 1 }
            loop = min(loop, Double(DispatchTime.now().uptimeNanoseconds - again) / Double(rounds))
        }
        // A handful of allocations may be the clock's and the runtime's own.
        let own = String(format: "%.1f ns, without the loop %.1f ns", best, best - loop)
        print("cost: \(what): \(own), \(allocations) allocations in \(rounds)")
        return allocations > 10 ? 1 : 0
    }

    @inline(never)
    private static func decide(
        _ grant: Grant, _ code: SubOpcode, _ argument: [UInt8], _ layout: inout Layout
    ) -> Int {
        var allowed = 0
        argument.withUnsafeBytes { bytes in
            for id in 0..<UInt64(rounds) {
                let entry = Entry(
                    .command, requestID: RequestID(id), subOpcode: code, argument: WireBytes(bytes))
                do throws(Refusal) {
                    let command = try grant.authorize(entry, on: OpenFileID(0), &layout) { _ in nil }
                    if command.action == .command { allowed += 1 }
                } catch {}
            }
        }
        return allowed
    }

    /// As the gateway decides what has neither conditions nor limits; once for all entries of a row.
    @inline(never)
    private static func decideShort(_ grant: Grant, _ code: SubOpcode, _ argument: [UInt8]) -> Int {
        var allowed = 0
        argument.withUnsafeBytes { bytes in
            for id in 0..<UInt64(rounds) {
                let entry = Entry(
                    .command, requestID: RequestID(id), subOpcode: code, argument: WireBytes(bytes))
                if allowsShort(grant, entry) { allowed += 1 }
            }
        }
        return allowed
    }

    /// Apart, so that it is decided each time: nothing that is decided by changes in the loop.
    @inline(never)
    private static func allowsShort(_ grant: Grant, _ entry: Entry) -> Bool {
        guard let command = grant.authorizePlain(entry, on: OpenFileID(0)) else { return false }
        return command.action == .command
    }

    /// The same loop without a decision.
    @inline(never)
    private static func touch(_ code: SubOpcode, _ argument: [UInt8]) -> Int {
        var count = 0
        argument.withUnsafeBytes { bytes in
            for id in 0..<UInt64(rounds) {
                let entry = Entry(
                    .command, requestID: RequestID(id), subOpcode: code, argument: WireBytes(bytes))
                if isCommand(entry) { count += 1 }
            }
        }
        return count
    }

    @inline(never)
    private static func isCommand(_ entry: Entry) -> Bool { entry.operation == .command }

    // MARK: I2C_RDWR (linux/i2c-dev.h)

    private static let count = Field(name: "nmsgs", type: .unsigned(bytes: 4), offset: 8)
    private static let address = Field(name: "addr", type: .unsigned(bytes: 2), offset: 0)
    private static let flags = Field(name: "flags", type: .unsigned(bytes: 2), offset: 2)
    private static let length = Field(name: "len", type: .unsigned(bytes: 2), offset: 4)

    private static let i2c: CommandShape = {
        let root = Block(elementSize: 16, fields: [count])
        let messages = Block(
            path: "msgs", place: .pointer(at: 0, isNullable: false), elementSize: 16, amount: .field(count),
            maximum: 42, fields: [address, flags, length])
        let bytes = Block(
            path: "msgs.buf", parent: 1, place: .pointer(at: 8, isNullable: true),
            direction: .selected(by: flags, mask: 1, input: 0, output: 1, none: nil), elementSize: nil,
            amount: .field(length), maximum: 8192)
        return CommandShape(
            name: "I2C_RDWR", pattern: CodePattern(SubOpcode(0x0707)), transport: .call, effect: .write,
            placement: .pointer, blocks: [root, messages, bytes])
    }()

    private static var i2cConditions: [Condition] {
        [
            Condition(address, .oneOf([0x48, 0x50]), in: i2c.blocks[1], index: 1),
            Condition(lengthOf: i2c.blocks[2], index: 2, atMost: 32),
        ]
    }

    /// One message that writes a byte, and one that reads two.
    private static let i2cArgument: [UInt8] =
        [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]
        + [0x50, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
        + [0x50, 0, 1, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0] + [0x10]
}
