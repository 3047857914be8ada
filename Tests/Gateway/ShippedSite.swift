import Foundation
import Glibc
import RingClient
import RingGateway
import RingPolicyFile
import RingProtocol
import TestSupport

/// Sites under a whole policy file and the profiles that are shipped.
extension Site {
    convenience init(yaml: String) throws {
        try self.init(SitePolicy())
        let loaded = try PolicyLoader.load(
            SourceText(path: "policy.yaml", text: yaml), profiles: try Self.shippedProfiles())
        let snapshot = loaded.snapshot(revision: Revision.sha256(loaded.revisionInput))
        gateway.apply(snapshot)
        let isInForce = eventually { (try? raw(agent).greet().revision) == snapshot.revision }
        guard isInForce, eventually({ gateway.counters.open == 0 }) else { throw NotInForce(number: 0) }
    }

    private static func shippedProfiles() throws -> [SourceText] {
        let directory = "\(Tool.repository)/profiles"
        return try FileManager.default.contentsOfDirectory(atPath: directory).filter {
            $0.hasSuffix(".yaml")
        }.map { name in
            let path = "\(directory)/\(name)"
            return SourceText(path: path, text: try String(contentsOfFile: path, encoding: .utf8))
        }
    }

    /// The client library with another certificate.
    func connect(as uri: String) async throws -> RingConnection {
        let pair = try certificates.client(uri: uri)
        return try await RingConnection.connect(
            host: "127.0.0.1", port: gateway.port, identity: (pair.certificate, pair.key),
            trust: certificates.authority.certificate)
    }
}

/// A step on the way to a test's subject failed.
struct Broken: Error {
    let step: String
    let reason: String
}

/// An open device whose commands, fields and values are used by the names that `describe` tells.
struct NamedDevice {
    struct Unknown: Error {
        let command: String
    }

    let device: RemoteDevice
    private let commands: [String: CommandDescription]

    init(_ connection: RingConnection, _ name: String) async throws {
        device = try await connection.open(name)
        let described = try await connection.describe(name)
        commands = Dictionary(uniqueKeysWithValues: described.commands.map { ($0.name, $0) })
    }

    /// The reply's result, and its fields in words, else in numbers.
    @discardableResult
    func call(
        _ command: String, _ values: [String: String] = [:]
    ) async throws -> (result: Int, fields: [String: String]) {
        guard let description = commands[command] else { throw Unknown(command: command) }
        let codec = try ArgumentCodec(description)
        let sent = try codec.encode(values)
        let reply = try await device.command(sent)
        let fields = try codec.decode(reply.payload, of: sent).map { ($0.name, $0.words ?? "\($0.value)") }
        return (Int(reply.result), Dictionary(uniqueKeysWithValues: fields))
    }

    /// Why a call is denied; nil when it is not.
    func denial(_ command: String, _ values: [String: String] = [:]) async throws -> Refusal? {
        do {
            try await call(command, values)
            return nil
        } catch RingError.denied(let refusal) {
            return refusal
        }
    }

    /// The errno with which the kernel fails a call that reaches it; 0 when it succeeds.
    func kernelError(_ command: String, _ values: [String: String] = [:]) async throws -> Int32 {
        do {
            try await call(command, values)
            return 0
        } catch RingError.errno(let errno, _) {
            return errno.number
        }
    }
}

/// A TCP server on a free port of 127.0.0.1.
final class LoopbackListener {
    /// As a device's `address`.
    let address: String
    private let listener: Int32

    init() throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 8) == 0
                    && getsockname(listener, $0, &size) == 0
            }
        }
        self.address = "127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        guard result else {
            throw Broken(step: "listen", reason: String(cString: strerror(errno)))
        }
    }

    /// The connection that was made first; its owner closes it.
    func accept() throws -> Int32 {
        var ready = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, 10_000) == 1 else {
            throw Broken(step: "accept", reason: "nobody connects")
        }
        return Glibc.accept(listener, nil, nil)
    }

    deinit { close(listener) }
}
