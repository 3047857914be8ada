import RingProtocol

/// One message between the gateway and a device's own process.
///
/// A header of 32 bytes, little-endian: `length u32 @0` of the body behind it, `kind u8 @4, flags u8 @5, names u16 @6,
/// ticket u32 @8, file u32 @12, first u32 @16, second u32 @20, number u64 @24`. What the fields mean depends on the kind
/// (``DeviceOrder``, ``DeviceAnswer``); those without a meaning are zero.
struct DeviceMessage: Equatable {
    var kind: UInt8
    var flags: UInt8 = 0
    /// Bytes of the body that are names.
    var names: UInt16 = 0
    var ticket: UInt32 = 0
    var file: UInt32 = 0
    var first: UInt32 = 0
    var second: UInt32 = 0
    var number: UInt64 = 0
    var body: [UInt8] = []

    static let header = 32
    /// Bytes of the longest body: an entry or a reply, and names beside it.
    static let bodyLimit = Limits.entryHeader + Limits.payload + namesLimit
    static let namesLimit = 64 << 10 - 1

    func append(to bytes: inout [UInt8]) {
        var header = [UInt8](repeating: 0, count: Self.header)
        header.withUnsafeMutableBytes {
            $0.storeWire(UInt32(body.count), at: 0)
            $0.storeWire(kind, at: 4)
            $0.storeWire(flags, at: 5)
            $0.storeWire(names, at: 6)
            $0.storeWire(ticket, at: 8)
            $0.storeWire(file, at: 12)
            $0.storeWire(first, at: 16)
            $0.storeWire(second, at: 20)
            $0.storeWire(number, at: 24)
        }
        bytes += header
        bytes += body
    }

    init(kind: UInt8, ticket: UInt32 = 0) {
        self.kind = kind
        self.ticket = ticket
    }

    /// Reads the header; `bytes` has a whole message.
    fileprivate init(_ bytes: WireBytes) {
        kind = bytes.load(UInt8.self, at: 4)
        flags = bytes.load(UInt8.self, at: 5)
        names = bytes.load(UInt16.self, at: 6)
        ticket = bytes.load(UInt32.self, at: 8)
        file = bytes.load(UInt32.self, at: 12)
        first = bytes.load(UInt32.self, at: 16)
        second = bytes.load(UInt32.self, at: 20)
        number = bytes.load(UInt64.self, at: 24)
        body = bytes.slice(Self.header, bytes.count - Self.header).array
    }
}

/// The other side has sent what is no message.
public struct DeviceLinkError: Error {}

/// Bytes that have come, cut into messages.
struct DeviceInbox {
    private var bytes: [UInt8] = []
    private var position = 0

    mutating func add(_ more: UnsafeRawBufferPointer) {
        bytes.removeFirst(position)
        position = 0
        bytes += more
    }

    /// The next message that is there as a whole.
    mutating func next() throws(DeviceLinkError) -> DeviceMessage? {
        let start = position
        guard bytes.count - start >= DeviceMessage.header else { return nil }
        let size = bytes.withUnsafeBytes { bytes in
            DeviceMessage.header + Int(WireBytes(bytes).load(UInt32.self, at: start))
        }
        guard size <= DeviceMessage.header + DeviceMessage.bodyLimit else { throw DeviceLinkError() }
        guard bytes.count - start >= size else { return nil }
        position += size
        return bytes.withUnsafeBytes { DeviceMessage(WireBytes($0).slice(start, size)) }
    }
}
