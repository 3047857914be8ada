import NIOCore
import NIOPosix
import RingProtocol

/// One attempt to reach the gateway, from name resolution to welcome, with one deadline over all of it.
struct ConnectionAttempt: Sendable {
    private typealias Established = (SessionLink, Welcome)

    private let configuration: ConnectionConfiguration
    private let tls: TLSSetup
    private let loop: any EventLoop

    init(_ configuration: ConnectionConfiguration, on loop: any EventLoop) throws(RingError) {
        self.configuration = configuration
        self.loop = loop
        tls = try TLSSetup(configuration)
    }

    /// Throws a ``RingError``, or `CancellationError` at once when the task is cancelled.
    func run() async throws -> (SessionLink, Welcome) {
        // The first of welcome, failure, deadline and cancellation decides; a promise ignores all later ones.
        let decision = loop.makePromise(of: Established.self)
        let deadline = loop.scheduleTask(in: TimeAmount(configuration.deadline)) {
            decision.fail(RingError.timeout)
        }
        decision.futureResult.whenComplete { _ in deadline.cancel() }
        connect().whenComplete { result in
            switch result {
            case .success(let channel): greet(channel, decision)
            case .failure(let error): decision.fail(TLSFailure.error(error))
            }
        }
        return try await withTaskCancellationHandler {
            try await decision.futureResult.get()
        } onCancel: {
            decision.fail(CancellationError())
        }
    }

    private func connect() -> EventLoopFuture<any Channel> {
        ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(configuration.deadline))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let session = SessionHandler(
                        greeting: channel.eventLoop.makePromise(), serverName: tls.serverName)
                    try channel.pipeline.syncOperations.addHandlers(tls.makeHandler(), session)
                }
            }
            .connect(host: configuration.host, port: configuration.port)
    }

    /// Waits for the welcome on a channel that is connected.
    private func greet(_ channel: any Channel, _ decision: EventLoopPromise<Established>) {
        decision.futureResult.whenFailure { _ in channel.close(promise: nil) }
        do {
            let handler = try channel.pipeline.syncOperations.handler(type: SessionHandler.self)
            let link = SessionLink(
                channel: channel, handler: NIOLoopBound(handler, eventLoop: channel.eventLoop))
            handler.welcomed.map { (link, $0) }.cascade(to: decision)
        } catch {
            decision.fail(RingError.connectionLost("the connection was closed at once"))
        }
    }
}
