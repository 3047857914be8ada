import ArgumentParser
import RingClient
import RingProtocol

struct NVMeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nvme", abstract: "NVMe controllers and namespaces with blocks of 512 bytes.",
        subcommands: [NVMeIdentify.self, NVMeHealthCommand.self, NVMeRead.self, NVMeWrite.self])
}

struct NVMeIdentify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identify", abstract: "Which controller it is, and how large a namespace.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var waiting: WaitOptions
    @Option(help: "Number of the namespace.") var namespace: UInt32 = 1
    @Argument var device: String

    private struct Report: Encodable {
        let vendor: UInt16
        let serial, model, firmware: String
        let namespace: UInt32
        let blocks: UInt64
        let blockSize, metadataSize: Int
    }

    func run() async throws {
        try await connection.withDevice(device, waiting) { opened in
            let disk = NVMeDevice(opened, namespace: namespace)
            let controller = try await disk.identifyController()
            let size = try await disk.identifyNamespace()
            let report = Report(
                vendor: controller.vendor, serial: controller.serial, model: controller.model,
                firmware: controller.firmware, namespace: namespace, blocks: size.blocks,
                blockSize: size.blockSize, metadataSize: size.metadataSize)
            if output.format == .json { return try Output.json(report) }
            print("serial \(report.serial)".printable)
            print("model \(report.model)".printable)
            print("firmware \(report.firmware)".printable)
            print("vendor 0x\(String(report.vendor, radix: 16))")
            print("namespace \(namespace): \(report.blocks) blocks of \(report.blockSize) bytes")
        }
    }
}

struct NVMeHealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "The controller's SMART log.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var waiting: WaitOptions
    @Argument var device: String

    private struct Report: Encodable {
        let criticalWarning: UInt8
        let temperatureKelvin, availableSparePercent, percentageUsed: Int
        let powerOnHours, mediaErrors: UInt64
    }

    func run() async throws {
        try await connection.withDevice(device, waiting) { opened in
            let health = try await NVMeDevice(opened).health()
            let report = Report(
                criticalWarning: health.criticalWarning, temperatureKelvin: health.temperature,
                availableSparePercent: health.availableSpare, percentageUsed: health.percentageUsed,
                powerOnHours: health.powerOnHours, mediaErrors: health.mediaErrors)
            if output.format == .json { return try Output.json(report) }
            print("temperature \(report.temperatureKelvin) K")
            print("critical warnings 0x\(String(report.criticalWarning, radix: 16))")
            print("available spare \(report.availableSparePercent) %, used \(report.percentageUsed) %")
            print("power on \(report.powerOnHours) h, media errors \(report.mediaErrors)")
        }
    }
}

/// Which blocks.
struct BlockOptions: ParsableArguments {
    @Option(help: "Number of the namespace.") var namespace: UInt32 = 1
    @Option(help: "First block.") var block: UInt64

    /// Blocks of one command: 512 KiB.
    static let greatest = 1024
}

struct NVMeRead: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read", abstract: "Reads blocks, to standard output.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var waiting: WaitOptions
    @OptionGroup var blocks: BlockOptions
    @Option(help: "How many.") var count = 1
    @Argument var device: String

    func validate() throws {
        guard count >= 1 else { throw ValidationError("--count must be at least 1") }
        guard !blocks.block.addingReportingOverflow(UInt64(count)).overflow else {
            throw ValidationError("there are no such blocks")
        }
    }

    func run() async throws {
        try await connection.withDevice(device, waiting) { opened in
            let disk = NVMeDevice(opened, namespace: blocks.namespace)
            for first in stride(from: 0, to: count, by: BlockOptions.greatest) {
                let some = min(count - first, BlockOptions.greatest)
                try Output.bytes(await disk.read(block: blocks.block + UInt64(first), count: some))
            }
        }
    }
}

struct NVMeWrite: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "write", abstract: "Writes standard input to blocks, and flushes.",
        discussion: "What does not fill its last block is refused, and nothing is written.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var waiting: WaitOptions
    @OptionGroup var blocks: BlockOptions
    @Argument var device: String

    func run() async throws {
        let limit = BlockOptions.greatest * NVMeDevice.blockSize
        var bytes: [UInt8] = []
        let input = StandardInput()
        reading: while bytes.count <= limit {
            switch await input.next(atMost: limit) {
            case .bytes(let piece): bytes += piece
            case .idle: try Task.checkCancellation()
            case .end: break reading
            }
        }
        guard bytes.count <= limit else {
            throw UsageFailure(description: "standard input has more than \(limit) bytes; write it in parts")
        }
        guard !bytes.isEmpty, bytes.count.isMultiple(of: NVMeDevice.blockSize) else {
            throw UsageFailure(
                description:
                    "standard input has \(bytes.count) bytes, which are no blocks of \(NVMeDevice.blockSize)")
        }
        try await connection.withDevice(device, waiting) { opened in
            let disk = NVMeDevice(opened, namespace: blocks.namespace)
            try await disk.write(bytes, block: blocks.block)
            try await disk.flush()
        }
    }
}
