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
        offset: UInt64 = 0, flags: EntryFlags = [], timeout: UInt32 = 0,
        argument: [UInt8] = []
    ) {
        self.operation = operation.rawValue
        self.id = id
        self.slot = slot
        self.code = code
        self.offset = offset
        self.flags = flags.rawValue
        self.timeout = timeout
        self.argument = argument
    }

    public static func open(_ name: String, slot: UInt16, id: UInt64) -> RawEntry {
        RawEntry(.open, id: id, slot: slot, argument: Array(name.utf8))
    }

    public static func read(_ count: UInt32, slot: UInt16, id: UInt64, offset: UInt64 = .max) -> RawEntry {
        RawEntry(.read, id: id, slot: slot, offset: offset, argument: Self.bytes(count) + [0, 0, 0, 0])
    }

    /// A read that goes on: events of at most `count` bytes, `credit` of them.
    public static func stream(_ count: UInt32, credit: UInt32, slot: UInt16, id: UInt64) -> RawEntry {
        RawEntry(
            .read, id: id, slot: slot, offset: .max, flags: .multishot,
            argument: Self.bytes(count) + Self.bytes(credit))
    }

    public static func credit(_ events: UInt32, stream: UInt64, id: UInt64) -> RawEntry {
        RawEntry(.credit, id: id, code: events, offset: stream)
    }

    /// Waits for one of `events`; with a `credit`, again and again.
    public static func poll(
        _ events: PollEvents, slot: UInt16, id: UInt64, credit: UInt32? = nil
    ) -> RawEntry {
        RawEntry(
            .poll, id: id, slot: slot, code: events.rawValue, flags: credit == nil ? [] : .multishot,
            argument: credit.map { Self.bytes(UInt32(0)) + Self.bytes($0) } ?? [])
    }

    public static func pause(_ nanoseconds: UInt64, id: UInt64) -> RawEntry {
        RawEntry(.timeout, id: id, offset: nanoseconds)
    }

    public static func cancel(_ request: UInt64, id: UInt64) -> RawEntry {
        RawEntry(.cancel, id: id, offset: request)
    }

    public static func cancelAll(slot: UInt16, id: UInt64) -> RawEntry {
        RawEntry(.cancel, id: id, slot: slot, code: 1)
    }

    public static func cancelAll(id: UInt64) -> RawEntry { RawEntry(.cancel, id: id, code: 2) }

    public static func lease(_ verb: LeaseVerb, _ document: String, id: UInt64) -> RawEntry {
        RawEntry(.lease, id: id, code: verb.rawValue, argument: Array(document.utf8))
    }

    /// The same entry with more flags.
    public func with(_ flags: EntryFlags) -> RawEntry {
        var entry = self
        entry.flags |= flags.rawValue
        return entry
    }

    /// The same entry with a deadline in milliseconds.
    public func within(_ timeout: UInt32) -> RawEntry {
        var entry = self
        entry.timeout = timeout
        return entry
    }

    /// `entries` joined to a chain by `flag`, in their order.
    public static func chain(_ entries: [RawEntry], by flag: EntryFlags = .link) -> [RawEntry] {
        entries.dropLast().map { $0.with(flag) } + entries.suffix(1)
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

    public var id: UInt64 { header.requestID.value }
    public var result: Int32 { header.result }
    public var flags: CompletionFlags { header.flags }
    /// Whether more of the same entry follow.
    public var isEvent: Bool { flags.contains(.more) }
    public var text: String { String(decoding: payload, as: UTF8.self) }

    /// Events that were lost, when it is a gap.
    public var lost: UInt64? {
        guard flags.contains(.gap) else { return nil }
        return payload.withUnsafeBytes { try? Gap.decode(WireBytes($0)).lost }
    }

    /// The refusal, when it is one.
    public var refusal: Refusal? {
        guard header.flags.contains(.refused) else { return nil }
        return payload.withUnsafeBytes { try? Refusal.decode(WireBytes($0)) }
    }

    /// Those of one frame.
    public static func all(_ payload: [UInt8], _ count: Int) throws -> [RawCompletion] {
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
