import RingProtocol

/// An I2C bus: linux/i2c-dev.h and linux/i2c.h.
public struct I2CBus: TypedDevice {
    public let device: NamedDevice

    public init(_ device: NamedDevice) { self.device = device }

    /// Bits of I2C_FUNC_*.
    public func functionality() async throws -> UInt64 {
        UInt64(bitPattern: try await device.call("I2C_FUNCS").number("funcs"))
    }

    /// Writes to the device at `address` and then reads `count` bytes from it, without letting the bus go in between.
    /// Either may be left out. Throws `.errno` with ENXIO when nothing answers there.
    public func transfer(address: Int, write: [UInt8] = [], read count: Int = 0) async throws -> [UInt8] {
        var values: [String: String] = [:]
        var messages = 0
        if !write.isEmpty || count == 0 {
            values["msgs.0.addr"] = "\(address)"
            values["msgs.0.buf"] = hex(write)
            messages = 1
        }
        if count > 0 {
            values["msgs.\(messages).addr"] = "\(address)"
            values["msgs.\(messages).flags"] = "I2C_M_RD"
            values["msgs.\(messages).len"] = "\(count)"
        }
        let reply = try await device.call("I2C_RDWR", values)
        return count > 0 ? try reply.bytes("msgs.\(messages).buf") : []
    }

    /// Chooses the device that SMBus transfers on this open file go to.
    public func select(address: Int) async throws {
        try await device.call("I2C_SLAVE", ["address": "\(address)"])
    }

    /// SMBus "read byte data" from the device that was selected.
    public func readByte(register: UInt8) async throws -> UInt8 {
        try await smbus(.byteData, register)[0]
    }

    /// SMBus "write byte data".
    public func writeByte(_ value: UInt8, register: UInt8) async throws {
        try await smbus(.byteData, register, write: [value])
    }

    /// SMBus "read word data".
    public func readWord(register: UInt8) async throws -> UInt16 {
        let bytes = try await smbus(.wordData, register)
        return UInt16(bytes[0]) | UInt16(bytes[1]) << 8
    }

    /// SMBus "write word data".
    public func writeWord(_ value: UInt16, register: UInt8) async throws {
        try await smbus(
            .wordData, register,
            write: [UInt8(truncatingIfNeeded: value), UInt8(truncatingIfNeeded: value >> 8)])
    }

    /// An I2C block of `count` bytes, 1 to 32.
    public func readBlock(register: UInt8, count: Int) async throws -> [UInt8] {
        let bytes = try await smbus(.block, register, asking: UInt8(clamping: count))
        return Array(bytes[1...].prefix(Int(bytes[0])))
    }

    /// Writes an I2C block of 1 to 32 bytes.
    public func writeBlock(_ bytes: [UInt8], register: UInt8) async throws {
        try await smbus(.block, register, write: [UInt8(clamping: bytes.count)] + bytes)
    }

    private enum Size: String {
        case byteData = "I2C_SMBUS_BYTE_DATA"
        case wordData = "I2C_SMBUS_WORD_DATA"
        case block = "I2C_SMBUS_I2C_BLOCK_DATA"
    }

    /// The 34 bytes of union i2c_smbus_data as the transfer left them. Reads a block of `asking` bytes.
    @discardableResult
    private func smbus(
        _ size: Size, _ register: UInt8, write: [UInt8]? = nil, asking: UInt8 = 0
    ) async throws -> [UInt8] {
        let data = write ?? [asking]
        guard data.count <= 34 else { throw FieldError.tooLong(field: "data", count: data.count, size: 34) }
        return try await device.call(
            "I2C_SMBUS",
            [
                "read_write": write == nil ? "I2C_SMBUS_READ" : "I2C_SMBUS_WRITE", "command": "\(register)",
                "size": size.rawValue, "data": hex(data + Array(repeating: 0, count: 34 - data.count)),
            ]
        ).bytes("data", atLeast: 34)
    }
}
