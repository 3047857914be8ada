import Foundation
import TestSupport
import Testing

/// `ringctl lease acquire`: a command that has devices for as long as it runs.
@Suite(.timeLimit(.minutes(5))) struct LeaseAcquireTests {
    private let files: DaemonFiles
    private let daemon: Daemon
    private let environment: [String]

    init() throws {
        files = try DaemonFiles()
        _ = try files.write(
            "policy.yaml",
            """
            version: 1
            principals:
              agent: {uri: "\(DaemonFiles.agent)"}
            devices:
              board: {path: /dev/null, profile: "null", open: read-write, lease: exclusive, labels: {board: imx8}}
              power: {path: /dev/full, profile: "null", open: read-write, lease: exclusive, labels: {board: imx8}}
            rules:
              - id: agents
                principals: [agent]
                devices: [board, power]
                read: {max-length: 64}
              - {id: look, principals: [agent], devices: ["@gateway"], commands: [session.list, device.list]}

            """)
        let agent = try files.certificates.client(uri: DaemonFiles.agent)
        let port: Int
        (daemon, port) = try files.start()
        environment = files.environment(of: agent, port: port)
    }

    private func shell(_ script: String) throws -> ToolRun {
        try Tool.run(environment + ["bash", "-c", script])
    }

    /// Whether a session without a lease may have the device.
    private func isFree(_ device: String) throws -> Bool {
        try shell("ringctl read \(device) --count 1").status == 0
    }

    @Test func theCommandHasAllDevicesWithTheLabelAndItsExitCodeCounts() throws {
        let run = try shell(
            """
            ringctl lease acquire -l board=imx8 --for 1m -- sh -c \
            'ringctl read board --count 4 --wait 5 && ringctl read power --count 4 >/dev/null && echo "has $RINGGATE_DEVICES"; exit 7'
            """)
        #expect(run.status == 7 && run.output.contains("has board power"), "\(run.output)")
        #expect(try isFree("board") && isFree("power"))
    }

    @Test func othersAreKeptOutAndMayWait() throws {
        let run = try shell(
            """
            cd \(files.path(""))
            ringctl lease acquire board -- sh -c 'touch begun; until [ -e go ]; do sleep 0.05; done' &
            until [ -e begun ]; do kill -0 $! || exit 9; sleep 0.05; done
            ringctl read board --count 1; echo "without: $?"
            ringctl lease acquire board -- true; echo "at once: $?"
            ringctl lease acquire board --wait 1m -- echo waited 2>told & waiter=$!
            until grep -q place told; do kill -0 $waiter || exit 9; sleep 0.05; done
            touch go; wait $waiter; echo "later: $?"; cat told
            """)
        for line in ["without: 6", "at once: 6", "waited", "later: 0", "place 1"] {
            #expect(run.output.contains(line), "\(run.output)")
        }
    }

    @Test func whenTheTimeIsOverTheCommandIsEnded() throws {
        let run = try shell("ringctl lease acquire board --for 0.5s -- sleep 60")
        #expect(run.status == 143 && run.output.contains("the time is over"), "\(run.output)")
        #expect(try isFree("board"))
    }

    @Test(arguments: ["TERM", "INT"]) func aSignalEndsTheCommandAndGivesBack(signal: String) throws {
        let run = try shell(
            """
            ringctl lease acquire board -- sh -c 'echo $$ > \(files.path("child")); exec sleep 60' &
            until [ -s \(files.path("child")) ]; do kill -0 $! || exit 9; sleep 0.05; done
            kill -\(signal) $!; wait $!; echo "ended: $?"
            kill -0 $(cat \(files.path("child"))) 2>/dev/null || echo "the command is gone"
            """)
        let code = signal == "TERM" ? 143 : 130
        #expect(run.output.contains("ended: \(code)") && run.output.contains("is gone"), "\(run.output)")
        #expect(try isFree("board"))
    }

    @Test func whatCannotBeStartedGivesBack() throws {
        let run = try shell("ringctl lease acquire board -- ringgate-no-such-command")
        #expect(run.status == 2 && run.output.contains("ringgate-no-such-command"), "\(run.output)")
        #expect(try isFree("board"))
        #expect(try shell("ringctl lease acquire -- true").status == 2)
        #expect(try shell("ringctl lease acquire -l board=none -- true").status == 2)
        #expect(try shell("RINGGATE_LEASE_AGENT=/nowhere/lease ringctl read board --count 1").status == 6)
    }

    @Test func topShowsWhatIsGoingOn() throws {
        _ = try shell("ringctl read board --count 1; ringctl call board 0x1234")
        let run = try Tool.run(
            environment + ["ringctl", "top", "--count", "2", "--interval", "0.2", "-o", "json"],
            discardingErrors: true)
        let looks = try run.output.split(separator: "\n").map {
            try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
        }
        #expect(looks.count == 2 && looks[0]["rates"] == nil, "\(run.output)")
        let rates = try #require(looks.last?["rates"] as? [String: Double])
        #expect(Set(rates.keys) == ["board", "power"])
        let board = try #require(
            (looks[1]["devices"] as? [[String: Any]])?.first { $0["name"] as? String == "board" })
        #expect(board["started"] as? Int == 1 && board["denied"] as? Int == 1, "\(board)")
        // As many looks as one session may have files open, and more.
        let text = try shell("ringctl top --count 70 --interval 0.1")
        #expect(text.status == 0 && text.output.contains("DEVICE"), "\(text.output.suffix(500))")
    }
}
