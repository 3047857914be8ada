import RingPolicy
import RingProtocol
import Testing

/// A profile with one command of every form, and grants made from rules on it.
enum PolicyFixture {
    static let signed8 = Field(name: "s8", type: .signed(bytes: 1), offset: 0)
    static let unsigned16 = Field(name: "u16", type: .unsigned(bytes: 2), offset: 2)
    static let signed32 = Field(name: "s32", type: .signed(bytes: 4), offset: 4)
    static let unsigned64 = Field(name: "u64", type: .unsigned(bytes: 8), offset: 8)

    static let get = CommandShape(
        name: "GET", code: SubOpcode(0x8004_5200), transport: .call, effect: .read, placement: .pointer,
        direction: .output, size: 4, fields: [Field(name: "bits", type: .unsigned(bytes: 4), offset: 0)])
    /// Bytes 1, 16..<20 and 24..<32 belong to no field.
    static let set = CommandShape(
        name: "SET", code: SubOpcode(0x5414), transport: .call, effect: .write, placement: .pointer,
        direction: .both, size: 32,
        fields: [
            unsigned64, signed8, unsigned16, signed32, Field(name: "tag", type: .bytes(4), offset: 20),
        ], summary: "Sets.")
    static let flush = CommandShape(
        name: "FLUSH", code: SubOpcode(0x540b), transport: .call, effect: .destructive, placement: .value,
        size: 8,
        fields: [Field(name: "queue", type: .unsigned(bytes: 8), offset: 0)])
    static let start = Field(name: "start", type: .unsigned(bytes: 8), offset: 0)
    static let length = Field(name: "length", type: .unsigned(bytes: 8), offset: 8)
    static let range = extent("range", start, length)
    static let discard = CommandShape(
        name: "DISCARD", code: SubOpcode(0x1200), transport: .ring, effect: .destructive,
        placement: .sqeRange,
        size: 16, fields: [start, length], extents: [range])
    static let wide = CommandShape(
        name: "WIDE", code: SubOpcode(0xc048_4e80), transport: .wideRing, effect: .write,
        placement: .sqeCommand,
        size: 72, fields: [Field(name: "dwords", type: .bytes(72), offset: 0)])
    /// An extent of two plain fields.
    static func extent(_ name: String, _ start: Field, _ length: Field) -> Extent {
        guard let start = Linear(start), let length = Linear(length) else {
            preconditionFailure("no numbers")
        }
        return Extent(name: name, start: start, length: length)
    }

    static let nothing = CommandShape(
        name: "NOTHING", code: SubOpcode(0), transport: .ring, effect: .read)

    static let profile = Profile(
        name: "every", summary: "One of each.", commands: [get, set, flush, discard, wide, nothing])
    static let device = Device(
        name: "board", path: "/dev/board", kind: .character, access: .readWrite, profile: profile)
    static let file = OpenFileID(7)

    static func rule(
        _ id: String, _ commands: [Rule.Command] = [], read: TransferRights? = nil,
        write: TransferRights? = nil
    ) -> Rule {
        Rule(id: id, principals: ["agent"], commands: ["board": commands], read: read, write: write)
    }

    static func rule(
        _ commands: [Rule.Command] = [], read: TransferRights? = nil, write: TransferRights? = nil
    ) -> Rule {
        rule("rule", commands, read: read, write: write)
    }

    static func snapshot(_ rules: [Rule], principals: [Principal] = [], devices: [Device] = [device])
        -> PolicySnapshot
    {
        PolicySnapshot(
            revision: [UInt8](repeating: 1, count: 32), principals: principals, devices: devices, rules: rules
        )
    }

    static let agent = Principal(name: "agent", match: .keyHash([1]))

    /// The grant an agent has on `board` under `rules`.
    static func grant(_ rules: Rule...) throws -> Grant {
        let snapshot = snapshot(rules, principals: [agent])
        let peer = try snapshot.recognize(
            PeerIdentity(uris: [], keyHash: [1], commonName: nil, issuer: ""))
        return try "board".wire { try snapshot.policy(for: peer, at: 0).authorizeOpen($0).grant }
    }
}

extension String {
    func wire<Result>(_ body: (WireBytes) throws -> Result) rethrows -> Result {
        try Array(utf8).withUnsafeBytes { try body(WireBytes($0)) }
    }
}

/// An authorized command's facts, which outlive it.
struct Authorized: Equatable {
    var action: AuthorizedCommand.Action
    var transport: Transport
    var placement: Placement
    var code: UInt32
    var argument: [UInt8]
    var blockSize: Int
    var replySize: Int
    var offset: UInt64
}

extension Grant {
    /// Decides one entry with this argument.
    func decide(
        _ operation: RingProtocol.Operation, code: UInt32 = 0, _ argument: [UInt8] = [], offset: UInt64 = 0
    ) throws -> Authorized {
        try argument.withUnsafeBytes { bytes in
            let entry = Entry(
                operation, requestID: RequestID(1), subOpcode: SubOpcode(code), offset: offset,
                argument: WireBytes(bytes))
            var layout = Layout()
            let command = try authorize(entry, on: PolicyFixture.file, &layout) { _ in nil }
            #expect(command.file == PolicyFixture.file)
            return Authorized(
                action: command.action, transport: command.transport, placement: command.placement,
                code: command.code.code, argument: command.argument.array, blockSize: command.blockSize,
                replySize: command.replySize, offset: command.offset)
        }
    }

    /// Why one entry is refused; nil when it is not.
    func refusal(
        _ operation: RingProtocol.Operation, code: UInt32 = 0, _ argument: [UInt8] = [], offset: UInt64 = 0
    ) throws -> Refusal? {
        do {
            _ = try decide(operation, code: code, argument, offset: offset)
            return nil
        } catch let refusal as Refusal {
            return refusal
        }
    }
}

extension [UInt8] {
    /// This block with `value` stored little-endian at `offset`.
    func with(_ value: some FixedWidthInteger & BitwiseCopyable, at offset: Int) -> [UInt8] {
        var bytes = self
        bytes.withUnsafeMutableBytes { $0.storeWire(value, at: offset) }
        return bytes
    }

    static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
}
