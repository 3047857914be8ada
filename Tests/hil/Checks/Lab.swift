import Foundation
import RingClient

/// One thing that must hold, with the name it has in the list of checks.
struct Check: Sendable {
    let name: String
    let device: String
    let run: @Sendable (Lab) async throws -> Finding

    init(_ name: String, on device: String, _ run: @escaping @Sendable (Lab) async throws -> Finding) {
        self.name = name
        self.device = device
        self.run = run
    }
}

/// What a check found, for the table at the end.
struct Finding: Sendable {
    let engine: String
    let result: String
    /// Nanoseconds.
    let deviceTime: UInt64

    init(_ reply: Reply, _ result: String) {
        engine = "\(reply.engine)"
        self.result = result
        deviceTime = reply.deviceTime
    }

    /// Something the gateway did by itself.
    init(_ result: String) {
        engine = "-"
        self.result = result
        deviceTime = 0
    }
}

/// What the checks work with.
///
/// `@unchecked Sendable` is sound because `last` and `opened` are touched only under `lock`, and the machine is spoken to by one check at a
/// time.
final class Lab: @unchecked Sendable {
    let gateway: RingConnection
    let machine: Machine
    let configuration: ConnectionConfiguration
    private let tool: String
    private let lock = NSLock()
    private var last: Reply?
    /// What the check that runs has opened.
    private var opened: [NamedDevice] = []

    init(
        _ gateway: RingConnection, _ machine: Machine, _ configuration: ConnectionConfiguration, tool: String
    ) {
        self.gateway = gateway
        self.machine = machine
        self.configuration = configuration
        self.tool = tool
    }

    /// Opens a device and remembers what it answers. Waits for one that is being made ready after somebody else.
    func open(_ name: String) async throws -> NamedDevice {
        var attempts = 100
        while true {
            do {
                let device = try await NamedDevice.open(name, on: gateway) { [self] _, reply in
                    lock.withLock { last = reply }
                }
                lock.withLock { opened.append(device) }
                return device
            } catch RingError.refused(let refusal) where refusal.reason == .busy && attempts > 0 {
                attempts -= 1
                try await Task.sleep(for: .milliseconds(100))
            }
        }
    }

    /// Closes what a check has opened, and waits for that: when the last reference to a file goes is nobody's to say, and the
    /// next check, or a process of its own, may need the device at once.
    func closeAll() async {
        let devices = lock.withLock {
            defer { opened = [] }
            return opened
        }
        // One that the check has closed, or whose node has gone, is closed already.
        for device in devices { try? await device.close() }
    }

    /// The last answer of a device.
    func finding(_ result: String) throws -> Finding {
        guard let reply = lock.withLock({ last }) else { throw LabFailure("nothing was answered yet") }
        return Finding(reply, result)
    }

    /// That the gateway refuses `body`, with the rule's or the refusal's words.
    func refused(_ body: () async throws -> Void) async throws -> Finding {
        do {
            try await body()
        } catch RingError.denied(let refusal) {
            return Finding("denied by \(refusal.rule.isEmpty ? "having no rule" : "rule " + refusal.rule)")
        }
        throw LabFailure("it was not refused")
    }

    /// That the device fails `body` with this errno.
    func fails(_ names: String..., body: () async throws -> Void) async throws -> Finding {
        do {
            try await body()
        } catch RingError.errno(let errno, _) where names.contains(errno.name) {
            return Finding("\(errno.name), as it must")
        }
        throw LabFailure("it did not fail")
    }

    /// Runs ringctl and returns what it prints.
    func ringctl(_ arguments: String..., status: Int32 = 0, input: String? = nil) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: tool)
        process.arguments = arguments
        process.environment = [
            "RINGGATE_HOST": "\(configuration.host):\(configuration.port)",
            "RINGGATE_CERT": configuration.certificateChain, "RINGGATE_KEY": configuration.privateKey,
            "RINGGATE_CA": configuration.trustRoots,
        ]
        let (output, complaint) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = complaint
        let feed = Pipe()
        process.standardInput = feed
        try process.run()
        // Less than a pipe holds, so this does not wait for the reader.
        try feed.fileHandleForWriting.write(contentsOf: Data((input ?? "").utf8))
        try feed.fileHandleForWriting.close()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let errors = String(decoding: complaint.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == status else {
            throw LabFailure(
                "ringctl ended with \(process.terminationStatus), not \(status): \(text)\(errors)")
        }
        return text + errors
    }
}

/// Throws with the words unless it holds.
func require(_ condition: Bool, _ words: @autoclosure () throws -> String) throws {
    if !condition { throw LabFailure(try words()) }
}

/// The first event, waited for no longer than some seconds. `cause` runs once the stream was asked for.
func first<S: AsyncSequence & Sendable>(
    _ count: Int, of events: S, within seconds: Double = 10,
    after cause: @escaping @Sendable () throws -> Void
) async throws -> [S.Element] where S.Element: Sendable {
    try await withThrowingTaskGroup(of: [S.Element].self) { group in
        group.addTask {
            var taken: [S.Element] = []
            for try await event in events {
                taken.append(event)
                if taken.count == count { break }
            }
            return taken
        }
        group.addTask {
            try await Task.sleep(for: .milliseconds(200))
            try cause()
            try await Task.sleep(for: .seconds(seconds))
            throw LabFailure("no event came")
        }
        defer { group.cancelAll() }
        return try await group.next() ?? []
    }
}
