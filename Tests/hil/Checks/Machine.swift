import Foundation

/// The machine that QEMU runs: its monitor, and the shell inside.
final class Machine {
    let folder: String
    private let monitor: LineSocket
    private let control: LineSocket
    private let peer: SerialPeer

    init(_ folder: String) throws {
        self.folder = folder
        monitor = try LineSocket(folder + "/qmp.sock")
        control = try LineSocket(folder + "/control.sock")
        peer = try SerialPeer(folder + "/serial.sock")
        _ = try monitor.line(limit: 10)
        try execute("qmp_capabilities")
    }

    /// What the serial line's other end has heard.
    var heard: String { peer.heard }

    /// Runs a command of QEMU's monitor (QMP) and returns its result.
    @discardableResult
    func execute(_ command: String, _ arguments: [String: String] = [:]) throws -> Any {
        var request: [String: Any] = ["execute": command]
        if !arguments.isEmpty { request["arguments"] = arguments }
        let text = try JSONSerialization.data(withJSONObject: request)
        try monitor.send(String(decoding: text, as: UTF8.self) + "\n")
        while true {
            let answer = try Self.object(monitor.line(limit: 20))
            if let result = answer["return"] { return result }
            if let error = answer["error"] { throw LabFailure("\(command): \(error)") }
        }
    }

    /// Waits for an event of QEMU's whose `device` is the one named.
    func waitFor(_ event: String, device: String, limit: Double = 30) throws {
        let deadline = Date(timeIntervalSinceNow: limit)
        while true {
            let message = try Self.object(monitor.line(limit: deadline.timeIntervalSinceNow))
            let data = message["data"] as? [String: Any]
            if message["event"] as? String == event, data?["device"] as? String == device { return }
        }
    }

    /// Runs a line of shell in the machine and returns what it prints. Throws when it fails.
    @discardableResult
    func shell(_ line: String, limit: Double = 30) throws -> String {
        try control.send(line + "\n")
        var output: [String] = []
        while true {
            let text = try control.line(limit: limit)
            if text.hasPrefix("status ") {
                guard text == "status 0" else {
                    throw ShellFailure(
                        description: "`\(line)` in the machine: \(text), \(output.joined(separator: " "))")
                }
                return output.joined(separator: "\n")
            }
            output.append(text)
        }
    }

    /// Waits until a line of shell succeeds.
    func wait(for line: String, limit: Double = 60) throws {
        let deadline = Date(timeIntervalSinceNow: limit)
        while true {
            do {
                try shell(line, limit: max(1, deadline.timeIntervalSinceNow))
                return
            } catch let failure as ShellFailure {
                guard Date() < deadline else { throw failure }
                usleep(100_000)
            }
        }
    }

    /// The port on this host that leads to the gateway's.
    func gatewayPort() throws -> Int {
        let text = try execute("human-monitor-command", ["command-line": "info usernet"]) as? String ?? ""
        for line in text.split(whereSeparator: \.isNewline) where line.contains("HOST_FORWARD") {
            let words = line.split(separator: " ")
            if words.count > 3, let port = Int(words[3]) { return port }
        }
        throw LabFailure("QEMU forwards no port: \(text)")
    }

    private static func object(_ line: String) throws -> [String: Any] {
        guard let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any] else {
            throw LabFailure("QEMU said: \(line)")
        }
        return object
    }
}

/// A line of shell that ended with another status than 0.
private struct ShellFailure: Error, CustomStringConvertible {
    let description: String
}

/// The board at the other end of the serial line: it answers `ping` with `pong`.
///
/// `@unchecked Sendable` is sound because `text` is touched only under `lock`.
private final class SerialPeer: @unchecked Sendable {
    private let lock = NSLock()
    private var text = ""

    var heard: String { lock.withLock { text } }

    init(_ path: String) throws {
        let socket = try LineSocket(path)
        // Used by the thread alone from here on; it ends with the machine.
        nonisolated(unsafe) let line = socket
        Thread.detachNewThread { [self] in
            while let bytes = try? line.receive(until: .distantFuture) {
                let isAsked = lock.withLock {
                    text += String(decoding: bytes, as: UTF8.self)
                    return text.hasSuffix("ping\n")
                }
                if isAsked { try? line.send("pong\n") }
            }
        }
    }
}
