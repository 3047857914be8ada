import RingProtocol

/// A serial line: ioctl_tty(2), asm-generic/termbits.h.
public struct SerialPort: TypedDevice {
    public let device: NamedDevice

    public init(_ device: NamedDevice) { self.device = device }

    public enum Parity: String, Sendable {
        case none
        case even
        case odd
    }

    public struct Framing: Equatable, Sendable {
        /// 5 to 8.
        public var dataBits: Int
        public var parity: Parity
        /// 1 or 2.
        public var stopBits: Int

        public init(dataBits: Int = 8, parity: Parity = .none, stopBits: Int = 1) {
            self.dataBits = dataBits
            self.parity = parity
            self.stopBits = stopBits
        }
    }

    public struct Settings: Equatable, Sendable {
        /// Bits a second.
        public var speed: UInt32
        public var framing: Framing
    }

    /// Lines of the port, as TIOCMGET names them.
    public struct ModemLines: OptionSet, Equatable, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        public static let dtr = ModemLines(rawValue: 0x2)
        public static let rts = ModemLines(rawValue: 0x4)
        public static let cts = ModemLines(rawValue: 0x20)
        public static let carrier = ModemLines(rawValue: 0x40)
        public static let ring = ModemLines(rawValue: 0x80)
        public static let dsr = ModemLines(rawValue: 0x100)
    }

    /// Bits a second.
    public func speed() async throws -> UInt32 {
        UInt32(truncatingIfNeeded: try await device.call("TCGETS2").number("c_ospeed"))
    }

    public func settings() async throws -> Settings {
        let now = try await device.call("TCGETS2")
        let cflag = UInt32(truncatingIfNeeded: try now.number("c_cflag"))
        let parity: Parity = cflag & Bits.parity == 0 ? .none : cflag & Bits.odd == 0 ? .even : .odd
        return Settings(
            speed: UInt32(truncatingIfNeeded: try now.number("c_ospeed")),
            framing: Framing(
                dataBits: Int(cflag & Bits.size) >> 4 + 5, parity: parity,
                stopBits: cflag & Bits.stop == 0 ? 1 : 2))
    }

    /// Makes the line pass bytes as they are, with this speed in bits a second, once what was written is sent. The gateway
    /// puts the settings back when the file is closed.
    public func makeRaw(speed: UInt32, framing: Framing = Framing()) async throws {
        guard (5...8).contains(framing.dataBits) else {
            throw FieldError.outOfRange(
                field: "dataBits", text: "\(framing.dataBits)", least: "5", greatest: "8")
        }
        let now = try await device.call("TCGETS2")
        var cflag = UInt32(truncatingIfNeeded: try now.number("c_cflag"))
        cflag &= ~(Bits.speeds | Bits.size | Bits.stop | Bits.parity | Bits.odd)
        cflag |= Bits.anySpeed | Bits.receive | Bits.local
        cflag |= UInt32(framing.dataBits - 5) << 4 & Bits.size
        if framing.stopBits == 2 { cflag |= Bits.stop }
        if framing.parity != .none { cflag |= Bits.parity }
        if framing.parity == .odd { cflag |= Bits.odd }
        var characters = try now.bytes("c_cc", atLeast: 7)
        (characters[5], characters[6]) = (0, 1)  // VTIME, VMIN: a read waits for one byte.
        try await device.call(
            "TCSETSW2",
            [
                "c_iflag": "0", "c_oflag": "0", "c_lflag": "0", "c_cflag": "\(cflag)",
                "c_cc": hex(characters), "c_ispeed": "\(speed)", "c_ospeed": "\(speed)",
            ])
    }

    public func modemLines() async throws -> ModemLines {
        ModemLines(rawValue: UInt32(truncatingIfNeeded: try await device.call("TIOCMGET").number("lines")))
    }

    /// Raises DTR or RTS.
    public func raise(_ lines: ModemLines) async throws {
        try await device.call("TIOCMBIS", ["lines": "\(lines.rawValue)"])
    }

    /// Drops DTR or RTS.
    public func drop(_ lines: ModemLines) async throws {
        try await device.call("TIOCMBIC", ["lines": "\(lines.rawValue)"])
    }

    /// Holds the line low for a quarter of a second.
    public func sendBreak() async throws {
        try await device.call("TCSBRK", ["wait": "0"])
    }

    /// Holds the line low until ``endBreak()``.
    public func startBreak() async throws { try await device.call("TIOCSBRK") }

    public func endBreak() async throws { try await device.call("TIOCCBRK") }

    public enum Queue: String, Sendable {
        /// What came and was not read yet.
        case input = "TCIFLUSH"
        /// What was written and not sent yet.
        case output = "TCOFLUSH"
        case both = "TCIOFLUSH"
    }

    /// Drops what waits.
    public func drop(_ queue: Queue) async throws {
        try await device.call("TCFLSH", ["queue": queue.rawValue])
    }

    /// Writes all of the bytes.
    public func write(_ bytes: [UInt8]) async throws {
        var rest = bytes[...]
        while !rest.isEmpty { rest = rest.dropFirst(try await device.file.write(Array(rest))) }
    }

    /// What comes, as it comes.
    public func input() -> EventSequence { device.file.events() }

    /// Of c_cflag.
    private enum Bits {
        /// CBAUD and CIBAUD: the fixed speeds, of sending and receiving.
        static let speeds: UInt32 = 0x100f_100f
        /// BOTHER: the speed is a number.
        static let anySpeed: UInt32 = 0x1000
        static let size: UInt32 = 0x30
        static let stop: UInt32 = 0x40
        static let receive: UInt32 = 0x80
        static let parity: UInt32 = 0x100
        static let odd: UInt32 = 0x200
        /// CLOCAL: modem lines do not matter.
        static let local: UInt32 = 0x800
    }
}
