import RingProtocol

/// A device on an SPI bus: linux/spi/spidev.h.
public struct SPIDevice: TypedDevice {
    public let device: NamedDevice

    public init(_ device: NamedDevice) { self.device = device }

    /// Bits of SPI_MODE_0 to SPI_MODE_3 and their like.
    public func mode() async throws -> UInt32 {
        UInt32(truncatingIfNeeded: try await device.call("SPI_IOC_RD_MODE32").number("mode"))
    }

    /// The mode belongs to the device, not to the open file; the gateway puts it back when that is closed.
    public func setMode(_ mode: UInt32) async throws {
        try await device.call("SPI_IOC_WR_MODE32", ["mode": "\(mode)"])
    }

    /// Hertz.
    public func maximumSpeed() async throws -> UInt32 {
        UInt32(truncatingIfNeeded: try await device.call("SPI_IOC_RD_MAX_SPEED_HZ").number("speed_hz"))
    }

    /// Sends bytes, at most 4096, and returns as many that came at the same time. `speed` is in hertz.
    public func transfer(_ bytes: [UInt8], speed: UInt32) async throws -> [UInt8] {
        try await transfer([bytes], speed: speed)[0]
    }

    /// Several transfers, at most 32, while the device stays selected.
    public func transfer(_ parts: [[UInt8]], speed: UInt32) async throws -> [[UInt8]] {
        var values: [String: String] = [:]
        for (index, bytes) in parts.enumerated() {
            values["transfers.\(index).tx_buf"] = hex(bytes)
            values["transfers.\(index).speed_hz"] = "\(speed)"
        }
        let reply = try await device.call("SPI_IOC_MESSAGE", values)
        return try parts.indices.map { try reply.bytes("transfers.\($0).rx_buf") }
    }
}
