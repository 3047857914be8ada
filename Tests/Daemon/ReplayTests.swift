import Foundation
import RingLab
import TestSupport
import Testing

/// `ringctl record` on devices, `ringgated --replay` without them.
@Suite(.timeLimit(.minutes(5))) struct ReplayTests {
    private let files: DaemonFiles
    private let agent: TestCertificates.Pair

    init() throws {
        files = try DaemonFiles()
        agent = try files.certificates.client(uri: DaemonFiles.agent)
    }

    private func policy(board: String) throws {
        _ = try files.write(
            "policy.yaml",
            """
            version: 1
            principals:
              agent: {uri: "\(DaemonFiles.agent)"}
            devices:
              "null": {path: /dev/null, profile: "null"}
              random: {path: /dev/random, profile: random}
              board: {path: \(board), profile: tty, open: read-write}
            rules:
              - {id: ping, principals: [agent], devices: ["null"], commands: [NULL_URING_CMD]}
              - {id: random, principals: [agent], devices: [random], commands: [RNDGETENTCNT], read: true}
              - id: board
                principals: [agent]
                devices: [board]
                commands: [TIOCGWINSZ, TIOCSWINSZ, TCGETS2, {use: TCSETSW2, where: {c_line: {equals: 0}}}]
                read: {max-length: 4KiB}
                write: {max-length: 4KiB}

            """)
    }

    private func shell(_ port: Int, _ script: String) throws -> ToolRun {
        let board = [
            "board-agent", "--port", "\(port)", "--certificate", agent.certificate, "--key", agent.key,
            "--ca",
            files.certificates.authority.certificate, "--no-disk", "none",
        ]
        return try Tool.run(
            files.environment(of: agent, port: port) + [
                "AGENT=\(board.joined(separator: " "))", "RECORDING=\(files.path("session.jsonl"))",
                "bash", "-c", script,
            ])
    }

    @Test func theBoardsSessionPassesAgainWithoutTheBoard() throws {
        let board = try Board()
        try policy(board: board.path)
        do {
            let (daemon, port) = try files.start()
            let run = try shell(port, "ringctl record $RECORDING -- $AGENT")
            #expect(run.status == 0 && run.output.contains("the board sees 9600 8N1"), "\(run.output)")
            daemon.signal(SIGTERM)
            #expect(try daemon.exitCode() == 0)
        }
        try policy(board: "/dev/ringgate-absent")
        let (daemon, port) = try files.start(["--replay", files.path("session.jsonl")])
        let run = try shell(port, "$AGENT")
        #expect(run.status == 0 && run.output.contains("the board sees 9600 8N1"), "\(run.output)")
        daemon.signal(SIGTERM)
        #expect(try daemon.exitCode() == 0)
        #expect(daemon.log.contains("answers for it"), "\(daemon.log)")
        #expect(
            daemon.log.firstMatch(of: /replay of board: (\d+) of (\d+) steps/).map { $0.1 == $0.2 } == true)
    }

    @Test func aTestThatHasChangedIsToldWhere() throws {
        let board = try Board()
        try policy(board: board.path)
        do {
            let (daemon, port) = try files.start()
            let run = try shell(
                port,
                """
                ringctl record $RECORDING -- bash -c \
                'ringctl call board TIOCSWINSZ ws_row=40 ws_col=100 && ringctl call board TIOCGWINSZ; exit 9'
                """)
            #expect(run.status == 9, "\(run.output)")
            #expect(
                try shell(port, "ringctl record $RECORDING -- true").output.contains("it is there already"))
            daemon.signal(SIGTERM)
            _ = try daemon.exitCode()
        }
        try policy(board: "/dev/ringgate-absent")
        let (daemon, port) = try files.start(["--replay", files.path("session.jsonl")])
        let same = try shell(port, "ringctl call board TIOCSWINSZ ws_row=40 ws_col=100")
        #expect(same.status == 0, "\(same.output)")
        let other = try shell(port, "ringctl call board TIOCSWINSZ ws_row=41 ws_col=100")
        #expect(
            other.status == 6
                && other.output.contains(
                    "session.jsonl:3 has TIOCGWINSZ(), this is TIOCSWINSZ(ws_row=41, ws_col=100"),
            "\(other.output)")
        daemon.signal(SIGTERM)
        _ = try daemon.exitCode()
        #expect(daemon.log.contains("replay of board: 1 of 2 steps were asked for"), "\(daemon.log)")
    }

    @Test(arguments: [
        ("nonsense", "r.jsonl:1: it is no recording"),
        (
            "{\"recording\":\"ringgate\",\"version\":1}\n{\"device\":\"lost\",\"operation\":\"sync\",\"result\":0}",
            "the policy has no device `lost`"
        ),
    ]) func whatCannotBeReplayedDoesNotStart(text: String, error: String) throws {
        let path = try files.write("r.jsonl", text)
        let run = try Daemon.run(files.arguments(and: ["--replay", path]))
        #expect(run.code == 2 && run.log.contains(error), "\(run.log)")
        let order = try Daemon.run(files.arguments(and: ["--replay", path, "--replay-order", "odd"]))
        #expect(order.code == 64 && order.log.contains("write strict or any"), "\(order.log)")
        let alone = try Daemon.run(files.arguments(and: ["--replay-order", "any"]))
        #expect(alone.code == 64 && alone.log.contains("goes with --replay"), "\(alone.log)")
    }
}
