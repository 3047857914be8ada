import ArgumentParser
import Foundation
import RingClient
import RingProtocol

/// Where the gateway is and who we are: from flags, else from the environment.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The gateway, HOST:PORT or [IPV6]:PORT. Environment: RINGGATE_HOST.", valueName: "host:port"))
    var host: String?
    @Option(help: ArgumentHelp("Our certificate chain, PEM. Environment: RINGGATE_CERT.", valueName: "path"))
    var cert: String?
    @Option(help: ArgumentHelp("Our private key, PEM. Environment: RINGGATE_KEY.", valueName: "path"))
    var key: String?
    @Option(
        help: ArgumentHelp(
            "CA certificates that may sign the gateway's, PEM. Environment: RINGGATE_CA.", valueName: "path"))
    var ca: String?
    @Option(
        help: ArgumentHelp("Name the gateway's certificate must carry; HOST unless given.", valueName: "name")
    )
    var serverName: String?
    @Option(help: ArgumentHelp("Longest time to connect.", valueName: "seconds"))
    var deadline = 10.0

    func validate() throws {
        guard deadline > 0, deadline <= 3600 else {
            throw ValidationError("--deadline must be above 0, at most 3600")
        }
    }

    /// Runs `body` with a connection and closes it in order, whatever happens.
    func withConnection(_ body: (RingConnection) async throws -> Void) async throws {
        let connection = try await RingConnection.connect(configuration())
        do {
            if let agent = ProcessInfo.processInfo.environment[LeaseAgent.variable], !agent.isEmpty {
                try await connection.join(agent)
            }
            try await Self.carryTrace(connection)
            try await body(connection)
        } catch {
            // In a task of its own: this one may be cancelled, and then it could not wait.
            await Task { await connection.close(within: .seconds(1)) }.value
            throw error
        }
        await connection.close()
    }

    /// What a CI system calls this job in its traces. An older gateway has no place for it, and that stops nobody.
    private static func carryTrace(_ connection: RingConnection) async throws {
        guard let text = ProcessInfo.processInfo.environment["TRACEPARENT"], !text.isEmpty else { return }
        guard let context = TraceContext(text) else {
            return Output.complain("TRACEPARENT is left out: `\(text.printable)` is no W3C traceparent")
        }
        guard connection.welcome.features.contains(.traceContext) else { return }
        try await connection.setTraceContext(context)
    }

    private func configuration() throws -> ConnectionConfiguration {
        let (host, port) = try Self.split(required(host, flag: "--host", variable: "RINGGATE_HOST"))
        var configuration = ConnectionConfiguration(
            host: host, port: port, serverName: serverName,
            certificateChain: try required(cert, flag: "--cert", variable: "RINGGATE_CERT"),
            privateKey: try required(key, flag: "--key", variable: "RINGGATE_KEY"),
            trustRoots: try required(ca, flag: "--ca", variable: "RINGGATE_CA"), deadline: .seconds(deadline))
        let recording = ProcessInfo.processInfo.environment[ConnectionConfiguration.recordingVariable]
        configuration.recording = recording.flatMap { $0.isEmpty ? nil : $0 }
        return configuration
    }

    private func required(_ value: String?, flag: String, variable: String) throws -> String {
        if let value = value ?? ProcessInfo.processInfo.environment[variable], !value.isEmpty { return value }
        throw UsageFailure(description: "give \(flag) or set \(variable)")
    }

    static func split(
        _ text: String, ports: ClosedRange<Int> = 1...65_535
    ) throws -> (host: String, port: Int) {
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            ports.contains(port), colon > text.startIndex
        else { throw UsageFailure(description: "\"\(text)\" is not HOST:PORT") }
        let host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        guard isBracketed || !host.contains(":") else {
            throw UsageFailure(description: "\"\(text)\": write an IPv6 address as [ADDRESS]:PORT")
        }
        return (String(isBracketed ? host.dropFirst().dropLast() : host), port)
    }
}
