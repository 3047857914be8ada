import Dispatch
import Foundation
import RingClient
import Synchronization

/// A TCP socket that programs connect to, one after the other.
final class NetworkListener: Sendable {
    /// As numbers, with the port that the kernel chose where 0 was asked for.
    let address: String
    let isLoopback: Bool
    private let descriptor: Int32

    init(host: String, port: Int) throws {
        var hints = addrinfo()
        (hints.ai_socktype, hints.ai_flags) = (Int32(SOCK_STREAM.rawValue), AI_PASSIVE | AI_NUMERICSERV)
        var found: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, "\(port)", &hints, &found)
        guard code == 0, let place = found else {
            throw UsageFailure(description: "--rfc2217 \(host): \(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(found) }
        descriptor = socket(
            place.pointee.ai_family,
            Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        var yes: CInt = 1
        guard descriptor >= 0,
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<CInt>.size)) == 0,
            bind(descriptor, place.pointee.ai_addr, place.pointee.ai_addrlen) == 0,
            listen(descriptor, 1) == 0
        else {
            let reason = String(cString: strerror(errno))
            close(descriptor)
            throw UsageFailure(description: "--rfc2217 \(host):\(port): \(reason)")
        }
        (address, isLoopback) = Self.name(of: descriptor)
    }

    deinit { close(descriptor) }

    private static func name(of descriptor: Int32) -> (text: String, isLoopback: Bool) {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var (host, port) = ([CChar](repeating: 0, count: 64), [CChar](repeating: 0, count: 8))
        withUnsafeMutablePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                getsockname(descriptor, address, &size)
                getnameinfo(
                    address, size, &host, socklen_t(host.count), &port, socklen_t(port.count),
                    NI_NUMERICHOST | NI_NUMERICSERV)
            }
        }
        let (name, number) = (Self.text(host), Self.text(port))
        return (
            name.contains(":") ? "[\(name)]:\(number)" : "\(name):\(number)",
            name.hasPrefix("127.") || name == "::1"
        )
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The next program. Throws when the task is cancelled.
    func accept() async throws -> NetworkTerminal {
        while true {
            try Task.checkCancellation()
            var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if poll(&waiting, 1, 0) > 0 {
                let taken = Glibc.accept(descriptor, nil, nil)
                if taken >= 0 { return NetworkTerminal(taken) }
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}

/// The program at the other end of a connection.
final class NetworkTerminal: Sendable {
    let input: StandardInput
    private let descriptor: Int32
    private let queue = DispatchQueue(label: "network-terminal")
    private let isSuspended = Atomic(false)

    fileprivate init(_ descriptor: Int32) {
        self.descriptor = descriptor
        input = StandardInput(descriptor: descriptor)
        // A peer that has vanished without a word is given up after a minute: tcp(7).
        let options: [(level: Int32, name: Int32, value: CInt)] = [
            (SOL_SOCKET, SO_KEEPALIVE, 1), (Int32(IPPROTO_TCP), TCP_KEEPIDLE, 30),
            (Int32(IPPROTO_TCP), TCP_KEEPINTVL, 10), (Int32(IPPROTO_TCP), TCP_KEEPCNT, 3),
            (Int32(IPPROTO_TCP), TCP_NODELAY, 1),
        ]
        for option in options {
            var value = option.value
            setsockopt(descriptor, option.level, option.name, &value, socklen_t(MemoryLayout<CInt>.size))
        }
    }

    deinit { close(descriptor) }

    /// Wakes whoever waits in `put`, and tells the program.
    func end() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// Whether the program wants no bytes of the device for now.
    func suspend(_ isSuspended: Bool) { self.isSuspended.store(isSuspended, ordering: .relaxed) }

    func waitWhileSuspended() async throws {
        while isSuspended.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(20)) }
    }

    /// Sends all of the bytes, and none of another call between them. False once the program has gone.
    func put(_ bytes: [UInt8]) async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                queue.async { continuation.resume(returning: self.send(bytes)) }
            }
        } onCancel: {
            end()
        }
    }

    private func send(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count > 0 { rest = rest.dropFirst(count) } else if errno != EINTR { return false }
        }
        return true
    }
}
