import NIOCore
import NIOSSL
import NIOTLS
import RingProtocol

/// The client's side of one session, on its event loop: greets, sends frames, matches completions to calls.
///
/// Ends exactly once, in ``end(_:)``; everything still owed to a caller is failed there.
final class SessionHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum Phase {
        /// The hello was sent, or TLS is not done yet.
        case greeting
        case open
        /// The gateway said that it is stopping: what it has accepted comes, nothing more is sent.
        case draining
        /// The user closes: what was asked before is sent and answered, then comes the goodbye.
        case closing(isGoodbyeSent: Bool)
        case ended(RingError)
    }

    private let greeting: EventLoopPromise<Welcome>
    /// Fails with the reason the session ended when no welcome came.
    var welcomed: EventLoopFuture<Welcome> { greeting.futureResult }
    private var phase = Phase.greeting
    private var ledger = Ledger(Welcome())
    private var slots = SlotTable(count: 0)
    private var context: ChannelHandlerContext?
    private var received = ByteBuffer()
    private var isPumpScheduled = false
    private var closeTimer: Scheduled<Void>?
    private var payloadLimit = Limits.payload

    private let serverName: ServerName

    init(greeting: EventLoopPromise<Welcome>, serverName: ServerName) {
        self.greeting = greeting
        self.serverName = serverName
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        end(.connectionLost("the connection was closed"))
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        end(.connectionLost("the gateway closed the connection"))
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case .greeting = phase {
            end(TLSFailure.error(error))
        } else {
            end(.connectionLost(TLSFailure.text(error)))
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted(let negotiated)? = event as? TLSUserEvent {
            if negotiated != applicationProtocol {
                end(.handshake("the server does not speak \(applicationProtocol); is this a Ringgate port?"))
            } else if !isGatewayAsked(context) {
                end(.handshake("the gateway's certificate does not carry the name or address connected to"))
            } else {
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: Hello().encoded())), promise: nil)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    /// Whether the certificate, whose chain is verified by now, is that of the gateway asked for.
    private func isGatewayAsked(_ context: ChannelHandlerContext) -> Bool {
        let tls = try? context.pipeline.syncOperations.handler(type: NIOSSLClientHandler.self)
        guard let certificate = tls?.peerCertificate else { return false }
        return serverName.matches(certificate)
    }

    /// Ends the session for `reason`; later reasons are ignored.
    func end(_ reason: RingError) {
        if case .ended = phase { return }
        phase = .ended(reason)
        closeTimer?.cancel()
        greeting.fail(reason)
        for call in ledger.takeAll() { call.fail(reason) }
        context?.close(promise: nil)
    }
}

// What callers ask for. Each of these is reached by a hop to the event loop.
extension SessionHandler {
    enum Request: Sendable {
        case batch(Batch)
        case open(String)
        /// One command that gives a file to the slot its offset names, and goes when the file of `owner` does.
        case give(Batch, owner: SlotLease)
        case close(SlotLease)
    }

    func start(_ request: Request, ticket: Ticket, _ continuation: CallContinuation) {
        do throws(RingError) {
            try checkOpen()
            if ticket.isCancelled, !request.isClose {
                return continuation.resume(throwing: CancellationError())
            }
            let (batch, purpose) = try prepare(request)
            enqueue(Call(batch, purpose, ticket: ticket, continuation: continuation))
        } catch {
            continuation.resume(throwing: error)
        }
    }

    /// Throws `CancellationError` to the call's task now. What was sent keeps its credit until answered.
    func abandon(_ ticket: Ticket) {
        guard let call = ledger.abandon(ticket) else { return }
        if case .fill(let lease) = call.purpose, call.count == 0 { slots.free(lease) }
        call.fail(CancellationError())
        schedulePump()
    }

    /// Closes a slot that has no owner any more, with nobody waiting for it.
    func closeAbandoned(_ lease: SlotLease) {
        guard slots.holds(lease) else { return }
        switch phase {
        case .open:
            slots.markClosing(lease)
            enqueue(Call(.closing(lease.slot), .close(lease), ticket: nil, continuation: nil))
        case .greeting, .draining, .closing, .ended: break  // The end of the session closes it.
        }
    }

