import ArgumentParser
import RingClient
import RingProtocol

struct Call: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Sends a device command and shows its reply.",
        discussion: """
            Values are given by the names that describe shows: nmsgs=1 msgs.0.addr=0x50 msgs.0.buf=hex:0102. \
            What is not given is zero; counts, lengths and pointers follow from what is. Numbers are decimal or 0x \
            hexadecimal, or the field's names; bytes are hexadecimal, text:... or @FILE. \
            Behind + comes a command on the file that the command before gave.
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var waiting: WaitOptions
    @Option(help: ArgumentHelp("The whole argument instead of values.", valueName: "hex"))
    var argument: String?
    @Argument var device: String
    @Argument(help: "Name as describe shows it, or a number such as 0x5413.")
    var command: String
    @Argument(help: "Values of the argument; + and another command.")
    var values: [String] = []

    func validate() throws {
        let steps = try CallStep.split([command] + values)
        guard let argument else { return }
        guard steps.count == 1, steps[0].values.isEmpty else {
            throw ValidationError("give --argument or values, not both")
        }
        if Hex.bytes(argument) == nil { throw ValidationError("--argument is not hexadecimal") }
    }

    func run() async throws {
        let steps = try CallStep.split([command] + values)
        try await connection.withConnection { gateway in
            var description = try await gateway.describe(device)
            let lease = try await waiting.lease(device, gateway)
            defer { _ = lease }
            var opened: RemoteDevice?
            var taken: [RemoteDevice] = []
            for (index, step) in steps.enumerated() {
                let target = try Target(step.command, argument: argument.flatMap(Hex.bytes), in: description)
                let given = target.description?.given
                guard given != nil || index == steps.count - 1 else {
                    throw UsageFailure(description: "\(step.command) gives no file for what follows +")
                }
                let file = if let opened { opened } else { try await gateway.open(device) }
                let encoded = try await encode(step, target, gateway, &taken)
                let (handle, reply) = try await send(encoded, target, on: file, giving: given)
                let fields = try target.codec?.decode(reply.payload, of: encoded) ?? []
                try show(
                    CallReport(device: file.name, target, encoded, reply, fields), isOne: steps.count == 1)
                guard let given, index < steps.count - 1 else { continue }
                opened = handle
                description = try description.handle(given)
            }
        }
    }

    /// Devices named for fields that take a file are opened, and their slots put there. They stay open in `taken`.
    private func encode(
        _ step: CallStep, _ target: Target, _ gateway: RingConnection, _ taken: inout [RemoteDevice]
    ) async throws -> EncodedCommand {
        if let argument { return target.encode(argument: Hex.bytes(argument) ?? []) }
        var values = try step.resolved()
        for field in target.description?.fields ?? [] where field.takes != nil {
            guard let name = values[field.name], let first = name.first, !first.isNumber else { continue }
            let device = try await gateway.open(name)
            values[field.name] = String(device.slot.index)
            taken.append(device)
        }
        return try target.encode(values)
    }

    private func send(
        _ encoded: EncodedCommand, _ target: Target, on file: RemoteDevice, giving profile: String?
    ) async throws -> (handle: RemoteDevice?, reply: Reply) {
        var answer: (handle: RemoteDevice?, reply: Reply)
        if let profile {
            answer = try await file.submit(encoded, fillingSlotFor: profile)
        } else {
            var batch = Batch(entries: 1)
            batch.command(file, encoded)
            answer = (nil, try await file.connection.submit(batch)[0])
        }
        guard let failure = answer.reply.failure(of: "\(target.name ?? "\(encoded.code)") on \(file.name)")
        else {
            return answer
        }
        guard case .denied = failure else { throw failure }
        throw Denied(failure, session: file.connection.session, request: answer.reply.requestID.value)
    }

    private func show(_ report: CallReport, isOne: Bool) throws {
        switch output.format {
        case .json: try Output.json(report)
        case .text:
            if !isOne { print(report.command ?? "\(SubOpcode(report.code))") }
            for line in report.lines { print(line) }
        }
    }
}

extension CommandDescription {
    /// Profile of the file it gives.
    fileprivate var given: String? { gives ?? fields.lazy.compactMap(\.gives).first }
}

extension DeviceDescription {
    /// What may be done with a file that one of the commands gave.
    fileprivate func handle(_ profile: String) throws -> DeviceDescription {
        guard let handle = handles?.first(where: { $0.profile == profile }) else {
            throw NotAllowed(command: "anything", device: "\(device)/\(profile)", allowed: [])
        }
        return handle
    }
}

/// A denied command, with the way to learn more.
struct Denied: Error, CustomStringConvertible {
    let description: String

    init(_ error: RingError, session: UInt64, request: UInt64) {
        description = "\(error); explain with `ringctl explain \(session):\(request)`"
    }
}
