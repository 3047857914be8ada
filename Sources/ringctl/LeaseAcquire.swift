import ArgumentParser
import Foundation
import RingClient

struct LeaseAcquire: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "acquire",
        abstract: "Takes devices for a command, or until interrupted, and gives them back whatever happens.",
        discussion: """
            All of the devices or none: those named, and with -l all that have the labels. COMMAND is run with them: what it \
            starts that talks to the same gateway (ringctl, the client libraries) shares the lease by \
            RINGGATE_LEASE_AGENT; RINGGATE_DEVICES has the names, with spaces between. The exit code is the command's, or \
            128 and the number of the signal that ended it.
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var selection: LabelOptions
    @Flag(help: "Share the devices with others instead of having them alone.") var shared = false
    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("At most so long, then the command is ended: 90, 90s, 30m, 2h.", valueName: "time")
    )
    var longest: Span?
    @Option(help: ArgumentHelp("Wait in the queue for so long; not at all unless given.", valueName: "time"))
    var wait: Span?
    @Argument(
        help: ArgumentHelp(
            "Devices, then -- and a command with its arguments.", valueName: "device ... -- command"))
    var words: [String] = []

    /// What stands behind `--`. The parser gives it with what stands before.
    private var command: [String] { Array(CommandLine.arguments.drop { $0 != "--" }.dropFirst()) }
    private var named: [String] { Array(words.dropLast(command.count)) }

    func validate() throws {
        guard !named.isEmpty || !selection.labels.isEmpty else {
            throw ValidationError("name devices, or labels of theirs with -l")
        }
        _ = try selection.wanted()
    }

    func run() async throws {
        var status: Int32 = 0
        try await connection.withConnection { gateway in
            let devices = try await devices(gateway)
            let lease = try await gateway.acquire(
                devices, shared: shared, wait: wait?.duration ?? .zero
            ) { $0.tell(devices) }
            Output.standardError(
                "lease \(lease.number) on \(devices.joined(separator: ", ").printable)\n")
            do {
                status = try await hold(lease, gateway, devices)
            } catch {
                // In a task of its own: this one may be cancelled, and then it could not wait.
                await Task { try? await lease.release() }.value
                throw error
            }
            await Task { try? await lease.release() }.value
        }
        if status != 0 { throw ExitCode(status) }
    }

    private func devices(_ gateway: RingConnection) async throws -> [String] {
        var names = named
        if !selection.labels.isEmpty {
            let labelled = try await selection.devices(gateway)
            guard !labelled.isEmpty else {
                throw UsageFailure(description: "no device that we may open has these labels")
            }
            names += labelled.map(\.name).filter { !names.contains($0) }
        }
        return names
    }

    /// The command's exit status; 0 without one.
    private func hold(_ lease: Lease, _ gateway: RingConnection, _ devices: [String]) async throws -> Int32 {
        let agent = try LeaseAgent(for: lease, of: gateway)
        defer { agent.stop() }
        let child =
            command.isEmpty
            ? nil
            : try Child(
                command,
                with: [LeaseAgent.variable: agent.path, "RINGGATE_DEVICES": devices.joined(separator: " ")])
        return try await withThrowingTaskGroup(of: Int32?.self) { group in
            if let child { group.addTask { await child.status } }
            if let longest {
                group.addTask {
                    try await Task.sleep(for: longest.duration)
                    Output.complain("the time is over")
                    return nil
                }
            }
            group.addTask {
                try await Self.watch(lease, gateway)
                return nil
            }
            do {
                let first = try await group.next() ?? nil
                group.cancelAll()
                if let first { return first }
            } catch {
                group.cancelAll()
                await child?.end(grace: error is CancellationError ? .seconds(2) : .zero)
                throw error
            }
            return await child?.end() ?? 0
        }
    }

    /// Until the lease is gone, which throws.
    private static func watch(_ lease: Lease, _ gateway: RingConnection) async throws {
        while true {
            try await Task.sleep(for: .seconds(2))
            guard try await gateway.leaseStatus().leases.contains(where: { $0.lease == lease.number }) else {
                throw LeaseLost(description: "the lease was taken away")
            }
        }
    }
}

struct LeaseLost: Error, CustomStringConvertible {
    let description: String
}

/// A time on the command line: seconds, or a number with s, m or h.
struct Span: ExpressibleByArgument {
    let duration: Duration

    init?(argument: String) {
        let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600]
        let unit = argument.last.flatMap { units[$0] }
        guard let number = Double(unit == nil ? argument[...] : argument.dropLast()), number > 0,
            number * (unit ?? 1) <= 7 * 86_400
        else { return nil }
        duration = .seconds(number * (unit ?? 1))
    }
}
