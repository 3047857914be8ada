import Glibc

struct PeerError: Error, Equatable {
    let call: String
    let errno: Int32

    init(call: String, errno: Int32 = Glibc.errno) {
        self.call = call
        self.errno = errno
    }
}

/// A blocking TCP client; no wait is longer than 20 s.
final class Peer {
    private let socket: Int32

    init(port: Int) throws {
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        guard Self.withAddress(port, { connect(socket, $0, $1) }) == 0 else {
            // The socket is closed by `deinit`, which runs as everything is initialized.
            throw PeerError(call: "connect")
        }
    }

    deinit { close(socket) }

    private static func withAddress<Result>(
        _ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// A listening socket on a port of its own.
    static func listen() throws -> Int32 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard withAddress(0, { bind(socket, $0, $1) }) == 0, Glibc.listen(socket, 64) == 0 else {
            throw PeerError(call: "listen")
        }
        return socket
    }

    static func port(of socket: Int32) -> Int {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket, $0, &size) }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    func send(_ bytes: [UInt8]) throws {
        guard Glibc.send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw PeerError(call: "send")
        }
    }

    func endWriting() { shutdown(socket, Int32(SHUT_WR)) }

    /// What comes with one call of recv(2); empty at the end of the stream.
    func receive(atMost count: Int = 64 << 10) throws -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: count)
        let count = recv(socket, &buffer, buffer.count, 0)
        guard count >= 0 else { throw PeerError(call: "recv") }
        return Array(buffer[..<count])
    }

    /// Exactly so many bytes, fewer only at the end of the stream.
    func receive(exactly count: Int) throws -> [UInt8] {
        var found: [UInt8] = []
        while found.count < count {
            let part = try receive(atMost: count - found.count)
            if part.isEmpty { break }
            found += part
        }
        return found
    }

    /// All until the stream ends, and how: nil for a FIN, else the errno.
    func receiveAll() -> (bytes: [UInt8], errno: Int32?) {
        var found: [UInt8] = []
        do {
            while case let part = try receive(), !part.isEmpty { found += part }
            return (found, nil)
        } catch let error as PeerError {
            return (found, error.errno)
        } catch {
            return (found, -1)
        }
    }

    /// Whether something, or the end, can be read within the time.
    func isReadable(within milliseconds: Int32) -> Bool {
        var watched = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return poll(&watched, 1, milliseconds) == 1
    }
}
