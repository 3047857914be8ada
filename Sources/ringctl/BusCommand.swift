import ArgumentParser
import RingClient

/// Bytes as pairs of hexadecimal digits.
struct HexBytes: ExpressibleByArgument {
    let bytes: [UInt8]

    init?(argument: String) {
        guard let bytes = Hex.bytes(argument) else { return nil }
        self.bytes = bytes
    }
}

/// A device's address on its bus.
struct BusAddress: ExpressibleByArgument {
    let number: Int

    init?(argument: String) {
        let number = argument.hasPrefix("0x") ? Int(argument.dropFirst(2), radix: 16) : Int(argument)
        guard let number, (0...0x3ff).contains(number) else { return nil }
        self.number = number
    }
}

/// What came, in hexadecimal.
private struct BusReport: Encodable {
    let received: [String]
}

struct I2CCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "i2c", abstract: "Devices on an I2C bus.", subcommands: [I2CRead.self, I2CWrite.self])
}

struct I2CRead: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read", abstract: "Reads bytes from an address and prints them in hexadecimal.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var waiting: WaitOptions
    @Option(help: ArgumentHelp("Write this first, without letting the bus go.", valueName: "hex"))
    var write: HexBytes?
    @Argument var device: String
    @Argument(help: "Decimal or 0x hexadecimal.") var address: BusAddress
    @Argument var count: Int

    func validate() throws {
        guard (1...8192).contains(count) else { throw ValidationError("COUNT must be 1 to 8192") }
    }

    func run() async throws {
        try await connection.withDevice(device, waiting) { opened in
            let bytes = try await I2CBus(opened).transfer(
                address: address.number, write: write?.bytes ?? [], read: count)
            if output.format == .json { return try Output.json(BusReport(received: [Hex.text(bytes)])) }
            print(Hex.text(bytes))
        }
    }
}

struct I2CWrite: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "write", abstract: "Writes bytes to an address.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var waiting: WaitOptions
    @Argument var device: String
    @Argument(help: "Decimal or 0x hexadecimal.") var address: BusAddress
    @Argument(help: ArgumentHelp("What to write.", valueName: "hex")) var bytes: HexBytes

    func run() async throws {
        try await connection.withDevice(device, waiting) { opened in
            _ = try await I2CBus(opened).transfer(address: address.number, write: bytes.bytes)
        }
    }
}

struct SPICommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "spi", abstract: "Devices on an SPI bus.", subcommands: [SPITransfer.self])
}

struct SPITransfer: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfer",
        abstract: "Sends bytes and prints in hexadecimal what came at the same time.",
        discussion: "Several are sent one after the other while the device stays selected.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var waiting: WaitOptions
    @Option(help: ArgumentHelp("Of the clock.", valueName: "hertz")) var speed: UInt32
    @Option(help: "0 to 3; as the device is unless given.") var mode: UInt32?
    @Argument var device: String
    @Argument(help: ArgumentHelp("What to send.", valueName: "hex")) var parts: [HexBytes]

    func validate() throws {
        if let mode, mode > 3 { throw ValidationError("--mode must be 0 to 3") }
    }

    func run() async throws {
        try await connection.withDevice(device, waiting) { opened in
            let spi = SPIDevice(opened)
            if let mode { try await spi.setMode(mode) }
            let received = try await spi.transfer(parts.map(\.bytes), speed: speed).map(Hex.text)
            if output.format == .json { return try Output.json(BusReport(received: received)) }
            for text in received { print(text) }
        }
    }
}

extension ConnectionOptions {
    /// Runs `body` with an open device.
    func withDevice(_ name: String, _ waiting: WaitOptions, _ body: (NamedDevice) async throws -> Void)
        async throws
    {
        try await withConnection { gateway in
            let lease = try await waiting.lease(name, gateway)
            try await body(NamedDevice.open(name, on: gateway))
            _ = lease
        }
    }
}
