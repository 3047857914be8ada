import Foundation
import RingClient
import RingProtocol
import Synchronization
import Testing

/// What docs/cli.md promises about ringctl: output, exit codes, one line of complaint.
@Suite(.timeLimit(.minutes(2)))
struct ToolTests {
    private static let description = """
        {"device": "board", "profile": "tty", "read": {"maxLength": 16}, "write": {"maxLength": 4},
         "commands": [
         {"name": "TIOCGWINSZ", "code": 21523, "engine": "call", "effect": "read",
          "argumentSize": 0, "replySize": 4,
          "fields": [{"name": "ws_row", "type": "u16", "offset": 0, "size": 2},
                     {"name": "ws_col", "type": "u16", "offset": 2, "size": 2}],
          "constraints": [], "summary": "Reads the window size."},
         {"name": "TIOCSWINSZ", "code": 21524, "engine": "call", "effect": "write",
          "argumentSize": 4, "replySize": 0,
          "fields": [{"name": "ws_row", "type": "u16", "offset": 0, "size": 2}],
          "constraints": [["ws_row in 1..200"]], "summary": "Sets the window size."}]}
        """

    /// A gateway with one device `board`; `command` answers its commands.
    private func run(
        _ arguments: [String], input: String = "",
        command: @escaping @Sendable (FakeSession.Request) -> [Answer] = { [Answer(id: $0.id)] }
    ) async throws -> ToolRun {
        try await ToolRun.ringctl(arguments, input: input) { request in
            switch request.operation {
            case .list:
                [
                    Answer(
                        id: request.id,
                        payload: Array(#"{"devices":[{"name":"board","profile":"tty"}]}"#.utf8))
                ]
            case .describe: [Answer(id: request.id, payload: Array(Self.description.utf8))]
            case .open, .close: [Answer(id: request.id)]
            default: command(request)
            }
        }
    }

    @Test func `devices lists name and profile, and the same as JSON`() async throws {
        let text = try await run(["devices"])
        #expect(text.status == 0 && text.output == "board\ttty\n" && text.complaint == "")
        let json = try await run(["devices", "-o", "json"])
        #expect(json.output == #"{"devices":[{"name":"board","profile":"tty"}],"version":1}"# + "\n")
    }

    @Test func `describe shows commands, fields and what is allowed`() async throws {
        let text = try await run(["describe", "board"])
        #expect(text.status == 0)
        #expect(
            text.output.contains("TIOCSWINSZ 0x5414 (write, argument 4, reply 0)  Sets the window size.\n"))
        #expect(text.output.contains("    ws_row u16\n    allowed: ws_row in 1..200\n"))
        #expect(try await run(["describe", "board", "-o", "json"]).output.contains(#""version":1"#))
    }

    @Test(arguments: ["TIOCGWINSZ", "0x5413", "21523"])
    func `call decodes the reply by the description`(command: String) async throws {
        let text = try await run(["call", "board", command]) {
            [Answer(id: $0.id, payload: [40, 0, 100, 0])]
        }
        #expect(text.status == 0 && text.output == "result 0\nws_row 40\nws_col 100\n")
    }

    @Test func `call encodes fields and reports as JSON`() async throws {
        let run = try await run(["call", "board", "TIOCSWINSZ", "ws_row=0x28", "-o", "json"]) { request in
            request.argument == [40, 0, 0, 0] ? [Answer(id: request.id)] : []
        }
        #expect(
            run.output == """
                {"code":21524,"command":"TIOCSWINSZ","device":"board","deviceTimeNanoseconds":1500,\
                "engine":"ring","fields":{},"reply":"","result":0,"version":1}\n
                """)
    }

