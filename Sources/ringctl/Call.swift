import ArgumentParser
import RingClient
import RingProtocol

struct Call: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sends one device command and shows its reply.",
        discussion:
            "Fields that are not given are zero. Numbers are decimal or 0x hexadecimal, bytes hexadecimal."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Option(help: ArgumentHelp("The whole argument block instead of fields.", valueName: "hex"))
    var argument: String?
    @Argument var device: String
    @Argument(help: "Name as describe shows it, or a number such as 0x5413.")
    var subOpcode: String
    @Argument(help: "Values of the argument block, NAME=VALUE.")
    var fields: [String] = []

    func validate() throws {
        guard argument == nil || fields.isEmpty else {
            throw ValidationError("give --argument or fields, not both")
        }
        _ = try fieldValues()
        if let argument, Hex.bytes(argument) == nil { throw ValidationError("--argument is not hexadecimal") }
    }

    func run() async throws {
        try await connection.withConnection { gateway in
            let target = try Target(subOpcode, in: try await gateway.describe(device))
            let codec = try target.description.map { description throws(FieldError) in
                try StructCodec(description)
            }
            let block = try argumentBlock(codec)
            let opened = try await gateway.open(device)
            let reply = try await opened.command(
                target.code, argument: block, replyLimit: target.description?.replySize)
            let values = try codec?.decode(reply.payload) ?? []
            try show(CallReport(device: device, target: target, reply: reply, values: values))
        }
    }

    private func fieldValues() throws -> [String: String] {
        var values: [String: String] = [:]
        for field in fields {
            guard let equals = field.firstIndex(of: "="), equals > field.startIndex else {
                throw ValidationError("\"\(field)\" is not NAME=VALUE")
            }
            let name = String(field[..<equals])
            guard values.updateValue(String(field[field.index(after: equals)...]), forKey: name) == nil else {
                throw ValidationError("field \(name) is given twice")
            }
        }
        return values
    }

    private func argumentBlock(_ codec: StructCodec?) throws -> [UInt8] {
        if let argument { return Hex.bytes(argument) ?? [] }
        if let codec { return try codec.encode(fieldValues()) }
        guard fields.isEmpty else {
            throw UsageFailure(
                description: "describe does not list \(subOpcode), so it has no fields; use --argument")
        }
        return []
    }

    private func show(_ report: CallReport) throws {
        switch output.format {
        case .json: try Output.json(report)
        case .text:
            print("result \(report.result)")
            for (name, value) in report.values { print("\(name) \(value)") }
            if report.values.isEmpty, !report.reply.isEmpty { print("reply \(report.reply)") }
        }
    }
}

/// The command meant, with its description if there is one.
struct Target {
    let name: String?
    let code: SubOpcode
    let description: CommandDescription?

    /// A name that describe does not list is an error; a number goes to the gateway, which decides.
    init(_ text: String, in device: DeviceDescription) throws(NotAllowed) {
        let number = text.hasPrefix("0x") ? UInt32(text.dropFirst(2), radix: 16) : UInt32(text)
        let match = device.commands.first { $0.name == text || $0.code == number }
        guard let code = number ?? match?.code else {
            throw NotAllowed(command: text, device: device.device, allowed: device.commands.map(\.name))
        }
        name = match?.name
        self.code = SubOpcode(code)
        description = match
    }
}
