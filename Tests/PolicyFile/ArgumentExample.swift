import RingProtocol
import Testing

@testable import RingPolicy

/// One argument as a client could send it, and what the profile alone says about it: the rules allow all.
struct ArgumentExample: CustomTestStringConvertible, Sendable {
    let profile: String
    let command: String
    /// For families: what varies of the code.
    var variation: UInt32 = 0
    /// Fields of the argument's own struct by their full names, also those of structs and of arrays' first
    /// elements inside it; for a pointer whether something is there.
    var fields: [String: Int64] = [:]
    /// The bytes behind the struct.
    var rest: [UInt8] = []
    /// Part of the refusal's text; nil when the argument passes.
    var refused: String?

    init(
        _ profile: String, _ command: String, _ fields: [String: Int64] = [:], variation: UInt32 = 0,
        rest: [UInt8] = [], refused: String? = nil
    ) {
        self.profile = profile
        self.command = command
        self.fields = fields
        self.variation = variation
        self.rest = rest
        self.refused = refused
    }

    var testDescription: String { "\(profile) \(command): \(refused ?? "passes")" }

    /// The argument's bytes.
    func argument(of shape: CommandShape) throws -> [UInt8] {
        guard let root = shape.blocks.first, shape.direction.isFromClient else { return rest }
        let code = SubOpcode(shape.pattern.base.code | variation)
        var bytes = [UInt8](repeating: 0, count: root.elementSize ?? code.encodedSize)
        for (path, value) in fields {
            let (offset, field) = try #require(Self.place(of: path, in: shape), "no \(path) in \(command)")
            let shift = field?.bits?.lowerBound ?? 0
            let bits = UInt64(bitPattern: value) << UInt64(shift)
            for byte in 0..<(field?.size ?? 8) {
                bytes[offset + byte] |= UInt8(truncatingIfNeeded: bits >> (8 * byte))
            }
        }
        return bytes + rest
    }

    /// Where a field lies in the argument's own struct; nil for the field when it is a pointer.
    private static func place(of path: String, in shape: CommandShape) -> (Int, Field?)? {
        for (index, block) in shape.blocks.enumerated() {
            if case .pointer(let at, _) = block.place, block.path == path,
                let base = start(of: block.parent, shape)
            {
                return (base + at, nil)
            }
            let field = block.fields.first { block.path(of: $0.name) == path }
            if let field, let base = start(of: index, shape) { return (base + field.offset, field) }
        }
        return nil
    }

    /// Where the first element of a block lies, when it is part of the argument's own struct.
    private static func start(of index: Int, _ shape: CommandShape) -> Int? {
        guard case .inline(let at) = shape.blocks[index].place else { return index == 0 ? 0 : nil }
        return start(of: shape.blocks[index].parent, shape).map { $0 + at }
    }

    /// What is refused about it, when every command of every profile is allowed; nil when nothing is.
    func refusal(_ profiles: [Profile]) throws -> String? {
        let known = try #require(profiles.first { $0.name == profile })
        let shape = try #require(known.command(named: command), "no \(command)")
        let argument = try argument(of: shape)
        let grant = try Self.grant(known, profiles)
        return argument.withUnsafeBytes { bytes in
            let entry = Entry(
                .command, requestID: RequestID(1), subOpcode: SubOpcode(shape.pattern.base.code | variation),
                argument: WireBytes(bytes))
            var layout = Layout()
            do throws(Refusal) {
                let command = try grant.authorize(entry, on: OpenFileID(1), &layout) { slot in
                    slot == FileSlot(3) ? HeldSlot(file: OpenFileID(2), profile: "dma-buf") : nil
                }
                #expect(command.code == entry.subOpcode)
                return nil
            } catch {
                return error.text
            }
        }
    }

    /// Everything on a device with this profile, and on what it gives.
    private static func grant(_ profile: Profile, _ profiles: [Profile]) throws -> Grant {
        func all(_ profile: Profile) -> FileRights {
            let given = profile.commands.compactMap(\.givenProfile)
            let handles = profiles.filter { given.contains($0.name) }.map { ($0.name, all($0)) }
            return FileRights(
                commands: profile.commands.map { FileRights.Command($0) },
                handles: Dictionary(uniqueKeysWithValues: handles))
        }
        let device = Device(
            name: "device", path: "/dev/device", kind: .character, access: .readWrite, profile: profile)
        let rule = Rule(id: "all", principals: ["agent"], rights: ["device": all(profile)])
        let snapshot = PolicySnapshot(
            revision: [UInt8](repeating: 0, count: 32), principals: [], devices: [device], rules: [rule],
            profiles: profiles)
        let policy = snapshot.policy(for: PrincipalSet(names: ["agent"]), at: 0)
        return try Array("device".utf8).withUnsafeBytes { try policy.authorizeOpen(WireBytes($0)).grant }
    }
}

extension ArgumentExample {
    /// Little-endian bytes of numbers that are `width` bytes each.
    static func numbers(_ width: Int, _ values: UInt64...) -> [UInt8] {
        values.flatMap { value in (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) } }
    }

    static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
}
