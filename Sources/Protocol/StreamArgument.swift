/// The argument of a `read` entry: `count u32 @0, credit u32 @4`.
@frozen
public struct ReadArgument: Equatable, Sendable {
    /// Bytes asked for; of a stream, bytes of one event at most.
    public let count: Int
    /// Events the client takes before it grants more; 0 without `multishot`.
    public let credit: Int
    public static let size = 8

    /// Payload bytes that one event of the stream is charged with.
    @inlinable public var eventCharge: Int { count &+ Limits.eventOverhead }

    /// nil when the entry does not have its shape: a stream has a credit and the file's own position, a
    /// single read has no credit. The count may be any number.
    @inlinable
    public static func decode(_ entry: Entry) -> ReadArgument? {
        guard let read = ReadArgument(entry.argument) else { return nil }
        guard entry.isStream else { return read.credit == 0 ? read : nil }
        return read.grantsCredit && entry.offset == Entry.currentPosition ? read : nil
    }

    @inlinable
    init?(_ argument: WireBytes) {
        guard argument.count == Self.size else { return nil }
        count = Int(argument.load(UInt32.self, at: 0))
        credit = Int(argument.load(UInt32.self, at: 4))
    }

    @inlinable var grantsCredit: Bool { (1...Limits.credit).contains(credit) }

    public static func encode(count: Int, credit: Int = 0) -> [UInt8] {
        let word = UInt64(UInt32(credit)) << 32 | UInt64(UInt32(count))
        return withUnsafeBytes(of: word.littleEndian) { Array($0) }
    }
}

/// The argument of a `poll` or `list` entry: none, or with `multishot` `reserved u32 @0, credit u32 @4`.
@frozen
public struct StreamArgument: Equatable, Sendable {
    /// Events the client takes before it grants more; 0 without `multishot`.
    public let credit: Int

    @inlinable init(credit: Int) { self.credit = credit }

    /// nil when the entry's argument does not have its shape.
    @inlinable
    public static func decode(_ entry: Entry) -> StreamArgument? {
        guard entry.isStream else { return entry.argument.count == 0 ? StreamArgument(credit: 0) : nil }
        guard let read = ReadArgument(entry.argument), read.count == 0, read.grantsCredit else { return nil }
        return StreamArgument(credit: read.credit)
    }

    public static func encode(credit: Int) -> [UInt8] { ReadArgument.encode(count: 0, credit: credit) }
}

/// What a `credit` entry asks: `offset` is the stream's request id, `sub_opcode` the events to add.
@frozen
public struct CreditGrant: Equatable, Sendable {
    public let stream: RequestID
    public let events: Int

    /// nil when the entry does not have the shape of its operation.
    public static func decode(_ entry: Entry) -> CreditGrant? {
        let events = Int(entry.subOpcode.code)
        guard (1...Limits.credit).contains(events), entry.slot.index == 0, entry.argument.count == 0 else {
            return nil
        }
        return CreditGrant(stream: RequestID(entry.offset), events: events)
    }
}

/// The payload of a completion with flag `gap`: `lost u64 @0`.
public struct Gap: Equatable, Sendable {
    /// Events that were lost at this place of the order; of a console, bytes.
    public let lost: UInt64
    public static let size = 8

    public init(lost: UInt64) { self.lost = lost }

    /// The completion's header. `found` is the gateway's CLOCK_MONOTONIC in nanoseconds.
    public static func header(_ requestID: RequestID, found: UInt64) -> CompletionHeader {
        CompletionHeader(
            requestID, result: 0, payloadLength: size, deviceTime: CompletionHeader.eventTime(found),
            flags: [.more, .gap])
    }

    /// Writes the payload to the first eight bytes of `buffer`.
    public func encode(into buffer: UnsafeMutableRawBufferPointer) { buffer.storeWire(lost, at: 0) }

    public static func decode(_ payload: WireBytes) throws(WireError) -> Gap {
        guard payload.count == size else {
            throw WireError(.malformed, rule: 37, "gap of \(payload.count) bytes, not \(size)")
        }
        return Gap(lost: payload.load(UInt64.self, at: 0))
    }
}
