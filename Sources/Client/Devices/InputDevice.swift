import RingProtocol

/// A keyboard, touch screen or the like: linux/input.h.
public struct InputDevice: TypedDevice {
    public let device: NamedDevice

    public init(_ device: NamedDevice) { self.device = device }

    public struct Identity: Equatable, Sendable {
        public let bus: UInt16
        public let vendor: UInt16
        public let product: UInt16
        public let version: UInt16
    }

    /// One change. Those that belong together end with one of type 0 (EV_SYN).
    public struct Event: Equatable, Sendable {
        /// Microseconds of the clock that EVIOCSCLOCKID chose; CLOCK_REALTIME unless one did.
        public let time: Int64
        /// EV_KEY, EV_ABS, ...
        public let type: UInt16
        public let code: UInt16
        public let value: Int32
    }

    public func identity() async throws -> Identity {
        let reply = try await device.call("EVIOCGID")
        func number(_ name: String) throws -> UInt16 { UInt16(truncatingIfNeeded: try reply.number(name)) }
        return Identity(
            bus: try number("bustype"), vendor: try number("vendor"), product: try number("product"),
            version: try number("version"))
    }

    public func deviceName() async throws -> String {
        let reply = try await device.call("EVIOCGNAME", ["size": "256"]).reply
        return String(decoding: reply.payload.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Codes of the type that the device has.
    public func codes(ofType type: UInt8) async throws -> Set<Int> {
        let reply = try await device.call("EVIOCGBIT", ["size": "96", "number": "\(0x20 + Int(type))"]).reply
        let bytes = reply.payload.prefix(Int(reply.result))
        return Set((0..<bytes.count * 8).filter { bytes[$0 / 8] >> ($0 % 8) & 1 == 1 })
    }

    public func events() -> RecordSequence<Event> {
        RecordSequence(device.file, size: 24) { bytes in
            let seconds = Int64(bitPattern: bytes.load(UInt64.self, at: 0))
            let microseconds = Int64(bitPattern: bytes.load(UInt64.self, at: 8))
            return Event(
                time: seconds &* 1_000_000 &+ microseconds, type: bytes.load(UInt16.self, at: 16),
                code: bytes.load(UInt16.self, at: 18),
                value: Int32(bitPattern: bytes.load(UInt32.self, at: 20)))
        }
    }
}
