import ArgumentParser
import Foundation
import RingClient
import RingRecording

struct Record: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs a command and records what it asks of devices and what they answer.",
        discussion: """
            What the command starts that is a client of a gateway (ringctl, the client libraries) writes to FILE by \
            RINGGATE_RECORD. `ringgated --replay FILE` then answers without the devices (docs/recording.md). What was written \
            to devices and read from them is in the file: keep it as you keep that. The exit code is the command's, or 128 and \
            the number of the signal that ended it.
            """)

    @Flag(help: "Replace FILE if it is there.") var force = false
    @Argument(
        help: ArgumentHelp("File, then -- and a command with its arguments.", valueName: "file -- command"))
    var words: [String] = []

    /// What stands behind `--`. The parser gives it with what stands before.
    private var command: [String] { Array(CommandLine.arguments.drop { $0 != "--" }.dropFirst()) }

    func validate() throws {
        guard words.count == command.count + 1, !command.isEmpty else {
            throw ValidationError("name one file, then -- and a command")
        }
    }

    func run() async throws {
        let path = URL(filePath: words[0]).path
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (force ? O_TRUNC : O_EXCL)
        let descriptor = open(path, flags, 0o600)
        guard descriptor >= 0 else {
            let reason =
                errno == EEXIST
                ? "it is there already; --force replaces it" : String(cString: strerror(errno))
            throw UsageFailure(description: "\(words[0]): \(reason)")
        }
        close(descriptor)
        let child = try Child(command, with: [ConnectionConfiguration.recordingVariable: path])
        let status = await withTaskCancellationHandler {
            await child.status
        } onCancel: {
            Task { await child.end(grace: .seconds(2)) }
        }
        if status != 0 { throw ExitCode(status) }
    }
}
