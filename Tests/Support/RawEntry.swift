import RingProtocol

/// An entry whose bytes a test owns.
public struct RawEntry: Sendable {
    public var operation: UInt8
    public var flags: UInt8 = 0
    public var slot: UInt16 = 0
    public var code: UInt32 = 0
    public var id: UInt64
    public var offset: UInt64 = 0
    public var timeout: UInt32 = 0
    public var argument: [UInt8] = []

    public init(
        _ operation: RingProtocol.Operation, id: UInt64, slot: UInt16 = 0, code: UInt32 = 0,
        offset: UInt64 = 0,
        argument: [UInt8] = []
    ) {
        self.operation = operation.rawValue
        self.id = id
        self.slot = slot
        self.code = code
        self.offset = offset
        self.argument = argument
    }

    public static func open(_ name: String, slot: UInt16, id: UInt64) -> RawEntry {
        RawEntry(.open, id: id, slot: slot, argument: Array(name.utf8))
    }

    public static func read(_ count: UInt32, slot: UInt16, id: UInt64, offset: UInt64 = .max) -> RawEntry {
        RawEntry(.read, id: id, slot: slot, offset: offset, argument: Self.bytes(count) + [0, 0, 0, 0])
    }

    static func bytes<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    public var bytes: [UInt8] {
        let header =
            [operation, flags] + Self.bytes(slot) + Self.bytes(code) + Self.bytes(id) + Self.bytes(offset)
            + Self.bytes(timeout) + Self.bytes(UInt32(argument.count))
        return header + argument + Array(repeating: 0, count: Limits.padded(argument.count) - argument.count)
    }

    /// A submission frame around `entries`.
    public static func frame(_ entries: [RawEntry]) -> [UInt8] {
        let payload = entries.flatMap(\.bytes)
        return bytes(UInt32(payload.count)) + [FrameType.submit.rawValue, 0] + bytes(UInt16(entries.count))
            + payload
    }
}

/// A completion taken out of its frame.
public struct RawCompletion: Sendable {
    public let header: CompletionHeader
    public let payload: [UInt8]

    /// The refusal, when it is one.
    public var refusal: Refusal? {
        guard header.flags.contains(.refused) else { return nil }
        return payload.withUnsafeBytes { try? Refusal.decode(WireBytes($0)) }
    }

    static func all(_ payload: [UInt8], _ count: Int) throws -> [RawCompletion] {
        try payload.withUnsafeBytes { bytes in
            let header = FrameHeader(length: payload.count, type: .complete, count: count)
            var batch = CompletionBatch(Frame(header: header, payload: WireBytes(bytes)))
            var found: [RawCompletion] = []
            while let (header, payload) = try batch.next() {
                found.append(RawCompletion(header: header, payload: payload.array))
            }
            return found
        }
    }
}
