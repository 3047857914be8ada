import RingProtocol

/// An NVMe controller or a namespace, with blocks of 512 bytes, as the profile `nvme` describes it: linux/nvme_ioctl.h and
/// the NVM Express Base and NVM Command Set specifications.
///
/// All throw ``NVMeStatus`` when the device itself fails a command.
public struct NVMeDevice: TypedDevice {
    public static let blockSize = 512

    public let device: NamedDevice
    /// Number of the namespace that blocks are read from and written to.
    public let namespace: UInt32

    public init(_ device: NamedDevice) { self.init(device, namespace: 1) }

    public init(_ device: NamedDevice, namespace: UInt32) {
        self.device = device
        self.namespace = namespace
    }

    /// What the controller says of itself (Identify, CNS 01h).
    public func identifyController() async throws -> NVMeController {
        let reply = try await run("NVME_URING_CMD_ADMIN_IDENTIFY", ["cns": "CONTROLLER", "data_len": "4096"])
        return NVMeController(try reply.bytes("addr", atLeast: 4096))
    }

    /// Size and block format of the namespace (Identify, CNS 00h).
    public func identifyNamespace() async throws -> NVMeNamespace {
        let values = ["cns": "NAMESPACE", "nsid": "\(namespace)", "data_len": "4096"]
        let reply = try await run("NVME_URING_CMD_ADMIN_IDENTIFY", values)
        return NVMeNamespace(try reply.bytes("addr", atLeast: 4096))
    }

    /// The controller's log of its health (Log Page 02h).
    public func health() async throws -> NVMeHealth {
        let values = ["lid": "SMART", "numdl": "127", "nsid": "0xffffffff", "data_len": "512"]
        let reply = try await run("NVME_URING_CMD_ADMIN_GET_LOG_PAGE", values)
        return NVMeHealth(try reply.bytes("addr", atLeast: 512))
    }

    /// The bytes of `count` blocks, 1 to 1024, from `block` on.
    public func read(block: UInt64, count: Int = 1) async throws -> [UInt8] {
        try Self.check(blocks: count)
        return try await run(
            "NVME_URING_CMD_IO_READ",
            [
                "nsid": "\(namespace)", "slba": "\(block)", "nlb": "\(count - 1)",
                "data_len": "\(count * Self.blockSize)",
            ]
        ).bytes("addr")
    }

    /// Writes whole blocks, 1 to 1024, from `block` on.
    @discardableResult
    public func write(_ bytes: [UInt8], block: UInt64) async throws -> NamedReply {
        try Self.check(blocks: bytes.count.isMultiple(of: Self.blockSize) ? bytes.count / Self.blockSize : 0)
        return try await run(
            "NVME_URING_CMD_IO_WRITE",
            [
                "nsid": "\(namespace)", "slba": "\(block)", "nlb": "\(bytes.count / Self.blockSize - 1)",
                "addr": hex(bytes),
            ])
    }

    /// Makes what was written durable.
    public func flush() async throws {
        try await run("NVME_URING_CMD_IO_FLUSH", ["nsid": "\(namespace)"])
    }

    /// One command moves 512 KiB at most.
    private static func check(blocks: Int) throws(FieldError) {
        guard (1...1024).contains(blocks) else {
            throw .outOfRange(field: "blocks", text: "\(blocks)", least: "1", greatest: "1024")
        }
    }

    @discardableResult
    private func run(_ command: String, _ values: [String: String]) async throws -> NamedReply {
        let reply = try await device.call(command, values)
        if let status = NVMeStatus(reply.reply.result) { throw status }
        return reply
    }
}

/// The status with which an NVMe device failed a command (Base Specification, Status Field).
public struct NVMeStatus: Error, Equatable, Sendable, CustomStringConvertible {
    /// Bits 0 to 7 code, 8 to 10 type, 14 do not retry; as the kernel gives them.
    public let value: UInt16

    /// nil for success.
    public init?(_ result: Int32) {
        guard result > 0, result <= 0x7fff else { return nil }
        value = UInt16(result)
    }

    public var code: UInt8 { UInt8(truncatingIfNeeded: value) }
    /// 0 generic, 1 command specific, 2 media and data integrity, 3 path.
    public var type: UInt8 { UInt8(value >> 8 & 7) }
    public var mayRetry: Bool { value & 0x4000 == 0 }

    public var description: String {
        let words =
            switch (type, code) {
            case (0, 0x01): "invalid command opcode"
            case (0, 0x02): "invalid field in command"
            case (0, 0x80): "block out of range"
            case (2, 0x80): "write fault"
            case (2, 0x81): "unrecovered read error"
            default: "type \(type), code \(code)"
            }
        return "NVMe status 0x\(String(value, radix: 16)): \(words)"
    }
}

/// The parts of the Identify Controller data structure that tell which device it is.
public struct NVMeController: Equatable, Sendable {
    /// PCI vendor.
    public let vendor: UInt16
    public let serial: String
    public let model: String
    public let firmware: String

    init(_ page: [UInt8]) {
        vendor = page.withUnsafeBytes { $0.loadUnaligned(as: UInt16.self).littleEndian }
        serial = Self.text(page[4..<24])
        model = Self.text(page[24..<64])
        firmware = Self.text(page[64..<72])
    }

    /// ASCII, filled up with spaces.
    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        let text = bytes.prefix { $0 != 0 }.reversed().drop { $0 == UInt8(ascii: " ") }.reversed()
        return String(decoding: text, as: UTF8.self)
    }
}

/// The parts of the Identify Namespace data structure that tell how large it is.
public struct NVMeNamespace: Equatable, Sendable {
    public let blocks: UInt64
    /// Bytes.
    public let blockSize: Int
    /// Bytes of metadata that go with each block.
    public let metadataSize: Int

    init(_ page: [UInt8]) {
        (blocks, blockSize, metadataSize) = page.withUnsafeBytes {
            let format = Int($0[26] & 0xf)
            let entry = $0.loadUnaligned(fromByteOffset: 128 + 4 * format, as: UInt32.self).littleEndian
            let exponent = Int(entry >> 16 & 0xff)
            return (
                $0.loadUnaligned(as: UInt64.self).littleEndian, exponent < 32 ? 1 << exponent : 0,
                Int(entry & 0xffff)
            )
        }
    }
}

/// The SMART / Health Information log.
public struct NVMeHealth: Equatable, Sendable {
    /// Bits 0 spare, 1 temperature, 2 reliability, 3 read-only, 4 backup, 5 persistent memory.
    public let criticalWarning: UInt8
    /// Kelvin.
    public let temperature: Int
    /// Percent.
    public let availableSpare: Int
    /// Percent of the expected life; may pass 100.
    public let percentageUsed: Int
    public let powerOnHours: UInt64
    public let mediaErrors: UInt64

    init(_ page: [UInt8]) {
        criticalWarning = page[0]
        temperature = Int(page[1]) | Int(page[2]) << 8
        availableSpare = Int(page[3])
        percentageUsed = Int(page[5])
        // Counters have 16 bytes; nobody's disk needs the upper eight.
        powerOnHours = page.withUnsafeBytes {
            $0.loadUnaligned(fromByteOffset: 128, as: UInt64.self).littleEndian
        }
        mediaErrors = page.withUnsafeBytes {
            $0.loadUnaligned(fromByteOffset: 160, as: UInt64.self).littleEndian
        }
    }
}
