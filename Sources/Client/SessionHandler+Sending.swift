import NIOCore
import RingProtocol

// Sending.
extension SessionHandler {
    /// Sends at the end of this turn of the loop, so that calls that came in together share a frame.
    func schedulePump() {
        guard !isPumpScheduled else { return }
        isPumpScheduled = true
        eventLoop.assumeIsolated().execute {
            self.isPumpScheduled = false
            self.pump()
        }
    }

    func pump() {
        guard let context else { return }
        switch phase {
        case .greeting, .lost, .ended, .closing(isGoodbyeSent: true): return
        case .draining: return refuseUnsent()
        case .open, .closing(isGoodbyeSent: false): break
        }
        var mustFlush = false
        while let frame = ledger.nextFrame(context.channel.allocator) {
            // What was received counts as taken from here on; so says the gateway's account of the credit.
            if isAcknowledgeDue { writeAcknowledge(context) }
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

    private var isAcknowledgeDue: Bool { features.contains(.resume) && completions > acknowledged }

    private func writeAcknowledge(_ context: ChannelHandlerContext) {
        acknowledged = completions
        let frame = Acknowledge(received: completions).encoded()
        context.write(wrapOutboundOut(ByteBuffer(bytes: frame)), promise: nil)
    }

    /// Tells the gateway what it need not keep any more: at once when that is much, else before long.
    func acknowledge() {
        guard isAcknowledgeDue, let context else { return }
        guard completions - acknowledged >= Self.acknowledgedTogether else { return scheduleAcknowledge() }
        writeAcknowledge(context)
        context.flush()
    }

    private func scheduleAcknowledge() {
        guard !isAcknowledgeScheduled else { return }
        isAcknowledgeScheduled = true
        eventLoop.assumeIsolated().scheduleTask(in: Self.acknowledgeDelay) {
            self.isAcknowledgeScheduled = false
            guard self.isAcknowledgeDue, let context = self.context, self.mayAcknowledge else { return }
            self.writeAcknowledge(context)
            context.flush()
        }
    }

    private var mayAcknowledge: Bool {
        switch phase {
        case .open, .draining: true
        case .greeting, .lost, .closing, .ended: false
        }
    }

    private static let acknowledgedTogether: UInt64 = 64
    private static let acknowledgeDelay = TimeAmount.milliseconds(20)

    func refuseUnsent() {
        for call in ledger.refuseUnsent(Refusal(.draining, "the gateway is stopping")) { finish(call) }
    }

    /// All answers of the call are there.
    func finish(_ call: Call) {
        switch call.purpose {
        case .batch, .stream: break
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
