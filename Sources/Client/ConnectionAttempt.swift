import NIOCore
import NIOPosix
import RingProtocol

/// One attempt to reach the gateway, from name resolution to welcome, with one deadline over all of it.
struct ConnectionAttempt: Sendable {
    private typealias Established = (SessionLink, Welcome)

    private let configuration: ConnectionConfiguration
    private let tls: TLSSetup
    private let loop: any EventLoop
    private let recorder: Recorder?

    init(_ configuration: ConnectionConfiguration, on loop: any EventLoop) throws(RingError) {
        self.configuration = configuration
        self.loop = loop
        tls = try TLSSetup(configuration)
        recorder = try configuration.recording.map { path throws(RingError) in try Recorder(path) }
    }

    /// Throws a ``RingError``, or `CancellationError` at once when the task is cancelled.
    func run() async throws -> (SessionLink, Welcome) {
        // The first of welcome, failure, deadline and cancellation decides; a promise ignores all later ones.
        let decision = loop.makePromise(of: Established.self)
        let deadline = loop.scheduleTask(in: TimeAmount(configuration.deadline)) {
            decision.fail(RingError.timeout)
        }
        decision.futureResult.whenComplete { _ in deadline.cancel() }
        loop.execute { begin(decision) }
        return try await withTaskCancellationHandler {
            try await decision.futureResult.get()
        } onCancel: {
            decision.fail(CancellationError())
        }
    }

    private func begin(_ decision: EventLoopPromise<Established>) {
        let dialer = Dialer(configuration: configuration, tls: tls, loop: loop)
        let handler = SessionHandler(
            greeting: loop.makePromise(), ending: loop.makePromise(), serverName: tls.serverName,
            options: SessionOptions(
                features: configuration.reconnects > .zero ? .all : .all.subtracting(.resume),
                reconnects: TimeAmount(configuration.reconnects),
                keepAlive: TimeAmount(configuration.keepAlive), dialer: dialer, recorder: recorder), on: loop)
        let link = SessionLink(
            handler: NIOLoopBound(handler, eventLoop: loop), ended: handler.ending.futureResult,
            current: handler.current)
        handler.welcomed.map { (link, $0) }.cascade(to: decision)
        dialer.dial(handler).whenFailure { error in
            link.perform { $0.end(TLSFailure.error(error)) }
        }
        decision.futureResult.whenFailure { _ in link.drop() }
    }
}

extension Features {
    /// What this client can use.
    static let all: Features = [
        .links, .cancel, .timeouts, .streams, .poll, .leases, .resume, .skipSuccess, .traceContext,
    ]
}
