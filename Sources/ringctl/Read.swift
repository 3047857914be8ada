import ArgumentParser
import RingClient
import RingProtocol

struct Read: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Reads once from a device, to standard output.",
        discussion: "Waits until there is something to read. Fewer bytes than asked for may come.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var waiting: WaitOptions
    @Option(help: "Bytes to ask for; unless given, what one read may take, at most 4096.")
    var count: Int?
    @Option(help: "Byte position; the device's own position unless given.")
    var offset: UInt64?
    @Option(help: ArgumentHelp("Give up after this time.", valueName: "seconds"))
    var timeout: Double?
    @Argument var device: String

    func validate() throws {
        if let count, !(1...Limits.payload).contains(count) {
            throw ValidationError("--count must be 1 to \(Limits.payload)")
        }
        if let timeout, !(timeout > 0 && timeout <= 86400) {
            throw ValidationError("--timeout must be above 0, at most 86400")
        }
    }

    func run() async throws {
        try await connection.withConnection { gateway in
            let count = if let count { count } else { try await gateway.describe(device).readLength }
            let lease = try await waiting.lease(device, gateway)
            let opened = try await gateway.open(device)
            try Output.bytes(
                await opened.read(
                    count: count, offset: offset ?? Entry.currentPosition,
                    timeout: timeout.map { .seconds($0) }))
            _ = lease
        }
    }
}

extension DeviceDescription {
    /// A read no longer than allowed. When reading is not allowed the gateway shall say so, with its rule.
    var readLength: Int { max(1, min(read?.maxLength ?? 4096, 4096)) }
    /// The same for writes, which come in larger pieces.
    var writeLength: Int { max(1, min(write?.maxLength ?? 65536, 65536)) }
}
