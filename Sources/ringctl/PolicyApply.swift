import ArgumentParser
import RingClient
import RingPolicy

/// What `policy.plan`, `policy.apply` and `policy.rollback` answer.
private struct Outcome: Decodable {
    struct Change: Decodable {
        let principal: String
        let device: String?
        let what: String
        let command: String?
        let change: String
        let before: [String]?
        let after: [String]?
    }

    let current: String
    let revision: String?
    let applied: Bool?
    let refused: String?
    let errors: [String]?
    let changes: [Change]?
    let moreChanges: Int?
    let number: Int?

    /// Shows it; throws the exit code when it is no success.
    func show(_ reply: AdministrationReply, _ format: OutputFormat) throws {
        switch format {
        case .json: try reply.printJSON()
        case .text: showChanges()
        }
        guard refused == nil else {
            let lines = format == .json ? [] : errors ?? []
            throw PolicyText.report(lines.map { refused == "errors" ? $0 : "ringctl: \($0)" }, status)
        }
        guard format == .text, let revision else { return }
        switch applied {
        case true?: print("applied \(revision)\(number.map { " as number \($0)" } ?? "")")
        case false?: print("not applied, a dry run; the policy in force is \(current)")
        case nil: print("revision \(revision); the policy in force is \(current)")
        }
    }

    private var status: ExitStatus { refused == "errors" ? .usage : .refused }

    private func showChanges() {
        for change in changes ?? [] {
            let what = change.command ?? change.what
            print(
                "\(change.change) \(change.principal): \(change.device.map { "\($0) " } ?? "")\(what)"
                    .printable)
            for words in change.before ?? [] { print("    - \(words)".printable) }
            for words in change.after ?? [] { print("    + \(words)".printable) }
        }
        if let moreChanges { print("... and \(moreChanges) more changes") }
        if changes?.isEmpty == true { print("nobody's rights change") }
    }
}

/// The flags of everything that puts a policy in force.
struct ApplyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Only while this revision is in force; at least its first 8 digits.", valueName: "revision"))
    var ifRevision: String?
    @Flag(help: "Only tell what would change.") var dryRun = false
    @Option(help: "Why, for the history.") var reason: String?
    @Flag(help: "Even if we could not undo it afterwards.") var force = false
}

struct PolicyPlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan", abstract: "Tells whose rights a policy file would change, and how.",
        discussion: "Exit code 2 when the file has errors.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "The policy file; - for standard input.") var file: String

    private struct Request: Encodable {
        let text: String
        let name: String
    }

    func run() async throws {
        let request = Request(text: try PolicyText.read(file), name: file)
        let reply = try await connection.ask(.policyPlan, request)
        try reply.decoded(Outcome.self).show(reply, output.format)
    }
}

struct PolicyApply: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply", abstract: "Puts a policy file in force, and keeps it for the next start.",
        discussion: """
            Nothing changes when the file has errors (exit code 2), when another revision is in force than --if-revision \
            says, or when we could not apply a policy any more afterwards (exit code 6).
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var options: ApplyOptions
    @Argument(help: "The policy file; - for standard input.") var file: String

    private struct Request: Encodable {
        let text: String
        let name: String
        let ifRevision: String?
        let dryRun: Bool
        let reason: String?
        let force: Bool
    }

    func run() async throws {
        let request = Request(
            text: try PolicyText.read(file), name: file, ifRevision: options.ifRevision,
            dryRun: options.dryRun,
            reason: options.reason, force: options.force)
        let reply = try await connection.ask(.policyApply, request)
        try reply.decoded(Outcome.self).show(reply, output.format)
    }
}

struct PolicyRollback: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollback", abstract: "Puts an earlier policy in force again.",
        discussion: "Its text is taken; the profiles are those of today.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var options: ApplyOptions
    @Argument(help: "A number of `ringctl policy history`, or the beginning of a revision.")
    var revision: String

    private struct Request: Encodable {
        let revision: String
        let ifRevision: String?
        let dryRun: Bool
        let reason: String?
        let force: Bool
    }

    func run() async throws {
        let request = Request(
            revision: revision, ifRevision: options.ifRevision, dryRun: options.dryRun,
            reason: options.reason,
            force: options.force)
        let reply = try await connection.ask(.policyRollback, request)
        try reply.decoded(Outcome.self).show(reply, output.format)
    }
}
