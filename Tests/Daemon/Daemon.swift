import Foundation
import TestSupport

/// The built `ringgated` as a process of its own, and all it said. Ended with its owner.
final class Daemon {
    /// A way to start a program: a command to which the program and its arguments are appended.
    typealias Wrapper = [String]

    static let program = Bundle.main.bundleURL.appending(path: "ringgated").path

    let process = Process()
    private let pipe = Pipe()
    /// Standard output and standard error: all of it once the daemon has ended, before that as far as it was waited for.
    private(set) var log = ""

    init(_ arguments: [String], through wrapper: Wrapper = []) throws {
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = wrapper + [Self.program] + arguments
        // A crash is to be seen as one at once, without a backtracer that keeps the pipe open.
        process.environment = ProcessInfo.processInfo.environment.merging(
            ["SWIFT_BACKTRACE": "enable=no"]) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
    }

    deinit {
        guard process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    func signal(_ number: Int32) { Foundation.kill(process.processIdentifier, number) }

    /// Waits until it has said something, for at most ten seconds.
    func says(_ words: String) -> Bool {
        eventually {
            var source = pollfd(
                fd: pipe.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
            if poll(&source, 1, 0) == 1 {
                log += String(decoding: pipe.fileHandleForReading.availableData, as: UTF8.self)
            }
            return log.contains(words)
        }
    }

    /// Its exit code, or nil when it has not ended in ten seconds or was killed. What it says in these tests
    /// fits a pipe, so that it can be read when it has ended.
    func exitCode() throws -> Int32? {
        guard eventually({ !process.isRunning }) else {
            log += "(the daemon runs still)\n"
            return nil
        }
        log += String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        guard process.terminationReason == .exit else {
            log += "(the daemon was ended by signal \(process.terminationStatus))\n"
            return nil
        }
        return process.terminationStatus
    }

    /// Runs to its end, which must come.
    static func run(_ arguments: [String], through wrapper: Wrapper = []) throws -> (
        code: Int32?, log: String
    ) {
        let daemon = try Daemon(arguments, through: wrapper)
        let code = try daemon.exitCode()
        return (code, daemon.log)
    }
}

/// The files a daemon needs, all of them good.
struct DaemonFiles {
    static let agent = "ringgate://test.example/agent"

    let certificates: TestCertificates
    private let directory: TemporaryDirectory

    init() throws {
        certificates = try TestCertificates()
        directory = try TemporaryDirectory()
        _ = try write(
            "policy.yaml",
            """
            version: 1
            principals:
              agent: {uri: "\(Self.agent)"}
            devices:
              "null": {path: /dev/null, profile: "null"}
              absent: {path: /dev/ringgate-absent, profile: "null"}
            rules:
              - {id: agents, principals: [agent], devices: ["null", absent], commands: [NULL_URING_CMD]}

            """)
    }

    func path(_ name: String) -> String { "\(directory.path)/\(name)" }

    /// What `ringctl` needs to reach the gateway as `who`, and to be found by its name; for env(1).
    func environment(of who: TestCertificates.Pair, port: Int) -> [String] {
        [
            "PATH=\(Bundle.main.bundleURL.path):\(ProcessInfo.processInfo.environment["PATH"] ?? "")",
            "RINGGATE_HOST=127.0.0.1:\(port)", "RINGGATE_CERT=\(who.certificate)",
            "RINGGATE_KEY=\(who.key)", "RINGGATE_CA=\(certificates.authority.certificate)",
        ]
    }

    /// Makes a file and tells its path.
    func write(_ name: String, _ text: String) throws -> String {
        try text.write(toFile: path(name), atomically: true, encoding: .utf8)
        return path(name)
    }

    /// Arguments of a good start, each of which a test may replace.
    func arguments(_ changes: [String: String] = [:], and more: [String] = []) -> [String] {
        let good = [
            "listen": "127.0.0.1:0", "certificate": certificates.server.certificate,
            "key": certificates.server.key, "client-ca": certificates.authority.certificate,
            "policy": path("policy.yaml"), "profiles": "\(Tool.repository)/profiles",
        ]
        return good.merging(changes) { $1 }.flatMap { ["--\($0)", $1] } + more
    }

    /// A daemon that listens, and where.
    func start(
        _ more: [String] = [], through wrapper: Daemon.Wrapper = []
    ) throws -> (daemon: Daemon, port: Int) {
        let portFile = path("port-\(UUID().uuidString)")
        let daemon = try Daemon(arguments(and: ["--port-file", portFile] + more), through: wrapper)
        var port: Int?
        _ = eventually {
            let text = try? String(contentsOfFile: portFile, encoding: .utf8)
            port = text.flatMap { $0.hasSuffix("\n") ? Int($0.dropLast()) : nil }
            return port != nil || !daemon.process.isRunning
        }
        guard let port else {
            _ = try daemon.exitCode()
            throw NotStarted(log: daemon.log)
        }
        return (daemon, port)
    }
}

struct NotStarted: Error {
    let log: String
}

/// Waits until `condition` holds, for at most ten seconds.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    let deadline = Date(timeIntervalSinceNow: 10)
    while !(try condition()) {
        guard Date() < deadline else { return false }
        usleep(2_000)
    }
    return true
}
