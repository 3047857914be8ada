/// One ring command as a client asked for it: decoded in place, not yet checked against any policy.
///
/// Layout, little-endian: `operation u8 @0, flags u8 @1, slot u16 @2, sub_opcode u32 @4, request_id u64 @8,
/// offset u64 @16, timeout_ms u32 @24, argument_length u32 @28`, then the argument, padded with zeros to a
/// multiple of eight.
@frozen
public struct Entry {
    /// nil when the byte names no operation of this version; such an entry is answered, not fatal.
    public let operation: Operation?
    public let flags: EntryFlags
    public let slot: FileSlot
    public let subOpcode: SubOpcode
    public let requestID: RequestID
    /// File position in bytes, all ones for the file's own; some operations carry another number here.
    public let offset: UInt64
    /// Deadline asked for, in milliseconds; 0 asks for none.
    public let timeout: UInt32
    public let argument: WireBytes

    public init(
        _ operation: Operation, requestID: RequestID, slot: FileSlot = FileSlot(0),
        subOpcode: SubOpcode = SubOpcode(0), offset: UInt64 = 0, flags: EntryFlags = [], timeout: UInt32 = 0,
        argument: WireBytes = WireBytes()
    ) {
        self.operation = operation
        self.flags = flags
        self.slot = slot
        self.subOpcode = subOpcode
        self.requestID = requestID
        self.offset = offset
        self.timeout = timeout
        self.argument = argument
    }

    /// Reads the entry at `position` of a submission whose framing `Submission.init` has already proven.
    @inlinable @inline(__always)
    init(proven bytes: WireBytes, at position: Int) {
        // Checked once for all loads.
        let header = bytes.slice(position, Limits.entryHeader)
        operation = Operation(rawValue: header.load(UInt8.self, at: 0))
        flags = EntryFlags(rawValue: header.load(UInt8.self, at: 1))
        slot = FileSlot(header.load(UInt16.self, at: 2))
        subOpcode = SubOpcode(header.load(UInt32.self, at: 4))
        requestID = RequestID(header.load(UInt64.self, at: 8))
        offset = header.load(UInt64.self, at: 16)
        timeout = header.load(UInt32.self, at: 24)
        argument = bytes.slice(position + Limits.entryHeader, Int(header.load(UInt32.self, at: 28)))
    }

    /// The file's own position, for files that are streams.
    public static let currentPosition = UInt64.max

    /// Bytes the entry takes in a frame.
    @inlinable
    public var size: Int { Limits.entryHeader + Limits.padded(argument.count) }

    /// Writes the entry to the start of `buffer`, which must hold `size` bytes.
    public func encode(into buffer: UnsafeMutableRawBufferPointer) {
        buffer.storeWire(operation?.rawValue ?? 0, at: 0)
        buffer.storeWire(flags.rawValue, at: 1)
        buffer.storeWire(slot.index, at: 2)
        buffer.storeWire(subOpcode.code, at: 4)
        buffer.storeWire(requestID.value, at: 8)
        buffer.storeWire(offset, at: 16)
        buffer.storeWire(timeout, at: 24)
        buffer.storeWire(UInt32(argument.count), at: 28)
        buffer.storeWirePadded(argument.pointer, at: Limits.entryHeader)
    }
}
