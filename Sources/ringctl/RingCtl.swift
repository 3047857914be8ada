import ArgumentParser

/// The command line client. Exit codes are those of ``ExitStatus``, for every subcommand.
@main
struct RingCtl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ringctl",
        abstract: "Talks to devices behind a Ringgate gateway.",
        discussion: ExitStatus.help,
        version: "0.1.0",
        subcommands: [
            Devices.self, Describe.self, Call.self, Read.self, Write.self, Console.self, Watch.self,
            Explain.self, Top.self, Trace.self, Record.self,
            PolicyCommand.self, SessionCommand.self, DeviceCommand.self,
            LeaseCommand.self, AuditCommand.self, NVMeCommand.self, GPIOCommand.self, I2CCommand.self,
            SPICommand.self,
        ])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if let command = command as? any AsyncParsableCommand {
                // Used by the task alone.
                nonisolated(unsafe) var command = command
                try await Interruption.guarding { try await command.run() }
            } else {
                try command.run()
            }
        } catch {
            finish(error)
        }
    }

    /// ArgumentParser would end every usage error with 64 and every other with 1.
    private static func finish(_ error: any Error) -> Never {
        if let status = ExitStatus(error) {
            Output.complain(String(describing: error))
            exit(withError: ExitCode(status.rawValue))
        }
        guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
        Output.standardError(fullMessage(for: error) + "\n")
        exit(withError: ExitCode(ExitStatus.usage.rawValue))
    }
}
