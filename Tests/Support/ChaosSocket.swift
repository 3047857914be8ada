import Glibc

/// A TCP socket of 127.0.0.1 that does not block; closed when its owner goes.
final class ChaosSocket {
    /// `SIOCOUTQ`: bytes the peer's kernel has not acknowledged. linux/sockios.h
    private static let unacknowledgedRequest: UInt = 0x5411
    /// `SIOCOUTQNSD`: bytes that have not left this socket. linux/sockios.h
    private static let unsentRequest: UInt = 0x894B

    enum Outcome {
        case bytes(Int)
        case end
        /// Not now.
        case blocked
        case failed
    }

    let number: Int32

    /// Takes over a descriptor nobody else closes.
    private init(owning number: Int32) {
        self.number = number
        _ = fcntl(number, F_SETFD, FD_CLOEXEC)
        _ = fcntl(number, F_SETFL, fcntl(number, F_GETFL) | O_NONBLOCK)
    }

    deinit { close(number) }

    private static func make() throws -> ChaosSocket {
        let number = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard number >= 0 else { throw ChaosProxy.Failure.last("socket") }
        return ChaosSocket(owning: number)
    }

    private static func withAddress<Result>(
        _ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// Has a port, 0 for any, but does not listen: who connects to it is refused.
    static func bound(to port: Int) throws -> ChaosSocket {
        let made = try make()
        made.set(SOL_SOCKET, SO_REUSEADDR, 1)
        guard withAddress(port, { bind(made.number, $0, $1) }) == 0 else {
            throw ChaosProxy.Failure.last("bind")
        }
        return made
    }

    static func listening(on port: Int) throws -> ChaosSocket {
        let made = try bound(to: port)
        guard listen(made.number, 128) == 0 else { throw ChaosProxy.Failure.last("listen") }
        return made
    }

    /// Begins to connect; a refusal shows with the first read.
    static func connecting(to port: Int) throws -> ChaosSocket {
        let made = try make()
        let result = withAddress(port) { connect(made.number, $0, $1) }
        guard result == 0 || errno == EINPROGRESS else { throw ChaosProxy.Failure.last("connect") }
        made.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        return made
    }

    /// The next connection, nil when there is none.
    func accept() -> ChaosSocket? {
        let peer = Glibc.accept(number, nil, nil)
        guard peer >= 0 else { return nil }
        let made = ChaosSocket(owning: peer)
        made.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        return made
    }

    var port: Int {
        var address = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(number, $0, &size) }
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    var unacknowledged: Int { ask(Self.unacknowledgedRequest) }
    var unsent: Int { ask(Self.unsentRequest) }

    private func ask(_ request: UInt) -> Int {
        var count: Int32 = 0
        return ioctl(number, request, &count) == 0 ? Int(count) : 0
    }

    private func set(_ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        setsockopt(number, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    func read(into buffer: inout [UInt8]) -> Outcome {
        let count = recv(number, &buffer, buffer.count, 0)
        if count > 0 { return .bytes(count) }
        return count == 0 ? .end : failure
    }

    func send(_ bytes: ArraySlice<UInt8>) -> Outcome {
        let count = bytes.withUnsafeBytes {
            Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        return count >= 0 ? .bytes(count) : failure
    }

    private var failure: Outcome { [EAGAIN, EINTR].contains(errno) ? .blocked : .failed }

    /// Sends a FIN behind what was sent.
    func endWriting() { shutdown(number, Int32(SHUT_WR)) }

    /// Makes the close send a RST.
    func resetAtClose() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(number, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
    }
}
