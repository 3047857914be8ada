import Glibc

/// Connections that never say a word, from an address of the loopback network.
final class Flood {
    private let sockets: [Int32]

    init(from source: String, to port: Int, connections: Int) throws {
        sockets = (0..<connections).compactMap { _ in
            let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            guard socket >= 0 else { return nil }
            Self.withAddress(source, 0) { _ = Glibc.bind(socket, $0, $1) }
            Self.withAddress("127.0.0.1", port) { _ = Glibc.connect(socket, $0, $1) }
            return socket
        }
    }

    func stop() { for socket in sockets { close(socket) } }

    private static func withAddress(
        _ host: String, _ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Void
    ) {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr(host)
        withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}
