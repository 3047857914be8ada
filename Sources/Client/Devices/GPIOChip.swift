import RingProtocol

/// A GPIO chip, version 2 of the interface: linux/gpio.h.
public struct GPIOChip: TypedDevice {
    public let device: NamedDevice

    public init(_ device: NamedDevice) { self.device = device }

    public struct Info: Equatable, Sendable {
        public let name: String
        public let label: String
        public let lines: Int
    }

    public struct LineInfo: Equatable, Sendable {
        public let name: String
        /// Who has it; empty when nobody does.
        public let consumer: String
        public let isUsed: Bool
        public let isOutput: Bool
    }

    public enum Edge: String, Sendable {
        case rising
        case falling
        case both
    }

    /// How lines are taken.
    public enum Direction: Sendable {
        case input
        /// An input whose edges ``GPIOLines/events()`` tells.
        case edges(Edge)
        /// With the values to begin with, one for each line.
        case output([Bool])
    }

    public func info() async throws -> Info {
        let reply = try await device.call("GPIO_GET_CHIPINFO_IOCTL")
        return Info(
            name: try reply.text("name"), label: try reply.text("label"),
            lines: Int(try reply.number("lines")))
    }

    public func line(_ offset: Int) async throws -> LineInfo {
        let reply = try await device.call("GPIO_V2_GET_LINEINFO_IOCTL", ["offset": "\(offset)"])
        let flags = try reply.number("flags")
        return LineInfo(
            name: try reply.text("name"), consumer: try reply.text("consumer"), isUsed: flags & 0x1 != 0,
            isOutput: flags & 0x8 != 0)
    }

    /// Takes 1 to 64 lines for as long as the result is kept. Throws `.errno` with EBUSY when somebody has one of them.
    public func request(
        _ offsets: [Int], _ direction: Direction, consumer: String = "ringgate"
    ) async throws -> GPIOLines {
        var values = [
            "offsets": "[" + offsets.map(String.init).joined(separator: ", ") + "]",
            "consumer": "text:\(consumer)",
        ]
        switch direction {
        case .input:
            values["config.flags"] = "GPIO_V2_LINE_FLAG_INPUT"
        case .edges(let edge):
            var flags = ["GPIO_V2_LINE_FLAG_INPUT"]
            if edge != .falling { flags.append("GPIO_V2_LINE_FLAG_EDGE_RISING") }
            if edge != .rising { flags.append("GPIO_V2_LINE_FLAG_EDGE_FALLING") }
            values["config.flags"] = flags.joined(separator: "|")
        case .output(let initial):
            values["config.flags"] = "GPIO_V2_LINE_FLAG_OUTPUT"
            values["config.attrs.0.attr.id"] = "GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES"
            values["config.attrs.0.attr.values"] = "\(GPIOLines.bits(initial))"
            values["config.attrs.0.mask"] = "\(GPIOLines.mask(offsets.count))"
        }
        let (file, _) = try await device.open("GPIO_V2_GET_LINE_IOCTL", values)
        return GPIOLines(file, offsets: offsets)
    }
}

/// Lines that were taken. They are free again, and may change, when this is closed or goes.
public struct GPIOLines: Sendable {
    public let device: NamedDevice
    public let offsets: [Int]

    init(_ device: NamedDevice, offsets: [Int]) {
        self.device = device
        self.offsets = offsets
    }

    /// An edge, as the kernel saw it.
    public struct Event: Equatable, Sendable {
        /// Nanoseconds of the gateway's CLOCK_MONOTONIC, taken in the interrupt.
        public let timestamp: UInt64
        public let isRising: Bool
        /// Which line of the chip.
        public let offset: Int
        /// Counts the events of all lines of the request, and of this one, from 1: what is missing was lost.
        public let sequence: UInt32
        public let lineSequence: UInt32
    }

    /// Values in the order of ``offsets``.
    public func values() async throws -> [Bool] {
        let reply = try await device.call(
            "GPIO_V2_LINE_GET_VALUES_IOCTL", ["mask": "\(Self.mask(offsets.count))"])
        let bits = UInt64(bitPattern: try reply.number("bits"))
        return offsets.indices.map { bits >> $0 & 1 == 1 }
    }

    /// Sets outputs, in the order of ``offsets``.
    @discardableResult
    public func set(_ values: [Bool]) async throws -> NamedReply {
        try await device.call(
            "GPIO_V2_LINE_SET_VALUES_IOCTL",
            ["bits": "\(Self.bits(values))", "mask": "\(Self.mask(values.count))"])
    }

    /// Edges of lines that were taken with them.
    public func events() -> RecordSequence<Event> {
        RecordSequence(device.file, size: 48) { bytes in
            Event(
                timestamp: bytes.load(UInt64.self, at: 0), isRising: bytes.load(UInt32.self, at: 8) == 1,
                offset: Int(bytes.load(UInt32.self, at: 12)), sequence: bytes.load(UInt32.self, at: 16),
                lineSequence: bytes.load(UInt32.self, at: 20))
        }
    }

    public func close() async throws { try await device.close() }

    static func bits(_ values: [Bool]) -> UInt64 {
        values.prefix(64).enumerated().reduce(0) { $0 | ($1.element ? 1 << $1.offset : 0) }
    }

    static func mask(_ count: Int) -> UInt64 { count >= 64 ? .max : (1 << count) - 1 }
}
