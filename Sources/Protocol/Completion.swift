/// Which engine ran an entry.
@frozen
public enum EngineKind: UInt8, Sendable, CaseIterable {
    /// None: the gateway answered by itself.
    case gateway = 0
    /// io_uring: URING_CMD, read, write or fsync on a registered file.
    case ring = 1
    /// A system call on the device's worker thread: ioctl(2), open(2) or close(2).
    case call = 2
}

/// Flags of a completion.
@frozen
public struct CompletionFlags: OptionSet, Equatable, Sendable {
    public let rawValue: UInt16
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// More completions for this request id will follow (feature `streams`).
    @inlinable public static var more: CompletionFlags { CompletionFlags(rawValue: 1 << 0) }
    /// The policy said no; always together with `refused`.
    @inlinable public static var denied: CompletionFlags { CompletionFlags(rawValue: 1 << 1) }
    /// The gateway made the result, the kernel never saw the entry; the payload is a `Refusal`.
    @inlinable public static var refused: CompletionFlags { CompletionFlags(rawValue: 1 << 2) }
    /// The call had begun when it was given up: its effect on the device is unknown.
    @inlinable public static var indeterminate: CompletionFlags { CompletionFlags(rawValue: 1 << 5) }
    /// Events were lost at this place; the payload is a `Gap` (feature `streams`).
    @inlinable public static var gap: CompletionFlags { CompletionFlags(rawValue: 1 << 6) }

    /// The flag bits that say which engine ran the entry.
    @inlinable
    public static func engine(_ kind: EngineKind) -> CompletionFlags {
        CompletionFlags(rawValue: UInt16(kind.rawValue) << 3)
    }

    /// nil when the bits hold the unused value 3.
    public var engine: EngineKind? { EngineKind(rawValue: UInt8((rawValue >> 3) & 3)) }

    @inlinable public static var known: CompletionFlags { CompletionFlags(rawValue: 0x7f) }
}

/// The fixed part of a completion.
///
/// Layout, little-endian: `request_id u64 @0, result i32 @8, payload_length u32 @12, device_time u48 @16,
/// flags u16 @22`, then the payload, padded with zeros to a multiple of eight.
@frozen
public struct CompletionHeader: Equatable, Sendable {
    public let requestID: RequestID
    /// What the kernel returned: >= 0, or a negated errno of Linux's generic table.
    public let result: Int32
    public let payloadLength: Int
    /// Nanoseconds from handing the entry to its engine until the result was there; 48 bits. Of an event,
    /// when it was found (`eventTime`); of a refusal, its `retryAfter`.
    public let deviceTime: UInt64
    public let flags: CompletionFlags

    @inlinable
    public init(
        _ requestID: RequestID, result: Int32, payloadLength: Int = 0, deviceTime: UInt64 = 0,
        flags: CompletionFlags
    ) {
        self.requestID = requestID
        self.result = result
        self.payloadLength = payloadLength
        self.deviceTime = deviceTime
        self.flags = flags
    }

    @usableFromInline static let deviceTimeMask: UInt64 = (1 << 48) - 1

    /// The device time of an event that was found at `time`, nanoseconds of CLOCK_MONOTONIC: the low 48 bits.
    @inlinable
    public static func eventTime(_ time: UInt64) -> UInt64 { time & deviceTimeMask }

    /// Bytes the completion takes in a frame.
    @inlinable
    public var size: Int { Limits.completionHeader + Limits.padded(payloadLength) }

    /// Writes the header to the first 24 bytes of `buffer`; the payload goes behind it.
    @inlinable @inline(__always)
    public func encode(into buffer: UnsafeMutableRawBufferPointer) {
        // Checked once for all stores.
        precondition(buffer.count >= Limits.completionHeader, "store outside the buffer")
        buffer.storeWire(requestID.value, at: 0)
        buffer.storeWire(result, at: 8)
        buffer.storeWire(UInt32(payloadLength), at: 12)
        let time = min(deviceTime, Self.deviceTimeMask)
        buffer.storeWire(time | UInt64(flags.rawValue) << 48, at: 16)
    }
}

/// The completions of one completion frame, walked in place.
public struct CompletionBatch {
    let bytes: WireBytes
    public private(set) var remaining: Int
    private var position = 0

    public init(_ frame: Frame) {
        bytes = frame.payload
        remaining = frame.header.count
    }

    /// The next completion with its payload, or nil after the last.
    public mutating func next() throws(WireError) -> (header: CompletionHeader, payload: WireBytes)? {
        guard remaining > 0 else {
            guard position == bytes.count else {
                throw WireError(
                    .malformed, rule: 22, "\(bytes.count - position) bytes behind the last completion")
            }
            guard position > 0 else {
                throw WireError(.malformed, rule: 22, "a complete frame without completions")
            }
            return nil
        }
        guard bytes.count - position >= Limits.completionHeader else {
            throw WireError(.malformed, rule: 22, "the frame ends inside a completion")
        }
        let meta = bytes.load(UInt64.self, at: position + 16)
        let length = Int(bytes.load(UInt32.self, at: position + 12))
        let header = CompletionHeader(
            RequestID(bytes.load(UInt64.self, at: position)),
            result: bytes.load(Int32.self, at: position + 8),
            payloadLength: length, deviceTime: meta & CompletionHeader.deviceTimeMask,
            flags: CompletionFlags(rawValue: UInt16(meta >> 48)))
        guard header.flags.isSubset(of: .known), header.flags.engine != nil else {
            throw WireError(.reserved, rule: 23, "unknown completion flags \(header.flags.rawValue)")
        }
        guard length <= Limits.payload, bytes.count - position >= header.size else {
            throw WireError(.malformed, rule: 22, "the frame ends inside a payload")
        }
        guard header.result >= 0 || length == 0 || header.flags.contains(.refused) else {
            throw WireError(.malformed, rule: 24, "a failure that was not refused carries a payload")
        }
        let padded = bytes.slice(position + Limits.completionHeader, Limits.padded(length))
        guard padded.isZero(from: length) else {
            throw WireError(.reserved, rule: 16, "padding behind the payload is not zero")
        }
        let payload = padded.slice(0, length)
        position += header.size
        remaining -= 1
        return (header, payload)
    }
}
