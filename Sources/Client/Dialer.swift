import NIOCore
import NIOPosix
import RingProtocol
import Synchronization

/// Makes connections to one gateway for one client.
struct Dialer: Sendable {
    let configuration: ConnectionConfiguration
    let tls: TLSSetup
    let loop: any EventLoop

    /// Connects, with the session at the channel's end.
    func dial(_ session: SessionHandler) -> EventLoopFuture<any Channel> {
        let bound = NIOLoopBound(session, eventLoop: loop)
        return ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(configuration.deadline))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers(tls.makeHandler(), bound.value)
                }
            }
            .connect(host: configuration.host, port: configuration.port)
    }
}

/// The welcome of the session there is now, for any thread.
final class CurrentWelcome: Sendable {
    private let value = Mutex(Welcome())
    func set(_ welcome: Welcome) { value.withLock { $0 = welcome } }
    var welcome: Welcome { value.withLock { $0 } }
}
