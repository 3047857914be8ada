import Foundation
import RingProtocol

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Lets other programs of the same user use the devices of a lease: a local socket on which each says the number of its
/// session, and the epoch of the gateway that has it, and is then given a share.
///
/// A lease is one session's, and a program that a test starts has a session of its own. The one who holds the lease tells
/// the programs it starts where the socket is, in ``variable``; they call ``RingConnection/join(_:)`` with that.
public final class LeaseAgent: Sendable {
    /// Environment variable with the socket's path.
    public static let variable = "RINGGATE_LEASE_AGENT"

    /// The socket, in a directory that only this user can enter.
    public let path: String
    private let descriptor: Int32

    /// Serves until `stop`.
    public init(for lease: Lease, of connection: RingConnection) throws {
        var directory = Array("\(NSTemporaryDirectory())/ringgate-XXXXXX".utf8CString)
        guard mkdtemp(&directory) != nil else {
            throw LeaseAgentError.now("no temporary directory can be made")
        }
        path =
            directory.withUnsafeBufferPointer { String(cString: $0.baseAddress.unsafelyUnwrapped) } + "/lease"
        descriptor = try LocalSocket.listening(at: path)
        let (descriptor, epoch) = (descriptor, connection.welcome.epoch)
        Thread.detachNewThread { Self.serve(descriptor, lease, epoch) }
    }

    /// Ends it. Shares that were given stay until the lease ends.
    public func stop() {
        shutdown(descriptor, Int32(SHUT_RDWR))
        unlink(path)
        rmdir(String(path.dropLast("/lease".count)))
    }

    /// One after the other: asking the gateway takes a round trip.
    private static func serve(_ descriptor: Int32, _ lease: Lease, _ epoch: UInt64) {
        defer { close(descriptor) }
        while true {
            let peer = accept(descriptor, nil, nil)
            guard peer >= 0 else {
                if errno == EINTR || errno == ECONNABORTED { continue }
                return
            }
            LocalSocket.setDeadline(peer, seconds: 5)
            let answered = DispatchSemaphore(value: 0)
            Task {
                await answer(peer, lease, epoch)
                close(peer)
                answered.signal()
            }
            answered.wait()
        }
    }

    /// The answer to a session of another gateway.
    fileprivate static let elsewhere = "elsewhere"

    private static func answer(_ peer: Int32, _ lease: Lease, _ epoch: UInt64) async {
        let words = LocalSocket.line(from: peer)?.split(separator: " ").compactMap { UInt64($0) } ?? []
        guard words.count == 2 else {
            return LocalSocket.send("say the number of a session and the gateway's epoch\n", to: peer)
        }
        // Numbers of sessions mean something to their own gateway only.
        guard words[1] == epoch else { return LocalSocket.send("\(Self.elsewhere)\n", to: peer) }
        do {
            try await lease.share(with: words[0])
            LocalSocket.send("ok\n", to: peer)
        } catch {
            LocalSocket.send("\(error)\n", to: peer)
        }
    }
}

/// Why a lease is not shared.
public struct LeaseAgentError: Error, Sendable, CustomStringConvertible {
    public let description: String

    static func now(_ what: String) -> LeaseAgentError {
        LeaseAgentError(description: "\(what): \(String(cString: strerror(errno)))")
    }
}

extension RingConnection {
    /// Asks the ``LeaseAgent`` behind `path` for a share of its lease, so that this session may open its devices. A lease of
    /// another gateway is none of this session's business, and no error.
    public func join(_ path: String) async throws {
        let words = "\(session) \(welcome.epoch)\n"
        let answer = try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try LocalSocket.ask(words, at: path) })
            }
        }
        guard answer == "ok" || answer == LeaseAgent.elsewhere else {
            throw LeaseAgentError(description: "the lease of \(path) is not shared: \(answer)")
        }
    }
}

/// Lines over a Unix socket.
private enum LocalSocket {
    /// A line may be so long.
    static let limit = 1024

    private static func make() throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw LeaseAgentError.now("socket") }
        return descriptor
    }

    private static func with<Result>(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) throws -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw LeaseAgentError(description: "\(path) is too long for a socket")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    static func listening(at path: String) throws -> Int32 {
        let descriptor = try make()
        guard try with(path, { bind(descriptor, $0, $1) }) == 0, listen(descriptor, 64) == 0 else {
            let error = LeaseAgentError.now(path)
            close(descriptor)
            throw error
        }
        return descriptor
    }

    static func ask(_ text: String, at path: String) throws -> String {
        let descriptor = try make()
        defer { close(descriptor) }
        setDeadline(descriptor, seconds: 30)
        guard try with(path, { connect(descriptor, $0, $1) }) == 0 else { throw LeaseAgentError.now(path) }
        send(text, to: descriptor)
        guard let answer = line(from: descriptor) else {
            throw LeaseAgentError(description: "\(path): no answer")
        }
        return answer
    }

    /// For the other side to say something.
    static func setDeadline(_ descriptor: Int32, seconds: Int) {
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
    }

    static func send(_ text: String, to descriptor: Int32) {
        let bytes = Array(text.utf8.prefix(limit))
        // Who has gone does not need it any more.
        _ = bytes.withUnsafeBytes {
            Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
    }

    /// Without its end; nil when there is none in time.
    static func line(from descriptor: Int32) -> String? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while bytes.count < limit, recv(descriptor, &byte, 1, 0) == 1 {
            if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
            bytes.append(byte)
        }
        return nil
    }
}
