import ArgumentParser
import Foundation
import RingPolicyFile
import RingProtocol

struct PolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy", abstract: "Checks, compares and changes the gateway's policy.",
        discussion: "check, fmt and test need no gateway.",
        subcommands: [
            PolicyCheck.self, PolicyFmt.self, PolicyTest.self, PolicyShow.self, PolicyDiff.self,
            PolicyPlanCommand.self, PolicyApply.self, PolicyRollback.self, PolicyHistory.self,
            PolicySuggest.self,
        ])
}

/// The directory of profiles, for what is done without a gateway.
struct ProfileOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Directory of device profiles.", valueName: "directory"))
    var profiles = "/usr/share/ringgate/profiles"
}

/// Policy files that have errors, or text that is sent as one.
enum PolicyText {
    /// Runs `body`; each error of a file becomes a line of its own on standard error and the exit code 2.
    static func reporting<Result>(_ body: () throws(PolicyErrors) -> Result) throws -> Result {
        do { return try body() } catch { throw report(error.diagnostics.map(\.description)) }
    }

    static func report(_ lines: [String], _ status: ExitStatus = .usage) -> any Error {
        for line in lines { Output.standardError(line.printable + "\n") }
        return ExitCode(status.rawValue)
    }

    /// The text of the file at `path`; `-` is standard input.
    static func read(_ path: String) throws -> String {
        if path == "-" {
            let data = try FileHandle.standardInput.read(upToCount: Limits.payload + 1) ?? Data()
            return String(decoding: data, as: UTF8.self)
        }
        let source = try reporting { () throws(PolicyErrors) in try SourceText.read(path) }
        return String(decoding: source.bytes, as: UTF8.self)
    }
}

struct PolicyCheck: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Tells every error of a policy file and of the profiles.",
        discussion: "Exit code 2 when there are errors.")

    @OptionGroup var profiles: ProfileOptions
    @OptionGroup var output: OutputOptions
    @Argument var file: String

    private struct Report: Encodable {
        let ok: Bool
        let errors: [String]
    }

    func run() throws {
        var lines: [String] = []
        do throws(PolicyErrors) {
            let policy = try PolicyLoader.load(policy: file, profiles: profiles.profiles)
            if output.format == .text {
                print(
                    "ok: \(policy.principals.count) principals, \(policy.devices.count) devices, "
                        + "\(policy.rules.count) rules")
            }
        } catch {
            lines = error.diagnostics.map(\.description)
        }
        if output.format == .json {
            try Output.json(Report(ok: lines.isEmpty, errors: lines))
            if !lines.isEmpty { throw ExitCode(ExitStatus.usage.rawValue) }
        }
        if !lines.isEmpty { throw PolicyText.report(lines) }
    }
}

struct PolicyFmt: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fmt", abstract: "Writes a policy file in its usual form.",
        discussion: "Without --check or --write the result goes to standard output.")

    @Flag(help: "Only tell whether it has that form: exit code 1 if not.") var check = false
    @Flag(help: "Replace the file.") var write = false
    @Argument var file: String

    func validate() throws {
        guard !(check && write) else { throw ValidationError("give --check or --write, not both") }
    }

    func run() throws {
        let source = try PolicyText.reporting { () throws(PolicyErrors) in try SourceText.read(file) }
        let text = try PolicyText.reporting { () throws(PolicyErrors) in try PolicyFormat.format(source) }
        let isFormatted = Array(text.utf8) == source.bytes
        if check {
            guard isFormatted else { throw PolicyText.report(["\(file): not in the usual form"], .device) }
        } else if write {
            guard !isFormatted else { return }
            do { try Data(text.utf8).write(to: URL(fileURLWithPath: file), options: .atomic) } catch {
                throw UsageFailure(description: "cannot write \(file): \(error.localizedDescription)")
            }
        } else {
            try Output.bytes(Array(text.utf8))
        }
    }
}
