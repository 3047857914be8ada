import Foundation
import RingClient
import RingProtocol
import Synchronization
import Testing

/// What docs/cli.md promises about ringctl: output, exit codes, one line of complaint.
@Suite(.timeLimit(.minutes(5)))
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
          "constraints": [["ws_row in 1..200"]], "summary": "Sets the window size."},
         {"name": "GET_LINE", "code": 7, "engine": "call", "effect": "write",
          "argumentSize": 16, "replySize": 16,
          "fields": [{"name": "mode", "type": "u8", "offset": 0, "size": 1, "values": {"IN": 0, "OUT": 1}},
                     {"name": "count", "type": "u8", "offset": 1, "size": 1},
                     {"name": "fd", "type": "s32", "offset": 12, "size": 4, "gives": "line"}],
          "blocks": [{"path": "offsets", "parent": 0, "place": "inline", "offset": 2, "nullable": false,
                      "direction": "both", "elementSize": 1, "countField": "count", "maximum": 8,
                      "fields": [{"name": "", "type": "u8", "offset": 0, "size": 1}]}],
          "constraints": [], "summary": "Takes lines.", "timeout": 500}],
         "handles": [{"device": "board/line", "profile": "line", "commands": [
          {"name": "SET_VALUES", "code": 8, "engine": "call", "effect": "write",
           "argumentSize": 8, "replySize": 0,
           "fields": [{"name": "values", "type": "u64", "offset": 0, "size": 8}],
           "constraints": [], "summary": "Sets lines."}]}]}
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
                        payload: Array(
                            #"{"devices":[{"name":"board","profile":"tty","labels":{"rack":"3","arm":"yes"}}]}"#
                                .utf8))
                ]
            case .describe: [Answer(id: request.id, payload: Array(Self.description.utf8))]
            case .open, .close: [Answer(id: request.id)]
            default: command(request)
            }
        }
    }

    @Test func `devices lists name and profile, and the same as JSON`() async throws {
        let text = try await run(["devices"])
        #expect(text.status == 0 && text.output == "board\ttty\tarm=yes rack=3\n" && text.complaint == "")
        let json = try await run(["devices", "-o", "json"])
        let board = #"{"labels":{"arm":"yes","rack":"3"},"name":"board","profile":"tty"}"#
        #expect(json.output == #"{"devices":[\#(board)],"version":1}"# + "\n")
    }

    @Test func `devices shows those that have every label asked for`() async throws {
        #expect(try await run(["devices", "-l", "rack=3", "-l", "arm=yes"]).output.hasPrefix("board\t"))
        #expect(try await run(["devices", "-l", "rack=3", "-l", "arm=no"]).output == "")
        #expect(try await run(["devices", "-l", "shelf=3"]).output == "")
    }

    @Test func `describe shows commands, fields and what is allowed`() async throws {
        let text = try await run(["describe", "board"])
        #expect(text.status == 0)
        #expect(
            text.output.contains("TIOCSWINSZ 0x5414 (write, argument 4, reply 0)  Sets the window size.\n"))
        #expect(text.output.contains("    ws_row u16\n    allowed: ws_row in 1..200\n"))
        #expect(
            text.output.hasSuffix(
                """
                GET_LINE 0x7 (write, argument 16, reply 16)  Takes lines.
                    mode u8; IN=0 OUT=1
                    count u8
                    offsets: count of u8, at most 8
                    fd s32; the reply has the slot with the line given
                    given up after 500 ms

                board/line (profile line)
                SET_VALUES 0x8 (write, argument 8, reply 0)  Sets lines.
                    values u64

                """))
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
                "engine":"ring","fields":{},"reply":"","request":3,"result":0,"version":1}\n
                """)
    }

    @Test func `behind + comes a command on the file that the one before gave`() async throws {
        let arguments = [
            "call", "board", "GET_LINE", "mode=OUT", "offsets=[4,5]", "+", "SET_VALUES", "values=3",
        ]
        let run = try await run(arguments) { request in
            if request.subOpcode == 7, request.slot == 0, request.offset == 1 {
                var reply = request.argument
                reply[12] = 1
                return [Answer(id: request.id, payload: reply)]
            }
            return request.subOpcode == 8 && request.slot == 1 && request.argument[0] == 3
                ? [Answer(id: request.id)] : []
        }
        #expect(run.status == 0 && run.complaint == "")
        #expect(
            run.output == """
                GET_LINE
                result 0
                mode 1 (OUT)
                count 2
                fd 1 (slot with a line)
                offsets [4, 5]
                SET_VALUES
                result 0

                """)
        let wrong = try await self.run(["call", "board", "TIOCSWINSZ", "+", "SET_VALUES"])
        #expect(wrong.status == 2 && wrong.complaint.contains("TIOCSWINSZ gives no file for what follows +"))
    }

    @Test func `a value may be the content of a file`() async throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "ringctl-\(UUID().uuidString)").path
        try Data([7, 9]).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        let device =
            #"{"device":"board","profile":"p","commands":[{"name":"SET","code":9,"engine":"call","#
            + #""effect":"write","argumentSize":4,"replySize":0,"constraints":[],"summary":"","#
            + #""fields":[{"name":"data","type":"bytes","offset":0,"size":4}]}]}"#
        let run = try await ToolRun.ringctl(["call", "board", "SET", "data=@\(path)"]) { request in
            switch request.operation {
            case .describe: [Answer(id: request.id, payload: Array(device.utf8))]
            case .command where request.argument != [7, 9, 0, 0]: []
            default: [Answer(id: request.id)]
            }
        }
        #expect(run.status == 0 && run.output == "result 0\n")
        let missing = try await self.run(["call", "board", "TIOCSWINSZ", "ws_row=@/nonexistent"])
        #expect(missing.status == 2 && missing.complaint.contains("cannot read /nonexistent"))
    }

    @Test func `a name that describe does not list is denied here, with what is allowed`() async throws {
        let run = try await run(["call", "board", "TIOCSTI"])
        #expect(run.status == 3)
        #expect(
            run.complaint
                == "ringctl: TIOCSTI is not allowed on board, or unknown; "
                + "allowed: TIOCGWINSZ, TIOCSWINSZ, GET_LINE\n")
    }

    @Test(
        arguments: [
            (
                Refusal(.never, rule: "never/TIOCSTI", "injects input"), 3,
                "denied by rule never/TIOCSTI: injects input; explain with `ringctl explain 0:3`"
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

    /// Else the gateway would keep the device for a client that may come back.
    @Test(arguments: [SIGINT, SIGTERM])
    func `an interrupted command cancels what it waits for and says goodbye`(signal: Int32) async throws {
        var welcome = Welcome()
        welcome.features = [.cancel]
        let gateway = try await FakeGateway.start(welcome: welcome)
        let process = Mutex<Int32>(0)
        let serving = Task { () -> Bool in
            let session = try await gateway.accept()
            var reading: UInt64?
            while let event = await session.event() {
                switch event {
                case .request(let request) where request.operation == .read:
                    reading = request.id
                    kill(process.withLock { $0 }, signal)
                case .request(let request) where request.operation == .cancel:
                    guard let reading, request.offset == reading else { return false }
                    try await session.send([Answer(id: reading, result: -125), Answer(id: request.id)])
                case .request(let request) where request.operation == .describe:
                    try await session.send([Answer(id: request.id, payload: Array(Self.description.utf8))])
                case .request(let request): try await session.send([Answer(id: request.id)])
                case .goodbye:
                    try await session.send(Goodbye.done.encoded())
                    return true
                case .hello: break
                case .closed, .failed, .violation: return false
                }
            }
            return false
        }
        let run = try await ToolRun.ringctl(["read", "board"], port: gateway.port) { identifier in
            process.withLock { $0 = identifier }
        }
        #expect(run.status == 128 + signal && run.output == "" && run.complaint == "")
        #expect(try await serving.value)
        try await gateway.stop()
    }
}
