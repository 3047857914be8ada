import Glibc

/// A TCP server on a port of its own.
final class Listener {
    let port: UInt16
    /// As a device's path.
    let path: String
    private let fd: Int32

    init(_ address: String = "127.0.0.1", backlog: Int32 = 8) throws {
        let isV6 = address.hasPrefix("[")
        fd = socket(isV6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var v4 = sockaddr_in()
        (v4.sin_family, v4.sin_addr.s_addr) = (sa_family_t(AF_INET), UInt32(0x7f00_0001).bigEndian)
        var v6 = sockaddr_in6()
        (v6.sin6_family, v6.sin6_addr) = (sa_family_t(AF_INET6), in6addr_loopback)
        let result = isV6 ? Self.bind(fd, v6) : Self.bind(fd, v4)
        guard result == 0, listen(fd, backlog) == 0 else { throw Failed("listen on \(address)") }
        port = Self.port(of: fd, getsockname)
        path = "\(address):\(port)"
    }

    deinit { Glibc.close(fd) }

    func accept() throws -> Int32 {
        var ready = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, 10_000) == 1 else { throw Failed("nobody connects") }
        let peer = Glibc.accept(fd, nil, nil)
        _ = fcntl(peer, F_SETFD, FD_CLOEXEC)
        return peer
    }

    private static func bind<Address>(_ fd: Int32, _ address: Address) -> Int32 {
        withUnsafeBytes(of: address) {
            Glibc.bind(fd, $0.bindMemory(to: sockaddr.self).baseAddress, socklen_t($0.count))
        }
    }

    /// The port at the other end of a connection; 0 when `fd` is none.
    static func peerPort(of fd: Int32) -> UInt16 { port(of: fd, getpeername) }

    /// sockaddr_in and sockaddr_in6 have the port in the same place.
    private static func port(
        of fd: Int32,
        _ ask: (Int32, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<socklen_t>?) -> Int32
    ) -> UInt16 {
        var address = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let result = withUnsafeMutableBytes(of: &address) {
            ask(fd, $0.bindMemory(to: sockaddr.self).baseAddress, &size)
        }
        let family = Int32(address.sin6_family)
        guard result == 0, family == AF_INET || family == AF_INET6 else { return 0 }
        return UInt16(bigEndian: address.sin6_port)
    }
}

/// A thread that hears all of a connection.
final class SocketReader {
    private final class Body {
        let fd: Int32
        var heard: [UInt8] = []
        init(_ fd: Int32) { self.fd = fd }
    }

    private let body: Body
    private var thread = pthread_t()

    init(_ fd: Int32) {
        body = Body(fd)
        pthread_create(
            &thread, nil,
            { context in
                let body = Unmanaged<Body>.fromOpaque(context.unsafelyUnwrapped).takeUnretainedValue()
                var buffer = [UInt8](repeating: 0, count: 1 << 20)
                while case let size = Glibc.read(body.fd, &buffer, buffer.count), size > 0 {
                    body.heard += buffer[..<size]
                }
                return nil
            }, Unmanaged.passUnretained(body).toOpaque())
    }

    /// What was heard until the connection's end.
    func wait() -> [UInt8] {
        pthread_join(thread, nil)
        return body.heard
    }
}