    /// Sends what waits, then the goodbye; the gateway answers all of it and closes.
    func close(within limit: TimeAmount) {
        switch phase {
        case .ended, .closing: return
        case .draining, .greeting, .open: phase = .closing(isGoodbyeSent: false)
        }
        closeTimer = context?.eventLoop.assumeIsolated().scheduleTask(in: limit) {
            self.end(.connectionLost("the gateway did not finish before the deadline of the close"))
        }
        schedulePump()
    }

    private func checkOpen() throws(RingError) {
        switch phase {
        case .open, .draining: return
        case .ended(let reason): throw reason
        case .greeting: throw .connectionLost("not connected yet")
        case .closing: throw .connectionLost("the connection is being closed")
        }
    }

    private func prepare(_ request: Request) throws(RingError) -> (Batch, Call.Purpose) {
        switch request {
        case .close(let lease):
            guard slots.holds(lease) else { throw .refused(Refusal(.slotNotOpen, "the device was closed")) }
            slots.markClosing(lease)
            return (.closing(lease.slot), .close(lease))
        case .batch(let batch):
            try check(batch)
            return (batch, .batch)
        case .give(var batch, let owner):
            try check(batch)
            let lease = try takeSlot(for: owner)
            batch.setOffset(UInt64(lease.slot.index))
            return (batch, .fill(lease))
        case .open(let name):
            let lease = try takeSlot()
            return (.opening(name, lease.slot), .fill(lease))
        }
    }

    private func check(_ batch: Batch) throws(RingError) {
        guard batch.longestArgument <= payloadLimit else {
            throw .refused(
                Refusal(
                    .shape, "argument of \(batch.longestArgument) bytes; at most \(payloadLimit) are taken"))
        }
        if batch.devices.contains(where: \.isClosed) {
            throw .refused(Refusal(.slotNotOpen, "the device was closed"))
        }
    }

    private func takeSlot(for owner: SlotLease? = nil) throws(RingError) -> SlotLease {
        guard let lease = slots.take(for: owner) else {
            throw .refused(
                Refusal(.slotInUse, "all \(slots.usedCount) slots are in use; close a device first"))
        }
        return lease
    }

    private func enqueue(_ call: Call) {
        ledger.enqueue(call)
        schedulePump()
    }
}

// Sending.
extension SessionHandler {
    /// Sends at the end of this turn of the loop, so that calls that came in together share a frame.
    private func schedulePump() {
        guard !isPumpScheduled, let context else { return }
        isPumpScheduled = true
        context.eventLoop.assumeIsolated().execute {
            self.isPumpScheduled = false
            self.pump()
        }
    }

    private func pump() {
        guard let context else { return }
        switch phase {
        case .greeting, .ended, .closing(isGoodbyeSent: true): return
        case .draining: return refuseUnsent()
        case .open, .closing(isGoodbyeSent: false): break
        }
        var mustFlush = false
        while let frame = ledger.nextFrame(context.channel.allocator) {
            context.write(wrapOutboundOut(frame), promise: nil)
            mustFlush = true
        }
        if case .closing = phase, ledger.isSent {
            phase = .closing(isGoodbyeSent: true)
            context.write(wrapOutboundOut(ByteBuffer(bytes: Goodbye.done.encoded())), promise: nil)
            mustFlush = true
        }
        if mustFlush { context.flush() }
    }

    private func refuseUnsent() {
        for call in ledger.refuseUnsent(Refusal(.draining, "the gateway is stopping")) { finish(call) }
    }

