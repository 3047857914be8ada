import ArgumentParser
import RingClient
import RingPolicy

struct SessionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "session", abstract: "Shows and ends sessions.",
        subcommands: [SessionList.self, SessionKill.self])
}

struct SessionList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "Who is connected.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    struct Session: Codable {
        struct Slot: Codable {
            let slot: UInt16
            let device: String
            let state: String
        }
        let session: UInt64
        let identity: String
        let principals: [String]
        let peer: String
        let isConnected: Bool
        let slots: [Slot]
        let inFlight: Int
        /// Absent in the answers of older gateways.
        let entries: Int?
    }
    private struct Request: Encodable {
        let after: UInt64
    }
    private struct Page: ListPage {
        let sessions: [Session]
        let more: Bool?
        var items: [Session] { sessions }
    }
    private struct Sessions: Encodable {
        let sessions: [Session]
    }

    static func all(_ gateway: RingConnection) async throws -> [Session] {
        try await gateway.all(.sessionList, Page.self) { Request(after: $0?.session ?? 0) }
    }

    func run() async throws {
        var sessions: [Session] = []
        try await connection.withConnection { sessions = try await Self.all($0) }
        switch output.format {
        case .json: try Output.json(Sessions(sessions: sessions))
        case .text:
            for session in sessions {
                let devices = session.slots.map(\.device).joined(separator: " ")
                let words = [
                    "\(session.session)", session.identity, session.peer, "\(session.inFlight) in flight",
                    devices,
                ]
                print(words.map(\.printable).joined(separator: "\t"))
            }
        }
    }
}

struct SessionKill: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill", abstract: "Ends a session; its devices are closed.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Option(help: "What its user is told.") var reason: String
    @Argument(help: "Number as `ringctl session list` shows it.") var session: UInt64

    private struct Request: Encodable {
        let session: UInt64
        let reason: String
    }

    func run() async throws {
        let reply = try await connection.ask(.sessionKill, Request(session: session, reason: reason))
        if output.format == .json { try reply.printJSON() }
    }
}
