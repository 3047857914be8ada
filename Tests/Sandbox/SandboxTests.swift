import Foundation
import TestSupport
import Testing

/// What code that has taken over the gateway's process can still do.
@Suite(.timeLimit(.minutes(5))) struct SandboxTests {
    private struct Run {
        let sandbox: String
        /// errno by attempt; 0 for what came through.
        let attempts: [String: Int]
        let uses: [String: Int]

        init(_ where: String) throws {
            let folder = try TemporaryDirectory()
            let (inside, outside) = ("\(folder.path)/inside", "\(folder.path)/outside")
            for path in [inside, outside] {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            }
            for name in ["secret", "other", "third", "fourth"] {
                try Data("x".utf8).write(to: URL(filePath: "\(outside)/\(name)"))
            }
            let listener = try Listening()
            let run = try Tool.run([
                Bundle.main.bundleURL.appending(path: "escape").path, `where`, inside, outside,
                "\(listener.port)", listener.name,
            ])
            try #require(run.succeeded, "\(run.output)")
            var (sandbox, attempts, uses) = ("", [String: Int](), [String: Int]())
            for line in run.output.split(separator: "\n") {
                guard let colon = line.lastIndex(of: ":") else { continue }
                let name = String(line[..<colon])
                let value = Int(line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
                if name == "sandbox" { sandbox = String(line) }
                guard let value else { continue }
                if name.hasPrefix("use ") { uses[name] = value } else { attempts[name] = value }
            }
            (self.sandbox, self.attempts, self.uses) = (sandbox, attempts, uses)
        }
    }

    /// Attempts that nothing but the sandbox stops, whoever runs the tests.
    private static let possible: Set = [
        "execve", "execveat", "fork", "signal the parent", "pidfd_open the parent", "read a file outside",
        "write a file outside", "truncate a file outside", "list a folder outside", "remove a file outside",
        "rename a file to the outside", "link to the outside", "read the parent's environment",
        "memory to write and run", "memory made runnable", "an ioctl that no profile has",
        "connect to another port", "listen on another port", "an abstract socket", "a netlink socket",
        "read a file outside through a ring", "remove a file outside through a ring", "open a device",
        "open a device through a ring",
    ]

    /// What a device's own process may do, and a gateway may not.
    private static let ofDevices: Set = ["open a device", "open a device through a ring"]

    @Test(arguments: ["gateway", "device"]) func noWayOutOfTheSandbox(of process: String) throws {
        let inside = try Run(process)
        guard inside.sandbox.contains("system calls filtered"), !inside.sandbox.contains("no Landlock") else {
            try Test.cancel("skipped: this machine gives no complete sandbox: \(inside.sandbox)")
        }
        #expect(inside.attempts.count == 45)
        let version =
            Int(
                inside.sandbox.split(separator: " ").drop { $0 != "Landlock" }.dropFirst().first?.prefix {
                    $0 != ";"
                } ?? "") ?? 0
        for (name, errno) in inside.attempts.sorted(by: { $0.key < $1.key }) {
            // Ports came with version 4 of Landlock.
            if version < 4, name.hasSuffix("another port") { continue }
            if process == "device", Self.ofDevices.contains(name) { continue }
            #expect(errno != 0, "\(name)")
        }
        for (name, errno) in inside.uses { #expect(errno == 0, "\(name): \(errno)") }
    }

    /// The same without a sandbox, so that each attempt is one that would succeed.
    @Test func eachAttemptIsOneThatCouldSucceed() throws {
        let outside = try Run("out")
        for name in Self.possible.sorted() {
            #expect(outside.attempts[name] == 0, "\(name): \(outside.attempts[name] ?? -1)")
        }
    }
}

/// Somebody who listens where nobody in a sandbox should get to.
private final class Listening {
    let port: UInt16
    let name: String
    private let sockets: [Int32]

    init() throws {
        let name = "ringgate-test-\(UUID().uuidString)"
        let tcp = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(tcp, $0, size) == 0 && listen(tcp, 4) == 0 && getsockname(tcp, $0, &size) == 0
            }
        }
        port = UInt16(bigEndian: address.sin_port)
        let local = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var place = sockaddr_un()
        place.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &place.sun_path) { $0[1...].copyBytes(from: name.utf8) }
        let length = socklen_t(3 + name.utf8.count)
        let boundLocally = withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(local, $0, length) == 0 && listen(local, 4) == 0
            }
        }
        (self.name, sockets) = (name, [tcp, local])
        try #require(bound && boundLocally)
    }

    deinit { for socket in sockets { close(socket) } }
}
