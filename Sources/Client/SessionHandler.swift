import NIOCore
import NIOSSL
import NIOTLS
import RingProtocol

/// The client's side of one session, on its event loop: greets, sends frames, matches completions to calls, and asks
/// for the session again on another connection when one is lost.
///
/// Ends exactly once, in ``end(_:)``; everything still owed to a caller is failed there.
final class SessionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Phase {
        /// The hello was sent, or TLS is not done yet.
        case greeting
        case open
        /// The connection is lost; the session is asked for on another.
        case lost(RingError, until: NIODeadline)
        /// The gateway said that it is stopping: what it has accepted comes, nothing more is sent.
        case draining
        /// The user closes: what was asked before is sent and answered, then comes the goodbye.
        case closing(isGoodbyeSent: Bool)
        case ended(RingError)
    }

    private let greeting: EventLoopPromise<Welcome>
    /// Fails with the reason the session ended when no welcome came.
    var welcomed: EventLoopFuture<Welcome> { greeting.futureResult }
    let ending: EventLoopPromise<Void>
    let eventLoop: any EventLoop
    let current: CurrentWelcome
    private let options: SessionOptions
    private let serverName: ServerName
    var phase = Phase.greeting
    var ledger = Ledger(Welcome())
    var slots = SlotTable(count: 0)
    var context: ChannelHandlerContext?
    var received = ByteBuffer()
    var isPumpScheduled = false
    var closeTimer: Scheduled<Void>?
    var payloadLimit = Limits.payload
    /// As the gateway gave it last.
    var welcome = Welcome()
    /// Completions of the session so far, and how many the gateway was told of.
    var completions: UInt64 = 0
    var acknowledged: UInt64 = 0
    var isAcknowledgeScheduled = false
    /// When the gateway was heard of last, and whether it was asked for a word since.
    var heard = NIODeadline.now()
    var isProbing = false
    var keepAliveTask: Scheduled<Void>?
    /// Connections tried since the last was lost.
    var attempts = 0

    init(
        greeting: EventLoopPromise<Welcome>, ending: EventLoopPromise<Void>, serverName: ServerName,
        options: SessionOptions, on eventLoop: any EventLoop
    ) {
        self.greeting = greeting
        self.ending = ending
        self.serverName = serverName
        self.options = options
        self.eventLoop = eventLoop
        current = CurrentWelcome()
    }

    var keepAlive: TimeAmount { options.keepAlive }
    var reconnects: TimeAmount { options.reconnects }
    var dialer: Dialer { options.dialer }
    var recorder: Recorder? { options.recorder }
    var features: Features { welcome.features }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        guard context === self.context else { return }
        self.context = nil
        lose(.connectionLost("the connection was closed"))
    }

    func channelInactive(context: ChannelHandlerContext) {
        if context === self.context { lose(.connectionLost("the gateway closed the connection")) }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard context === self.context else { return }
        switch phase {
        case .greeting: end(TLSFailure.error(error))
        default: lose(.connectionLost(TLSFailure.text(error)))
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted(let negotiated)? = event as? TLSUserEvent {
            if negotiated != applicationProtocol {
                end(.handshake("the server does not speak \(applicationProtocol); is this a Ringgate port?"))
            } else if !isGatewayAsked(context) {
                end(.handshake("the gateway's certificate does not carry the name or address connected to"))
            } else {
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: hello.encoded())), promise: nil)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// Asks for everything this client can use, and for the session it had.
    private var hello: Hello {
        guard case .lost = phase else { return Hello(features: options.features) }
        return Hello(
            features: welcome.features,
            resumption: Hello.Resumption(
                epoch: welcome.epoch, session: welcome.session, token: welcome.token, received: completions))
    }

    /// Whether the certificate, whose chain is verified by now, is that of the gateway asked for.
    private func isGatewayAsked(_ context: ChannelHandlerContext) -> Bool {
        let tls = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
        guard let certificate = tls?.peerCertificate else { return false }
        return serverName.matches(certificate)
    }

    /// The first welcome.
    func begin(_ welcome: Welcome) throws(WireError) {
        guard welcome.version == Welcome.version else {
            throw WireError(.version, rule: 7, "version \(welcome.version) was not offered")
        }
        guard welcome.features.isSubset(of: options.features) else {
            throw WireError(.reserved, rule: 8, "features \(welcome.features.rawValue) were not asked for")
        }
        guard welcome.inFlight > 0, welcome.entriesPerFrame > 0,
            Int(welcome.frameLimit) >= Int(welcome.payloadLimit) + Limits.entryHeader
        else { throw WireError(.malformed, rule: 8, "a welcome with limits that let no entry pass") }
        guard welcome.resumption == .fresh else {
            throw WireError(.malformed, rule: 8, "a session came back that was not asked for")
        }
        slots = SlotTable(count: Int(welcome.slots))
        adopt(welcome)
        phase = .open
        startKeepAlive()
        greeting.succeed(welcome)
    }

    /// A new session's terms.
    func adopt(_ welcome: Welcome) {
        self.welcome = welcome
        current.set(welcome)
        ledger = Ledger(welcome)
        payloadLimit = Int(welcome.payloadLimit)
        (completions, acknowledged) = (0, 0)
    }

    /// Ends the session for `reason`; later reasons are ignored.
    func end(_ reason: RingError) {
        if case .ended = phase { return }
        let wasLost = if case .lost = phase { true } else { false }
        phase = .ended(reason)
        closeTimer?.cancel()
        keepAliveTask?.cancel()
        greeting.fail(reason)
        fail(ledger.takeAll(), wasLost ? .outcomeUnknown("\(reason)") : reason, unsent: .notSent(reason))
        guard let context else { return ending.succeed() }
        context.channel.closeFuture.cascade(to: ending)
        context.close(promise: nil)
    }

    /// Fails calls: those of which the gateway may have seen something for one reason, the others for another.
    func fail(_ calls: [Call], _ reason: RingError, unsent: RingError) {
        for call in calls { call.fail(call.sent > 0 ? reason : unsent) }
    }
}

/// What a session is made with.
struct SessionOptions {
    let features: Features
    let reconnects: TimeAmount
    let keepAlive: TimeAmount
    let dialer: Dialer
    /// nil when nothing is recorded.
    var recorder: Recorder?
}
