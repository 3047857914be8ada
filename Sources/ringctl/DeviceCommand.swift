import ArgumentParser
import RingClient
import RingPolicy

struct DeviceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device", abstract: "Takes devices out of use and back, for everybody.",
        discussion: "What is said here holds until the opposite is said or the gateway ends.",
        subcommands: [
            DeviceStates.self, DeviceDisable.self, DeviceDrain.self, DeviceEnable.self, DeviceResetLane.self,
        ])
}

/// A device, and why.
struct DeviceOrder: ParsableArguments {
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "What others are told who want the device.") var reason: String
    @Argument var device: String

    private struct Request: Encodable {
        let device: String
        let reason: String
    }

    func give(_ command: GatewayCommand) async throws {
        let reply = try await connection.ask(command, Request(device: device, reason: reason))
        if output.format == .json { try reply.printJSON() }
    }
}

struct DeviceStates: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "The state of every device.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    struct State: Codable {
        let name: String
        let profile: String
        let labels: [String: String]
        let state: String
        let reason: String?
        let by: String?
        let since: UInt64?
        let sessions: [UInt64]
        let lease: String
        let holders: [UInt64]?
        /// Absent in the answers of older gateways.
        let started: Int?
        let denied: Int?
        let lane: Lane?

        struct Lane: Codable {
            let operations: Int
            let runningFor: UInt64?
            let isStuck: Bool
        }
    }
    private struct Request: Encodable {
        let after: String
    }
    private struct Page: ListPage {
        let devices: [State]
        let more: Bool?
        var items: [State] { devices }
    }
    private struct States: Encodable {
        let devices: [State]
    }

    static func all(_ gateway: RingConnection) async throws -> [State] {
        try await gateway.all(.deviceList, Page.self) { Request(after: $0?.name ?? "") }
    }

    func run() async throws {
        var states: [State] = []
        try await connection.withConnection { states = try await Self.all($0) }
        switch output.format {
        case .json: try Output.json(States(devices: states))
        case .text: for state in states { print(line(state)) }
        }
    }

    private func line(_ state: State) -> String {
        var words = [state.name, state.profile, state.state]
        words.append("sessions \(numbers(state.sessions))")
        if let holders = state.holders { words.append("\(state.lease) lease, held by \(numbers(holders))") }
        if let reason = state.reason {
            words.append("\(reason) (\(state.by ?? "?"), \(state.since.map(Clock.text) ?? "?"))")
        }
        return words.map(\.printable).joined(separator: "\t")
    }

    private func numbers(_ sessions: [UInt64]) -> String {
        sessions.isEmpty ? "none" : sessions.map(String.init).joined(separator: " ")
    }
}

struct DeviceDisable: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disable",
        abstract: "Closes a device for all sessions and refuses it until it is enabled.")
    @OptionGroup var order: DeviceOrder
    func run() async throws { try await order.give(.deviceDisable) }
}

struct DeviceDrain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Refuses new opens of a device; who has it open goes on.")
    @OptionGroup var order: DeviceOrder
    func run() async throws { try await order.give(.deviceDrain) }
}

struct DeviceEnable: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enable", abstract: "Takes a disabled or draining device back into use.")
    @OptionGroup var order: DeviceOrder
    func run() async throws { try await order.give(.deviceEnable) }
}

struct DeviceResetLane: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reset-lane", abstract: "Gives a device a new worker, leaving a stuck one behind.")
    @OptionGroup var order: DeviceOrder
    func run() async throws { try await order.give(.deviceResetLane) }
}
