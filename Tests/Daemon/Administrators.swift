import Foundation
import TestSupport

/// A daemon that keeps revisions, an administrator and an agent with `ringctl`.
final class Administrators {
    static let admin = "ringgate://test.example/admin"

    let files: DaemonFiles
    let daemon: Daemon
    let port: Int
    private let admin: TestCertificates.Pair
    private let agent: TestCertificates.Pair

    /// Everybody's rights; agents read as many bytes of /dev/null.
    static func policy(read: Int, rules: String = "") -> String {
        """
        version: 1
        principals:
          admin: {uri: "\(admin)"}
          agent: {uri: "\(DaemonFiles.agent)"}
        devices:
          "null": {path: /dev/null, profile: "null", open: read-write}
        rules:
          - id: admins
            principals: [admin]
            devices: ["@gateway"]
            commands:
              [policy.show, policy.effective, policy.plan, policy.apply, policy.rollback, policy.history, policy.explain,
              policy.suggest, session.list, session.kill, device.list, device.disable, device.drain, device.enable]
          - {id: agents, principals: [agent], devices: ["null"], read: {max-length: \(read)}}
        \(rules)
        """
    }

    init() throws {
        files = try DaemonFiles()
        _ = try files.write("policy.yaml", Self.policy(read: 16))
        admin = try files.certificates.client(uri: Self.admin)
        agent = try files.certificates.client(uri: DaemonFiles.agent)
        (daemon, port) = try files.start(["--state", files.path("state")])
    }

    static let program = Bundle.main.bundleURL.appending(path: "ringctl").path

    /// Runs `ringctl` as the administrator, or as an agent.
    func ringctl(_ arguments: [String], asAgent: Bool = false) throws -> ToolRun {
        let who = asAgent ? agent : admin
        return try Tool.run(files.environment(of: who, port: port) + ["ringctl"] + arguments)
    }

    /// The numbers and sources of the history, the newest first.
    func history() throws -> [String] {
        try ringctl(["policy", "history"]).output.split(separator: "\n").map { line in
            let words = line.split(separator: "\t", omittingEmptySubsequences: false)
            return words.count > 3 ? "\(words[0]) \(words[3])" : String(line)
        }
    }
}
