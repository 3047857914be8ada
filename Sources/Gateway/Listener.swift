import Glibc

/// An IP address and port as text, from the kernel's own record of the connection.
struct PeerAddress: Sendable, CustomStringConvertible {
    let host: String
    let port: String
    /// The host, or its network, as connections are counted by.
    let source: SourceAddress

    /// The address `fd` is connected to, or with `local` bound to.
    init(of fd: Int32, local: Bool = false) {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var host = [CChar](repeating: 0, count: 64)
        var port = [CChar](repeating: 0, count: 16)
        let found = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                let result = local ? getsockname(fd, address, &size) : getpeername(fd, address, &size)
                guard result == 0 else { return false }
                return getnameinfo(
                    address, size, &host, 64, &port, 16, NI_NUMERICHOST | NI_NUMERICSERV) == 0
            }
        }
        self.host = found ? Self.text(host) : "unknown"
        self.port = found ? Self.text(port) : "0"
        source = Self.source(storage)
    }

    private static func source(_ storage: sockaddr_storage) -> SourceAddress {
        withUnsafeBytes(of: storage) { bytes in
            guard storage.ss_family == sa_family_t(AF_INET6) else {
                return SourceAddress(ipv4: bytes.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr)
            }
            let address = bytes.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            return withUnsafeBytes(of: address) { parts in
                let (high, low) = (
                    parts.load(as: UInt64.self), parts.load(fromByteOffset: 8, as: UInt64.self)
                )
                // An IPv4 address as an IPv6 socket sees it: ::ffff:a.b.c.d.
                if high == 0, UInt32(truncatingIfNeeded: low) == UInt32(0xffff).bigEndian {
                    return SourceAddress(ipv4: UInt32(truncatingIfNeeded: low >> 32))
                }
                return SourceAddress(ipv6Prefix: high)
            }
        }
    }

    private static func text(_ characters: [CChar]) -> String {
        String(decoding: characters.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// The listening TCP socket, closed with its owner.
final class Listener: Sendable {
    let descriptor: Int32
    let address: PeerAddress

    /// `address` is `HOST:PORT` with a numeric host, `[...]` around IPv6; port 0 lets the kernel choose. `systemd` takes the
    /// one socket that a socket unit hands over.
    init(_ text: String) throws(GatewayError) {
        guard text != Self.handedOver else {
            descriptor = try Self.take()
            address = PeerAddress(of: descriptor, local: true)
            return
        }
        guard let colon = text.lastIndex(of: ":"), UInt16(text[text.index(after: colon)...]) != nil else {
            throw .listen(address: text, reason: "write it as ADDRESS:PORT, for example 127.0.0.1:7450")
        }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var found: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(String(host), String(text[text.index(after: colon)...]), &hints, &found)
        guard status == 0, let found else {
            throw .listen(address: text, reason: String(cString: gai_strerror(status)))
        }
        defer { freeaddrinfo(found) }
        descriptor = try Self.bind(found.pointee, text)
        self.address = PeerAddress(of: descriptor, local: true)
    }

    deinit { close(descriptor) }

    /// What accepted sockets inherit: answers leave at once, and a peer that has lost its power is noticed in
    /// a minute.
    private static func setConnectionOptions(_ fd: Int32) {
        let userTimeoutMilliseconds: Int32 = 60_000
        for (level, option, value) in [
            (Int32(IPPROTO_TCP), TCP_NODELAY, 1), (SOL_SOCKET, SO_KEEPALIVE, 1),
            (Int32(IPPROTO_TCP), TCP_KEEPIDLE, 30), (Int32(IPPROTO_TCP), TCP_KEEPINTVL, 10),
            (Int32(IPPROTO_TCP), TCP_KEEPCNT, 3),
            (Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, userTimeoutMilliseconds),
        ] as [(Int32, Int32, Int32)] {
            var value = value
            setsockopt(fd, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    private static let handedOver = "systemd"

    /// The first of the descriptors that sd_listen_fds(3) tells of.
    private static func take() throws(GatewayError) -> Int32 {
        func variable(_ name: String) -> Int32? { getenv(name).flatMap { Int32(String(cString: $0)) } }
        let first: Int32 = 3
        var (isListening, size): (Int32, socklen_t) = (0, 4)
        guard variable("LISTEN_PID") == getpid(), variable("LISTEN_FDS") == 1,
            getsockopt(first, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &size) == 0, isListening == 1,
            PeerAddress(of: first, local: true).port != "0"
        else {
            throw .listen(
                address: handedOver,
                reason:
                    "there is no listening TCP socket from systemd: start ringgated.socket, or listen on ADDRESS:PORT"
            )
        }
        _ = fcntl(first, F_SETFD, FD_CLOEXEC)
        setConnectionOptions(first)
        return first
    }

    private static func bind(_ info: addrinfo, _ text: String) throws(GatewayError) -> Int32 {
        let fd = socket(info.ai_family, info.ai_socktype | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { throw .listen(address: text, reason: String(cString: strerror(errno))) }
        var one: Int32 = 1
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
        setConnectionOptions(fd)
        guard Glibc.bind(fd, info.ai_addr, info.ai_addrlen) == 0, listen(fd, GatewayLimits.listenBacklog) == 0
        else {
            let reason = String(cString: strerror(errno))
            close(fd)
            throw .listen(address: text, reason: reason)
        }
        return fd
    }
}
