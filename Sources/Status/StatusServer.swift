import NIOCore
import NIOHTTP1
import NIOPosix
import RingGateway
import Synchronization

public struct StatusError: Error, Sendable, CustomStringConvertible {
    public let description: String
}

/// Metrics, health, readiness and a page, over plain HTTP/1.1 for programs on the gateway's own host. It answers GET and
/// HEAD and changes nothing.
public final class StatusServer: Sendable {
    /// `HOST:PORT` it listens on.
    public let address: String
    private let channel: any Channel

    /// One thread for all servers of the process, and as long as that lives: to end it SwiftNIO would use libdispatch, which
    /// watches its workers through /proc/TID/stat, and traps where the gateway's sandbox keeps it from that.
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

    /// Connections at once; further ones are closed.
    static let connections = 64
    /// For a connection that says nothing.
    static let idle = TimeAmount.seconds(10)

    private init(_ channel: any Channel) {
        self.channel = channel
        let local = channel.localAddress
        let host = local?.ipAddress ?? ""
        address = "\(host.contains(":") ? "[\(host)]" : host):\(local?.port ?? 0)"
    }

    /// `address` is `HOST:PORT` with a numeric host of the loopback network; port 0 lets the kernel choose.
    public static func start(
        on address: String, _ gateway: Gateway, trust: TrustFiles, version: String
    ) throws(StatusError) -> StatusServer {
        let place = try loopback(address)
        let source = StatusSource(gateway, trust, version, on: group.next())
        let open = Counter()
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                guard open.enter() else { return channel.close() }
                channel.closeFuture.whenComplete { _ in open.leave() }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(IdleStateHandler(allTimeout: idle))
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(StatusHandler(source))
                }
            }
        do {
            return StatusServer(try bootstrap.bind(to: place).wait())
        } catch {
            throw StatusError(description: "status: \(address) cannot be listened on: \(error)")
        }
    }

    private static func loopback(_ address: String) throws(StatusError) -> SocketAddress {
        let colon = address.lastIndex(of: ":") ?? address.startIndex
        var host = address[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard let port = UInt16(address[colon...].dropFirst()),
            let place = try? SocketAddress(ipAddress: String(host), port: Int(port))
        else {
            throw StatusError(
                description: "status: write `\(address)` as ADDRESS:PORT, such as 127.0.0.1:7451")
        }
        guard host.hasPrefix("127.") || host == "::1" else {
            throw StatusError(
                description: "status: \(address) is not of this host's own; anybody could read it there. "
                    + "Use 127.0.0.1 or [::1], and a proxy that knows its clients")
        }
        return place
    }

    /// Listens no more. Connections that are open end by themselves.
    public func stop() {
        try? channel.close().wait()
    }
}

/// Connections that are open.
private final class Counter: Sendable {
    private let count = Atomic(0)

    func enter() -> Bool {
        guard count.add(1, ordering: .relaxed).newValue <= StatusServer.connections else {
            leave()
            return false
        }
        return true
    }

    func leave() { count.subtract(1, ordering: .relaxed) }
}
