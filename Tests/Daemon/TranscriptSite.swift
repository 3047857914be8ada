import Foundation
import RingLab
import TestSupport

/// The site that the pages speak of: a board, a gateway that keeps revisions, agent 7 and an administrator.
final class TranscriptSite {
    static let agent = "ringgate://farm.example/agent/7"

    private let board: Board
    private let files: DaemonFiles
    private let daemon: Daemon
    private let port: Int
    /// Lines of `export`, which hold for all that follows.
    private var exports: [String] = []
    /// What this run has for numbers that a page shows.
    private var names: [String: String] = [:]

    /// Where commands run: certificates, profiles and a copy of the policy lie there.
    let directory: URL

    init() throws {
        board = try Board()
        files = try DaemonFiles()
        directory = URL(filePath: files.certificates.authority.certificate).deletingLastPathComponent()
        _ = try files.certificates.client(uri: Self.agent, name: "agent")
        _ = try files.certificates.client(uri: "ringgate://farm.example/admin/1", name: "admin")
        let policy = Self.policy(board: board.path)
        _ = try files.write("policy.yaml", policy)
        (daemon, port) = try files.start([
            "--state", files.path("state"), "--audit", directory.appending(path: "audit").path,
        ])
        try policy.write(to: directory.appending(path: "policy.yaml"), atomically: true, encoding: .utf8)
        try FileManager.default.createSymbolicLink(
            atPath: directory.appending(path: "profiles").path,
            withDestinationPath: "\(Tool.repository)/profiles")
    }

    /// Runs a line of a shell, with standard error in the output.
    func shell(_ command: String) throws -> ToolRun {
        var command = command.replacingOccurrences(of: "127.0.0.1:7450", with: "127.0.0.1:\(port)")
        for (shown, name) in names {
            command = command.replacingOccurrences(of: "explain \(shown)", with: "explain \(name)")
        }
        if command.hasPrefix("export ") { exports.append(command) }
        let script = (exports + [command]).joined(separator: "\n")
        let programs = Bundle.main.bundleURL.path
        return try Tool.run(
            ["bash", "-c", "PATH=\(programs):$PATH\n\(script)"], in: directory.path)
    }

    /// Runs a transcript; says what is not as shown.
    func difference(_ transcript: Transcript) throws -> String? {
        let run = try shell(transcript.command)
        guard try !transcript.matches(run.output, naming: &names) else { return nil }
        return "\(transcript)\nshown:\n\(transcript.output.joined(separator: "\n"))\nis:\n\(run.output)"
    }

    /// The JSON that a command prints as the administrator.
    func json(_ command: String) throws -> Any {
        let run = try shell("RINGGATE_CERT=admin.crt RINGGATE_KEY=admin.key ringctl \(command) -o json")
        return try JSONSerialization.jsonObject(with: Data(run.output.utf8))
    }

    private static func policy(board: String) -> String {
        // The farthest end that cannot become the past of a test run.
        let tomorrow = Date(timeIntervalSinceNow: 86_400).ISO8601Format()
        return """
            version: 1
            principals:
              admin: {uri: "ringgate://farm.example/admin/*"}
              agent: {uri: "ringgate://farm.example/agent/*"}
            devices:
              board: {path: \(board), profile: tty, open: read-write, labels: {site: lab}}
              "null": {path: /dev/null, profile: "null"}
              random: {path: /dev/random, profile: random, observe: {until: "\(tomorrow)"}}
              sensors: {path: \(path(.bus)), profile: i2c, open: read-write}
              gpio0: {path: \(path(.chip)), profile: gpio, open: read-write}
            rules:
              - id: admins
                principals: [admin]
                devices: ["@gateway"]
                commands:
                  [policy.show, policy.effective, policy.plan, policy.apply, policy.rollback, policy.history,
                  policy.explain, policy.suggest, session.list, session.kill, device.list, device.disable,
                  device.drain, device.enable, device.reset-lane, lease.list, lease.revoke, trace.read]
              - id: use-board
                principals: [agent]
                devices: [board]
                commands: [TIOCGWINSZ, {use: TIOCSWINSZ, where: {ws_row: {range: [1, 200]}}}]
                read: {max-length: 4KiB}
                write: {max-length: 4KiB}
              - id: use-bus
                principals: [agent]
                devices: [sensors]
                commands: [{use: I2C_RDWR, where: {msgs.addr: {equals: 0x50}}}]
              - id: use-line
                principals: [agent]
                devices: [gpio0]
                commands: [{use: GPIO_V2_GET_LINE_IOCTL, where: {offsets: {equals: 4}}}]
                handles: {gpio-line: {commands: [GPIO_V2_LINE_SET_VALUES_IOCTL]}}

            """
    }

    /// The variable that names a device to try `hardware` on. None is searched for: they write to it.
    static func variable(_ hardware: Transcript.Hardware) -> String {
        switch hardware {
        case .bus: "RINGGATE_TEST_I2C"
        case .chip: "RINGGATE_TEST_GPIO"
        }
    }

    static func has(_ hardware: Transcript.Hardware) -> Bool {
        ProcessInfo.processInfo.environment[variable(hardware)] != nil
    }

    private static func path(_ hardware: Transcript.Hardware) -> String {
        ProcessInfo.processInfo.environment[variable(hardware)] ?? "/dev/ringgate-absent-\(hardware)"
    }
}
