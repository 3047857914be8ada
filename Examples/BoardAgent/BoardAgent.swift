import ArgumentParser
import Foundation
import RingClient
import RingProtocol

/// A CI agent as a farm would have it: it uses a board, a null device and a disk over the network, checks
/// everything it sees, and says so.
@main
struct BoardAgent: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "board-agent",
        abstract: "Walks through a lab over the network; exits 0 only if all went well.")

    @Option(help: "The gateway's port on 127.0.0.1.") var port: Int
    @Option(help: "The agent's certificate (PEM).") var certificate: String
    @Option(help: "Its private key (PEM).") var key: String
    @Option(help: "CA of the gateway's certificate (PEM).") var ca: String
    @Option(help: "Why there is no disk, when there is none.") var noDisk: String?

    func run() async throws {
        var configuration = ConnectionConfiguration(
            host: "127.0.0.1", port: port, certificateChain: certificate, privateKey: key, trustRoots: ca)
        // Below `ringctl record`.
        configuration.recording =
            ProcessInfo.processInfo.environment[ConnectionConfiguration.recordingVariable]
        let connection = try await RingConnection.connect(configuration)
        var transcript = Transcript()
        let welcome = connection.welcome
        let names = try await connection.list().devices.map(\.name).joined(separator: ", ")
        transcript.line(
            "connected: protocol \(welcome.version), session \(welcome.session); may open \(names)")

        let console = ConsoleSteps(board: try await connection.open("board"))
        await transcript.step("console read and written", console.talk)
        await transcript.step("window size set over ioctl(2)", console.resize)
        await transcript.step("line settings set over ioctl(2)", console.changeSpeed)
        await transcript.step("TIOCSTI denied, rule named", console.injectInput)
        let ring = RingSteps(connection: connection)
        await transcript.step("entropy count read over ioctl(2)", ring.readEntropy)
        await transcript.step("10,000 URING_CMDs pipelined", ring.pipeline)
        if let noDisk {
            transcript.skip("discard by URING_CMD on a loop device", noDisk)
        } else {
            let disk = DiskSteps(disk: try await connection.open("disk"), connection: connection)
            await transcript.step("pattern written to a loop device", disk.writePattern)
            await transcript.step("allowed range discarded by URING_CMD", disk.discardAllowedRange)
            await transcript.step("discard outside it denied, rule named", disk.discardOutside)
        }
        await connection.close()
        transcript.printTable()
        if transcript.hasFailed { throw ExitCode(1) }
    }
}

/// Something that was not as it should be.
struct Surprise: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
