import Foundation
import RingProtocol

/// One run of the built `ringctl` and what became of it.
struct ToolRun: Sendable {
    let status: Int32
    let output: String
    let complaint: String

    /// Runs `ringctl` with the good client's identity against `port`, and `input` on its standard input.
    static func ringctl(
        _ arguments: [String], port: Int, input: String = "",
        started: @escaping @Sendable (Int32) -> Void = { _ in }
    ) async throws -> ToolRun {
        let certificates = try TestCertificates.made.get()
        let process = Process()
        let (input, output, complaint) = (Pipe(input), Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: ProcessInfo.processInfo.arguments[0])
            .deletingLastPathComponent().appendingPathComponent("ringctl")
        process.arguments = arguments
        process.environment = [
            "RINGGATE_HOST": "127.0.0.1:\(port)", "RINGGATE_CERT": certificates.path("client.pem"),
            "RINGGATE_KEY": certificates.path("client.key"), "RINGGATE_CA": certificates.path("ca.pem"),
        ]
        process.standardInput = input
        process.standardOutput = output
        process.standardError = complaint
        // What ringctl prints in these tests fits a pipe, so it can be read when it has ended.
        try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
            process.terminationHandler = { _ in ended.resume() }
            do {
                try process.run()
                started(process.processIdentifier)
            } catch {
                process.terminationHandler = nil
                ended.resume(throwing: error)
            }
        }
        return ToolRun(status: process.terminationStatus, output: output.text, complaint: complaint.text)
    }

    /// The same against a gateway that answers each request as `answer` says and takes part in goodbyes.
    static func ringctl(
        _ arguments: [String], input: String = "",
        answer: @escaping @Sendable (FakeSession.Request) -> [Answer]
    ) async throws -> ToolRun {
        let gateway = try await FakeGateway.start()
        let serving = Task { try await gateway.accept().serve(answer) }
        let run = try await ringctl(arguments, port: gateway.port, input: input)
        try await gateway.stop()
        serving.cancel()
        return run
    }
}

extension FakeSession {
    /// Answers until the client has gone; requests that `answer` gives nothing for stay unanswered.
    func serve(_ answer: (Request) -> [Answer]) async throws {
        while let event = await event() {
            switch event {
            case .request(let request): for answer in answer(request) { try await send([answer]) }
            case .goodbye: try await send(Goodbye.done.encoded())
            case .hello: break
            case .closed, .failed, .violation: return
            }
        }
    }
}

extension Pipe {
    /// A pipe that holds `text` and then ends.
    fileprivate convenience init(_ text: String) {
        self.init()
        fileHandleForWriting.write(Data(text.utf8))
        fileHandleForWriting.closeFile()
    }

    fileprivate var text: String {
        String(decoding: fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    }
}
