/// The kind of a frame. The raw value is the byte on the wire.
public enum FrameType: UInt8, Sendable, CaseIterable {
    case hello = 1
    case welcome = 2
    case submit = 3
    case complete = 4
    case error = 5
    case goodbye = 6
    /// How many completions the client has (feature `resume`).
    case acknowledge = 7
}

/// The eight bytes in front of every frame: `length u32, type u8, reserved u8, count u16`.
@frozen
public struct FrameHeader: Equatable, Sendable {
    /// Bytes that follow the header.
    public let length: Int
    public let type: FrameType
    /// Entries or completions in the frame; 0 in every other type.
    public let count: Int

    @inlinable
    public init(length: Int, type: FrameType, count: Int) {
        self.length = length
        self.type = type
        self.count = count
    }

    /// Reads the header at the start of `bytes`: nil when fewer than eight bytes are there yet.
    ///
    /// `payloadLimit` is the most the peer may send in its present state, so that a length is refused before
    /// any memory is set aside for it.
    public static func decode(_ bytes: WireBytes, payloadLimit: Int) throws(WireError) -> FrameHeader? {
        guard bytes.count >= Limits.frameHeader else { return nil }
        let length = Int(bytes.load(UInt32.self, at: 0))
        guard let type = FrameType(rawValue: bytes.load(UInt8.self, at: 4)) else {
            throw WireError(.malformed, rule: 2, "unknown frame type \(bytes.load(UInt8.self, at: 4))")
        }
        guard bytes.load(UInt8.self, at: 5) == 0 else {
            throw WireError(.reserved, rule: 3, "reserved byte of the frame header is not zero")
        }
        guard length <= payloadLimit else {
            throw WireError(.limit, rule: 4, "frame of \(length) bytes; at most \(payloadLimit) allowed here")
        }
        let count = Int(bytes.load(UInt16.self, at: 6))
        guard count == 0 || type == .submit || type == .complete else {
            throw WireError(.reserved, rule: 5, "count \(count) in a frame that has no entries")
        }
        return FrameHeader(length: length, type: type, count: count)
    }

    /// Writes the header to the first eight bytes of `buffer`.
    public func encode(into buffer: UnsafeMutableRawBufferPointer) {
        buffer.storeWire(UInt32(length), at: 0)
        buffer.storeWire(type.rawValue, at: 4)
        buffer.storeWire(UInt8(0), at: 5)
        buffer.storeWire(UInt16(count), at: 6)
    }
}

/// One whole frame, in place.
@frozen
public struct Frame {
    public let header: FrameHeader
    public let payload: WireBytes

    public init(header: FrameHeader, payload: WireBytes) {
        self.header = header
        self.payload = payload
    }

    /// Cuts the first frame off `bytes`: nil when it is not complete yet, an error when it never can be.
    public static func decode(_ bytes: WireBytes, payloadLimit: Int) throws(WireError) -> Frame? {
        guard let header = try FrameHeader.decode(bytes, payloadLimit: payloadLimit),
            bytes.count - Limits.frameHeader >= header.length
        else { return nil }
        return Frame(header: header, payload: bytes.slice(Limits.frameHeader, header.length))
    }

    /// Bytes the frame takes on the wire.
    public var size: Int { Limits.frameHeader + header.length }
}
