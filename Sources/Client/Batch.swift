import RingProtocol

/// Entries that are sent together and answered together; see ``RingConnection/submit(_:)``.
///
/// The entries are kept as the bytes of the wire, in one buffer, with request ids still to be filled in. So a
/// batch can be built once and submitted many times.
public struct Batch: Sendable {
    /// What one entry costs.
    struct Cost: Sendable {
        /// Bytes in the frame.
        let wire: Int32
        /// Argument plus largest possible reply, in bytes, as rule R-18 counts them.
        let payload: Int32
    }

    private(set) var bytes: [UInt8] = []
    private(set) var costs: [Cost] = []
    private(set) var longestArgument = 0
    /// The devices used, so that none is closed and its slot given to another before the batch was answered.
    private(set) var devices: [RemoteDevice] = []

    public init() {}

    /// Room for `entries` entries with arguments of `argument` bytes each.
    public init(entries: Int, argument: Int = 0) {
        bytes.reserveCapacity(entries * (Limits.entryHeader + Limits.padded(argument)))
        costs.reserveCapacity(entries)
    }

    public var count: Int { costs.count }
    public var isEmpty: Bool { costs.isEmpty }

    /// An entry that the gateway answers without touching anything.
    public mutating func nop() {
        append(.nop)
    }

    /// Reads up to `count` bytes at byte position `offset`.
    public mutating func read(_ device: RemoteDevice, count: Int, offset: UInt64 = Entry.currentPosition) {
        keep(device)
        // A count that does not fit the field is refused by the gateway like any other that is too long.
        withUnsafeBytes(of: UInt64(UInt32(clamping: count)).littleEndian) { argument in
            append(.read, slot: device.slot, offset: offset, argument: argument, reply: count)
        }
    }

    /// Writes `bytes` at byte position `offset`.
    public mutating func write(
        _ device: RemoteDevice, _ bytes: [UInt8], offset: UInt64 = Entry.currentPosition
    ) {
        keep(device)
        bytes.withUnsafeBytes { append(.write, slot: device.slot, offset: offset, argument: $0) }
    }

    /// Flushes what was written to the device: fsync(2).
    public mutating func sync(_ device: RemoteDevice) {
        keep(device)
        append(.sync, slot: device.slot)
    }

    /// Sends a device command with its argument block.
    ///
    /// `replyLimit` is the size of the reply. It is only for keeping within the gateway's budget; without it the size
    /// encoded in an ioctl's number is taken.
    public mutating func command(
        _ device: RemoteDevice, _ subOpcode: SubOpcode, argument: [UInt8] = [], replyLimit: Int? = nil
    ) {
        keep(device)
        argument.withUnsafeBytes {
            append(
                .command, slot: device.slot, subOpcode: subOpcode, argument: $0,
                reply: replyLimit ?? subOpcode.encodedReplySize)
        }
    }

    /// Sends a command as ``ArgumentCodec`` made it.
    public mutating func command(_ device: RemoteDevice, _ encoded: EncodedCommand) {
        command(device, encoded.code, argument: encoded.argument, replyLimit: encoded.replySize)
    }

    /// Gives the first entry another offset.
    mutating func setOffset(_ offset: UInt64) {
        bytes.withUnsafeMutableBytes { $0.storeWire(offset, at: 16) }
    }

    mutating func append(
        _ operation: Operation, slot: FileSlot = FileSlot(0), subOpcode: SubOpcode = SubOpcode(0),
        offset: UInt64 = 0,
        argument: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0), reply: Int = 0
    ) {
        let entry = Entry(
            operation, requestID: RequestID(0), slot: slot, subOpcode: subOpcode, offset: offset,
            argument: WireBytes(argument))
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: entry.size))
        bytes.withUnsafeMutableBytes {
            entry.encode(into: UnsafeMutableRawBufferPointer(rebasing: $0[start...]))
        }
        let reply = min(max(reply, 0), Limits.payload)
        costs.append(
            Cost(wire: Int32(clamping: entry.size), payload: Int32(clamping: argument.count + reply)))
        longestArgument = max(longestArgument, argument.count)
    }

    /// Lets the devices go.
    mutating func forgetDevices() { devices = [] }

    private mutating func keep(_ device: RemoteDevice) {
        if !devices.contains(where: { $0 === device }) { devices.append(device) }
    }
}

extension SubOpcode {
    /// The reply size an ioctl number states (`_IOC_SIZE` when `_IOC_READ` is set, asm-generic/ioctl.h); 0
    /// for older numbers that state none.
    var encodedReplySize: Int { code & (2 << 30) != 0 ? Int((code >> 16) & 0x3fff) : 0 }
}