    @Test func `a name that describe does not list is denied here, with what is allowed`() async throws {
        let run = try await run(["call", "board", "TIOCSTI"])
        #expect(run.status == 3)
        #expect(
            run.complaint
                == "ringctl: TIOCSTI is not allowed on board, or unknown; allowed: TIOCGWINSZ, TIOCSWINSZ\n")
    }

    @Test(
        arguments: [
            (
                Refusal(.never, rule: "never/TIOCSTI", "injects input"), 3,
                "denied by rule never/TIOCSTI: injects input"
            ),
            (Refusal(.busy, "queue full"), 6, "refused (busy, try again): queue full"),
        ] as [(Refusal, Int32, String)])
    func `a refusal's kind is its exit code`(refusal: Refusal, status: Int32, words: String) async throws {
        let run = try await run(["call", "board", "0x5412", "--argument", "61"]) {
            [Answer(id: $0.id, result: refusal.result, payload: refusal.encoded(), flags: refusal.flags)]
        }
        #expect(run.status == status && run.complaint == "ringctl: \(words)\n" && run.output == "")
    }

    @Test func `an errno is exit code 1 and named`() async throws {
        let run = try await run(["call", "board", "TIOCGWINSZ"]) { [Answer(id: $0.id, result: -25)] }
        #expect(run.status == 1)
        #expect(run.complaint.contains("ENOTTY (command not supported by this device)"))
    }

    @Test(arguments: [
        ["call", "board"], ["call", "board", "TIOCSWINSZ", "ws_row"],
        ["call", "board", "TIOCSWINSZ", "ws_row=65536"],
        ["call", "board", "TIOCSWINSZ", "nothing=1"], ["devices", "--host", "nonsense"], ["unknown"],
        ["read", "board", "--count", "0"],
    ])
    func `wrong usage is exit code 2`(arguments: [String]) async throws {
        let run = try await run(arguments)
        #expect(run.status == 2 && run.output == "" && !run.complaint.isEmpty)
    }

    @Test func `no connection is exit code 4, an ended session 5`() async throws {
        let gateway = try await FakeGateway.start(welcome: nil)
        let serving = Task {
            let session = try await gateway.accept()
            try await session.expect(.hello)
            try await session.send(SessionError(.unknownPrincipal, "nobody").encoded())
        }
        let ended = try await ToolRun.ringctl(["devices"], port: gateway.port)
        #expect(ended.status == 5 && ended.complaint.contains("certificate matches no principal"))
        try await serving.value
        try await gateway.stop()
        let refused = try await ToolRun.ringctl(["devices"], port: 1)
        #expect(refused.status == 4)
        #expect(refused.complaint.contains("cannot connect"))
    }

    @Test func `read writes the raw bytes and asks for no more than is allowed`() async throws {
        let run = try await run(["read", "board"]) { request in
            request.argument[0] == 16 ? [Answer(id: request.id, result: 3, payload: Array("a\nb".utf8))] : []
        }
        #expect(run.status == 0 && run.output == "a\nb")
    }

    @Test func `write goes on after a short write and in allowed pieces`() async throws {
        let written = Mutex<[String]>([])
        let run = try await run(["write", "board", "abcdefg", "--offset", "10"]) { request in
            written.withLock {
                $0.append("\(request.offset) " + String(decoding: request.argument, as: UTF8.self))
            }
            return [Answer(id: request.id, result: Int32(min(request.argument.count, 3)))]
        }
        #expect(run.status == 0)
        #expect(written.withLock { $0 } == ["10 abcd", "13 defg", "16 g"])
    }

    @Test func `console copies both ways, beyond the end of input when it has a time`() async throws {
        // The device echoes: the first read gets what was written, whichever came first; then it ends.
        let held = Mutex<(read: UInt64?, bytes: [UInt8]?)>((nil, nil))
        let run = try await run(["console", "board", "--for", "60"], input: "hi") { request in
            held.withLock { held in
                if request.operation == .write {
                    held.bytes = request.argument
                    let echo = held.read.map { Answer(id: $0, result: 2, payload: request.argument) }
                    return [Answer(id: request.id, result: 2)] + (echo.map { [$0] } ?? [])
                }
                defer { held.read = request.id }
                guard held.read == nil else { return [Answer(id: request.id)] }
                return held.bytes.map { [Answer(id: request.id, result: 2, payload: $0)] } ?? []
            }
        }
        #expect(run.status == 0 && run.output == "hi" && run.complaint == "")
    }
}
