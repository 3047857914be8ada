import Glibc
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
    private let group: MultiThreadedEventLoopGroup
    private let channel: any Channel

    /// Connections at once; further ones are closed.
    static let connections = 64
    /// For a connection that says nothing.
    static let idle = TimeAmount.seconds(10)

    private init(_ group: MultiThreadedEventLoopGroup, _ channel: any Channel) {
        self.group = group
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
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let source = StatusSource(gateway, trust, version)
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
            return StatusServer(group, try bootstrap.bind(to: place).wait())
        } catch {
            try? group.syncShutdownGracefully()
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

    public func stop() {
        try? channel.close().wait()
        try? group.syncShutdownGracefully()
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

/// Where reports come from: not more than two a second, however many ask.
final class StatusSource: Sendable {
    private struct Known {
        var report: StatusReport?
        /// One that is a second older at least, for rates.
        var earlier: StatusReport?
    }

    private let gateway: Gateway
    private let trust: TrustFiles
    private let version: String
    private let known = Mutex(Known())

    init(_ gateway: Gateway, _ trust: TrustFiles, _ version: String) {
        self.gateway = gateway
        self.trust = trust
        self.version = version
    }

    /// A report, and an earlier one. Fails when the gateway's loops do not answer in two seconds.
    func report(_ loop: any EventLoop) -> EventLoopFuture<(now: StatusReport, earlier: StatusReport?)> {
        let promise = loop.makePromise(of: (now: StatusReport, earlier: StatusReport?).self)
        if let fresh = known.withLock({ known in known.report.map { ($0, known.earlier) } }), isFresh(fresh.0)
        {
            promise.succeed((now: fresh.0, earlier: fresh.1))
            return promise.futureResult
        }
        let timeout = loop.scheduleTask(in: .seconds(2)) {
            promise.fail(StatusError(description: "the gateway's loops do not answer"))
        }
        gateway.status { [self] status in
            // Files are read here, so not on the gateway's loop.
            loop.execute {
                timeout.cancel()
                promise.succeed(
                    self.keep(
                        StatusReport(status, of: self.gateway, trust: self.trust, version: self.version)))
            }
        }
        return promise.futureResult
    }

    private func isFresh(_ report: StatusReport) -> Bool {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let age = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9 - report.time
        return age >= 0 && age < 0.5
    }

    private func keep(_ report: StatusReport) -> (now: StatusReport, earlier: StatusReport?) {
        known.withLock { known in
            if let last = known.report, report.time - last.time >= 1 { known.earlier = last }
            known.report = report
            return (report, known.earlier)
        }
    }
}
