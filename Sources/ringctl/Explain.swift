import ArgumentParser
import RingClient
import RingPolicy
import RingProtocol

struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tells why a request is allowed or denied, and what would have to be different.",
        discussion: """
            ringctl explain SESSION:REQUEST, as the error of a denied call shows it; or, for a request nobody has sent,
            ringctl explain --as URI --device DEVICE --op COMMAND [NAME=VALUE ...], where --op may also be read, write, \
            sync or open.
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Option(name: .customLong("as"), help: ArgumentHelp("Who would ask.", valueName: "uri"))
    var identity: String?
    @Option(help: "On which device; a file that a command gave is DEVICE/PROFILE.") var device: String?
    @Option(name: .customLong("op"), help: "A command's name or code, or read, write, sync or open.")
    var operation: String?
    @Option(help: ArgumentHelp("The whole argument instead of values.", valueName: "hex"))
    var argument: String?
    @Option(help: "Byte position of a read or write; slot of a command that fills one.") var offset: UInt64?
    @Option(help: "Bytes of a read or write.") var count: UInt32?
    @Argument(help: "SESSION:REQUEST, or values of the argument.") var words: [String] = []

    func validate() throws {
        let asked = [identity, device, operation].compactMap(\.self).count
        guard asked == 3 || (asked == 0 && words.count == 1 && Self.numbers(words[0]) != nil) else {
            throw ValidationError("give SESSION:REQUEST, or --as, --device and --op")
        }
        guard argument == nil || words.isEmpty else {
            throw ValidationError("give --argument or values, not both")
        }
        if let argument, Hex.bytes(argument) == nil { throw ValidationError("--argument is not hexadecimal") }
    }

    func run() async throws {
        try await connection.withConnection { gateway in
            let reply = try await gateway.administer(.policyExplain, try await request(gateway))
            switch output.format {
            case .json: try reply.printJSON()
            case .text: for line in try reply.decoded(Explained.self).lines { print(line.printable) }
            }
        }
    }

    private static func numbers(_ text: String) -> (session: UInt64, request: UInt64)? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let session = UInt64(parts[0]), let request = UInt64(parts[1]) else {
            return nil
        }
        return (session, request)
    }

    private func request(_ gateway: RingConnection) async throws -> ExplainRequest {
        guard let identity, let device, let operation else {
            let numbers = Self.numbers(words.first ?? "")
            return ExplainRequest(session: numbers?.session, request: numbers?.request)
        }
        var request = ExplainRequest(
            as: Somebody(uri: identity), device: device, offset: offset, count: count)
        if ["read", "write", "sync", "open"].contains(operation) {
            request.operation = operation
            return request
        }
        request.operation = "command"
        let number = operation.hasPrefix("0x") ? UInt32(operation.dropFirst(2), radix: 16) : UInt32(operation)
        request.command = number.map { .code($0) } ?? .name(operation)
        if let argument {
            request.argument = Hex.bytes(argument).map { Hex.text($0) }
            return request
        }
        // The gateway tells the command's fields, also to those who may not use it.
        let reply = try await gateway.administer(.policyExplain, request)
        guard let description = try reply.decoded(Explained.self).description else {
            guard words.isEmpty else {
                throw UsageFailure(
                    description: "no profile describes \(operation), so it has no fields; use --argument")
            }
            return request
        }
        var values: [String: String] = [:]
        for word in words {
            let (path, text) = try Assignment.split(word)
            values[path] = text
        }
        let encoded = try ArgumentCodec(description).encode(values)
        request.argument = Hex.text(encoded.argument)
        request.command = .code(encoded.code.code)
        return request
    }
}

/// The request of `policy.explain`.
private struct ExplainRequest: Encodable {
    enum Command: Encodable {
        case name(String)
        case code(UInt32)

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .name(let name): try container.encode(name)
            case .code(let code): try container.encode(code)
            }
        }
    }

    var session: UInt64?
    var request: UInt64?
    var `as`: Somebody?
    var device: String?
    var operation: String?
    var command: Command?
    var argument: String?
    var offset: UInt64?
    var count: UInt32?
}

/// The answer of `policy.explain`.
private struct Explained: Decodable {
    struct Recorded: Decodable {
        let time: UInt64
        let identity: String
        let verdict: String
        let rule: String?
        let text: String?
    }

    let verdict: String
    let rule: String
    let text: String
    let principals: [String]
    let device: String
    let command: String?
    let wouldNeed: [String]
    let recorded: Recorded?
    let note: String?
    let description: CommandDescription?

    var lines: [String] {
        var lines: [String] = []
        if let recorded {
            let rule = recorded.rule.map { $0.isEmpty ? "" : " by rule \($0)" } ?? ""
            lines.append(
                "\(recorded.verdict)\(rule) for \(recorded.identity) at \(Clock.text(recorded.time))"
                    + (recorded.text.map { ": \($0)" } ?? ""))
            lines.append("under the policy of now:")
        }
        let what = command.map { "\($0) on \(device)" } ?? device
        lines.append("\(verdict)\(rule.isEmpty ? "" : " by rule \(rule)"): \(what): \(text)")
        lines.append("principals: \(principals.joined(separator: ", "))")
        lines += wouldNeed.map { "would need: \($0)" }
        return lines + (note.map { ["note: \($0)"] } ?? [])
    }
}