    /// All answers of the call are there.
    private func finish(_ call: Call) {
        switch call.purpose {
        case .batch: break
        case .fill(let lease):
            if call.replies[0].result < 0 {
                slots.free(lease)
            } else if call.isAbandoned {
                // The open was cancelled too late; nobody knows of the file, so it is closed again.
                closeAbandoned(lease)
            }
        case .close(let lease):
            // A refused close has closed nothing; any other has, whatever close(2) returned.
            let reply = call.replies[0]
            let isFree = !reply.flags.contains(.refused) || reply.refusal?.reason == .slotNotOpen
            if isFree { slots.free(lease) } else { slots.markOpen(lease) }
        }
        call.succeed()
    }
}

// Receiving.
extension SessionHandler {
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var incoming = unwrapInboundIn(data)
        var buffer = received
        received = ByteBuffer()
        if buffer.readableBytes == 0 { buffer = incoming } else { buffer.writeBuffer(&incoming) }
        do {
            try handleFrames(of: &buffer)
            received = buffer
        } catch {
            end(.protocolViolation(error))
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        pump()
        context.fireChannelReadComplete()
    }

    private func handleFrames(of buffer: inout ByteBuffer) throws(WireError) {
        let used = buffer.withUnsafeReadableBytes { bytes -> Result<Int, WireError> in
            var position = 0
            do throws(WireError) {
                let whole = WireBytes(bytes)
                while let frame = try Frame.decode(
                    whole.slice(position, whole.count - position), payloadLimit: framePayloadLimit)
                {
                    try handle(frame)
                    position += frame.size
                }
            } catch {
                return .failure(error)
            }
            return .success(position)
        }
        buffer.moveReaderIndex(forwardBy: try used.get())
    }

    /// Before the welcome nothing longer than it or an error frame may come.
    private var framePayloadLimit: Int {
        if case .greeting = phase { return 8 + Limits.text }
        return Limits.framePayload
    }

    private func handle(_ frame: Frame) throws(WireError) {
        switch (phase, frame.header.type) {
        case (.ended, _): return
        case (_, .error): end(.session(try SessionError.decode(frame.payload)))
        case (.greeting, .welcome): try begin(Welcome.decode(frame.payload))
        case (.open, .complete), (.draining, .complete), (.closing, .complete): try complete(frame)
        case (.greeting, .goodbye), (.open, .goodbye), (.draining, .goodbye), (.closing, .goodbye):
            farewell(try Goodbye.decode(frame.payload))
        case (_, let type): throw WireError(.unexpectedFrame, rule: 9, "\(type) frame in this state")
        }
    }

    private func begin(_ welcome: Welcome) throws(WireError) {
        guard welcome.version == Welcome.version else {
            throw WireError(.version, rule: 7, "version \(welcome.version) was not offered")
        }
        guard welcome.features.isEmpty else {
            throw WireError(.reserved, rule: 8, "features \(welcome.features.rawValue) were not asked for")
        }
        guard welcome.inFlight > 0, welcome.entriesPerFrame > 0,
            Int(welcome.frameLimit) >= Int(welcome.payloadLimit) + Limits.entryHeader
        else { throw WireError(.malformed, rule: 8, "a welcome with limits that let no entry pass") }
        ledger = Ledger(welcome)
        slots = SlotTable(count: Int(welcome.slots))
        payloadLimit = Int(welcome.payloadLimit)
        phase = .open
        greeting.succeed(welcome)
    }

    private func complete(_ frame: Frame) throws(WireError) {
        guard frame.header.count > 0 else {
            throw WireError(.malformed, rule: 22, "a complete frame without any")
        }
        var completions = CompletionBatch(frame)
        while let (header, payload) = try completions.next() {
            try header.prove(payload)
            if let call = try ledger.complete(header, payload) { finish(call) }
        }
    }

    private func farewell(_ goodbye: Goodbye) {
        switch (goodbye, phase) {
        case (.done, _): end(.connectionLost("the gateway said goodbye"))
        case (.draining, .greeting): end(.connectionLost("the gateway is stopping"))
        case (.draining, .open):
            phase = .draining
            refuseUnsent()
        case (.draining, _): break
        }
    }
}

extension SessionHandler.Request {
    fileprivate var isClose: Bool {
        if case .close = self { return true }
        return false
    }
}
