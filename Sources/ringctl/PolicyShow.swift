import ArgumentParser
import RingClient
import RingPolicy
import RingProtocol

/// What `policy.show` answers.
struct ShownPolicy: Decodable {
    let revision: String
    let text: String
    let appliedAt: UInt64
    let appliedBy: String
}

/// Whose rights are meant.
struct Somebody: Encodable {
    let uri: String
}

struct PolicyShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Shows the policy in force, or what somebody may do under it.",
        discussion: "The text goes to standard output as it is, the revision to standard error.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Flag(help: "What --as may do, resolved, instead of the text.") var effective = false
    @Option(name: .customLong("as"), help: ArgumentHelp("An identity.", valueName: "uri"))
    var identity: String?

    private struct Effective: Encodable {
        let `as`: Somebody
    }
    private struct Rights: Decodable {
        let principals: [String]
        let devices: [DeviceDescription]
    }

    func validate() throws {
        guard effective == (identity != nil) else {
            throw ValidationError("--effective and --as go together")
        }
    }

    func run() async throws {
        guard let identity else { return try await showText() }
        let reply = try await connection.ask(.policyEffective, Effective(as: Somebody(uri: identity)))
        guard output.format == .text else { return try reply.printJSON() }
        let rights = try reply.decoded(Rights.self)
        print("principals \(rights.principals.joined(separator: ", "))")
        for device in rights.devices { for line in device.summaryLines { print(line.printable) } }
    }

    private func showText() async throws {
        let reply = try await connection.ask(.policyShow)
        guard output.format == .text else { return try reply.printJSON() }
        let shown = try reply.decoded(ShownPolicy.self)
        Output.standardError(
            "revision \(shown.revision), in force since \(Clock.text(shown.appliedAt)) by \(shown.appliedBy)\n"
        )
        try Output.bytes(Array(shown.text.utf8))
    }
}

extension DeviceDescription {
    /// The device, its commands and its handles, a line each.
    fileprivate var summaryLines: [String] {
        var lines = ["\(device) (profile \(profile))"]
        if let read { lines.append("    read up to \(read.maxLength) bytes\(read.windowWords)") }
        if let write { lines.append("    write up to \(write.maxLength) bytes\(write.windowWords)") }
        for command in commands {
            let allowed = command.constraints.map { $0.joined(separator: " and ") }
            lines +=
                allowed.isEmpty
                ? ["    \(command.name)"] : allowed.map { "    \(command.name) where \($0)" }
        }
        return lines + (handles ?? []).flatMap(\.summaryLines)
    }
}

extension DeviceDescription.Transfer {
    fileprivate var windowWords: String {
        guard let window, window.count == 2 else { return "" }
        return ", positions \(window[0]) to before \(window[1])"
    }
}

struct PolicyHistory: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Lists the policies that have been in force, the newest first.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "Lines at most.") var limit = 50

    private struct Request: Encodable {
        let limit: Int
    }
    private struct History: Decodable {
        struct Entry: Decodable {
            let number: Int
            let revision: String
            let time: UInt64
            let by: String
            let reason: String?
            let source: String
            let error: String?
        }
        let history: [Entry]
    }

    func validate() throws {
        guard (1...1000).contains(limit) else { throw ValidationError("--limit must be 1 to 1000") }
    }

    func run() async throws {
        let reply = try await connection.ask(.policyHistory, Request(limit: limit))
        guard output.format == .text else { return try reply.printJSON() }
        for entry in try reply.decoded(History.self).history {
            let words = [
                "\(entry.number)", String(entry.revision.prefix(12)), Clock.text(entry.time), entry.source,
                entry.by,
                entry.error.map { "not put in force: \($0)" } ?? entry.reason ?? "",
            ]
            print(words.map(\.printable).joined(separator: "\t"))
        }
    }
}

struct PolicySuggest: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suggest", abstract: "Writes the least rules that allow what was denied or observed.",
        discussion: "What is left out, and why, goes to standard error. Read the rules before you apply them."
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Option(help: ArgumentHelp("Only requests from this time on, since 1970.", valueName: "seconds"))
    var since: UInt64?

    private struct Request: Encodable {
        let since: UInt64?
    }
    private struct Suggestion: Decodable {
        struct LeftOut: Decodable {
            let session: UInt64
            let request: UInt64
            let device: String
            let why: String
        }
        let text: String
        let requests: Int
        let leftOut: [LeftOut]
        let leftOutCount: Int
    }

    func run() async throws {
        let reply = try await connection.ask(.policySuggest, Request(since: since))
        guard output.format == .text else { return try reply.printJSON() }
        let suggestion = try reply.decoded(Suggestion.self)
        for left in suggestion.leftOut {
            Output.standardError(
                "left out \(left.session):\(left.request) on \(left.device): \(left.why)\n".printableLine)
        }
        let more = suggestion.leftOutCount - suggestion.leftOut.count
        if more > 0 { Output.standardError("left out \(more) more\n") }
        Output.standardError("\(suggestion.requests) requests would be allowed\n")
        try Output.bytes(Array(suggestion.text.utf8))
    }
}

extension String {
    /// One line of what a gateway says, safe to be shown.
    fileprivate var printableLine: String { String(dropLast()).printable + "\n" }
}
