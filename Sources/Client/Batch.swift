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
        /// Whether the next entry belongs to the same chain, and so into the same frame.
        var isLinked = false
    }

    private(set) var bytes: [UInt8] = []
    private(set) var costs: [Cost] = []
    private(set) var longestArgument = 0
    /// What the gateway must have granted.
    private(set) var features: Features = []
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
    public mutating func read(
        _ device: RemoteDevice, count: Int, offset: UInt64 = Entry.currentPosition, timeout: Duration? = nil
    ) {
        keep(device)
        // A count that does not fit the field is refused by the gateway like any other that is too long.
        withUnsafeBytes(of: UInt64(UInt32(clamping: count)).littleEndian) { argument in
            append(
                .read, slot: device.slot, offset: offset, timeout: timeout, argument: argument, reply: count)
        }
    }

    /// Writes `bytes` at byte position `offset`.
    public mutating func write(
        _ device: RemoteDevice, _ bytes: [UInt8], offset: UInt64 = Entry.currentPosition,
        timeout: Duration? = nil
    ) {
        keep(device)
        bytes.withUnsafeBytes {
            append(.write, slot: device.slot, offset: offset, timeout: timeout, argument: $0)
        }
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
        _ device: RemoteDevice, _ subOpcode: SubOpcode, argument: [UInt8] = [], replyLimit: Int? = nil,
        timeout: Duration? = nil
    ) {
        keep(device)
        argument.withUnsafeBytes {
            append(
                .command, slot: device.slot, subOpcode: subOpcode, timeout: timeout, argument: $0,
                reply: replyLimit ?? subOpcode.encodedReplySize)
        }
    }

    /// Sends a command as ``ArgumentCodec`` made it.
    public mutating func command(
        _ device: RemoteDevice, _ encoded: EncodedCommand, timeout: Duration? = nil
    ) {
        command(
            device, encoded.code, argument: encoded.argument, replyLimit: encoded.replySize, timeout: timeout)
    }

    /// Waits for what poll(2) would: the reply's result are the events that hold.
    public mutating func poll(_ device: RemoteDevice, _ events: PollEvents, timeout: Duration? = nil) {
        keep(device)
        append(.poll, slot: device.slot, subOpcode: SubOpcode(events.rawValue), timeout: timeout)
    }

    /// Waits at the gateway, between two elements of a chain; 1 ns to an hour.
    public mutating func delay(_ duration: Duration) {
        append(.timeout, offset: duration.nanoseconds)
    }

    // MARK: Order

    /// What `fill` adds runs one after the other at the gateway, in one round trip; at most 256 entries.
    ///
    /// All of it is decided before any of it runs: when one entry is refused, nothing runs. After an entry that fails
    /// the rest is not run (ECANCELED), unless the chain is `hard`.
    public mutating func chain(hard: Bool = false, _ fill: (inout Batch) -> Void) {
        let (entries, position) = (costs.count, bytes.count)
        fill(&self)
        guard costs.count > entries + 1 else { return }
        features.insert(.links)
        let flag: EntryFlags = hard ? .hardlink : .link
        var place = position
        for index in entries..<costs.count - 1 {
            bytes[place + 1] |= flag.rawValue
            costs[index].isLinked = true
            place += Int(costs[index].wire)
        }
    }

    /// What `fill` adds starts when all that was sent before is answered, and all that is sent later waits for its first
    /// entry, or its chain.
    public mutating func drained(_ fill: (inout Batch) -> Void) {
        let (entries, position) = (costs.count, bytes.count)
        fill(&self)
        guard costs.count > entries else { return }
        features.insert(.links)
        bytes[position + 1] |= EntryFlags.drain.rawValue
    }

    /// Gives the first entry another offset.
    mutating func setOffset(_ offset: UInt64) {
        bytes.withUnsafeMutableBytes { $0.storeWire(offset, at: 16) }
    }

    mutating func append(
        _ operation: Operation, slot: FileSlot = FileSlot(0), subOpcode: SubOpcode = SubOpcode(0),
        offset: UInt64 = 0, flags: EntryFlags = [], timeout: Duration? = nil,
        argument: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0), reply: Int = 0
    ) {
        let entry = Entry(
            operation, requestID: RequestID(0), slot: slot, subOpcode: subOpcode, offset: offset,
            flags: flags, timeout: timeout?.wireMilliseconds ?? 0, argument: WireBytes(argument))
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: entry.size))
        bytes.withUnsafeMutableBytes {
            entry.encode(into: UnsafeMutableRawBufferPointer(rebasing: $0[start...]))
        }
        let reply = min(max(reply, 0), Limits.payload)
        costs.append(
            Cost(wire: Int32(clamping: entry.size), payload: Int32(clamping: argument.count + reply)))
        longestArgument = max(longestArgument, argument.count)
        features.formUnion(operation.feature)
        if timeout != nil { features.insert(.timeouts) }
        if flags.contains(.multishot), operation != .lease { features.insert(.streams) }
    }

    /// Bytes of the longest chain; nil when there is none.
    var longestChain: Int? {
        var longest = 0
        var size = 0
        var isInChain = false
        for cost in costs {
            size = isInChain ? size + Int(cost.wire) : Int(cost.wire)
            isInChain = cost.isLinked
            if isInChain || size > Int(cost.wire) { longest = max(longest, size) }
        }
        return longest == 0 ? nil : longest
    }

    /// Lets the devices go.
    mutating func forgetDevices() { devices = [] }

    mutating func keep(_ device: RemoteDevice) {
        if !devices.contains(where: { $0 === device }) { devices.append(device) }
    }
}

extension Duration {
    /// Rounded up, so that no time becomes none.
    var wireMilliseconds: UInt32 {
        UInt32(clamping: max(1, (nanoseconds / 1_000_000) &+ (nanoseconds % 1_000_000 == 0 ? 0 : 1)))
    }

    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let (product, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product &+ UInt64(attoseconds) / 1_000_000_000
    }
}

extension SubOpcode {
    /// The reply size an ioctl number states (`_IOC_SIZE` when `_IOC_READ` is set, asm-generic/ioctl.h); 0
    /// for older numbers that state none.
    var encodedReplySize: Int { code & (2 << 30) != 0 ? Int((code >> 16) & 0x3fff) : 0 }
}
