import ArgumentParser
import Foundation
import RingClient
import RingPolicy

struct Trace: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Shows entries as they are answered: who, what on which device, the result and the time.",
        discussion: """
            Like strace(1) for a gateway. Needs the right trace.read on @gateway. Bytes that are written or read are counted, \
            not shown. Ends when the connection does, or after --for.
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "Only entries on this device.") var device: String?
    @Option(help: "Only those of clients who are this principal of the policy.") var principal: String?
    @Flag(help: "Only those that were denied.") var denied = false
    @Option(help: "End after so many entries.") var count: Int?
    @Option(name: .customLong("for"), help: ArgumentHelp("End after this time.", valueName: "seconds"))
    var duration: Double?

    private static let interval = Duration.milliseconds(200)

    private struct Request: Encodable {
        let device: String?
        let principal: String?
    }

    func validate() throws {
        if let duration, !(duration > 0 && duration <= 86400) {
            throw ValidationError("--for must be above 0, at most 86400")
        }
        if let count, count < 1 { throw ValidationError("--count must be 1 or more") }
    }

    func run() async throws {
        let isColoured = isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil
        try await connection.withConnection { gateway in
            try await within(duration) { try await follow(gateway, isColoured) }
        }
    }

    private func follow(_ gateway: RingConnection, _ isColoured: Bool) async throws {
        let request = Request(device: device, principal: principal)
        var left = count ?? .max
        var isFirst = true
        while true {
            let page = try await gateway.administer(.traceRead, request).decoded(TracePage.self)
            if isFirst { Output.standardError("tracing\n") }
            isFirst = false
            for entry in page.entries where !denied || entry.verdict == "denied" {
                switch output.format {
                case .json: try Output.json(entry)
                case .text: try Output.line(entry.line(isColoured: isColoured))
                }
                left -= 1
                if left == 0 { return }
            }
            if page.lost > 0 { Output.standardError("\(page.lost) entries were missed\n") }
            if page.more != true { try await Task.sleep(for: Self.interval) }
        }
    }
}

/// An answer of `trace.read` (docs/administration.md).
struct TracePage: Decodable {
    let entries: [TracedEntry]
    let lost: UInt64
    let more: Bool?
}

struct TracedEntry: Codable {
    let time: String
    let session: UInt64
    let identity: String
    let traceparent: String?
    let request: UInt64
    let operation: String
    let device: String?
    let slot: Int?
    let lease: UInt64?
    let command: String?
    let code: UInt32?
    let effect: String?
    let rule: String?
    let arguments: [String: JSONInteger]?
    let offset: UInt64?
    let bytes: Int?
    let document: String?
    let result: Int32
    let nanoseconds: UInt64
    let deviceNanoseconds: UInt64?
    let replyBytes: Int?
    let verdict: String?
    let decidedBy: String?
    let text: String?
    let more: Bool?
    let indeterminate: Bool?

    /// Time of day, session, who, and the entry as a call with its result.
    func line(isColoured: Bool) -> String {
        let clock = time.dropFirst(11).prefix(15)
        let place = device.map { $0.isEmpty ? "" : "\($0) " } ?? ""
        let text = "\(clock) \(session) \(identity) \(place)\(call) = \(outcome)".printable
        guard isColoured, result < 0 else { return text }
        return "\u{1b}[\(verdict == "denied" ? 31 : 33)m\(text)\u{1b}[0m"
    }

    private var call: String {
        var words = (arguments ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        if let document, !document.isEmpty { words.append(document) }
        let isCommand = operation == "command"
        let name = isCommand ? command.flatMap { $0.isEmpty ? nil : $0 } : operation
        if operation == "write" || (isCommand && words.isEmpty && bytes ?? 0 > 0) {
            words.append("\(bytes ?? 0) bytes")
        }
        return (name ?? "0x" + String(code ?? 0, radix: 16)) + "(\(words.joined(separator: ", ")))"
    }

    private var outcome: String {
        var words = ["\(result)"]
        if result < 0 { words.append(Errno(-result).name) }
        if let verdict {
            let rule = decidedBy.map { $0.isEmpty ? "" : " by rule \($0)" } ?? ""
            words.append("\(verdict)\(rule): \(text ?? "")")
        }
        if more == true { words.append("(more)") }
        if indeterminate == true { words.append("(unknown what it did)") }
        return words.joined(separator: " ") + " <\(nanoseconds / 1_000) us>"
    }
}
