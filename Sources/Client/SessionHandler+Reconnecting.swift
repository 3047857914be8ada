import NIOCore
import RingProtocol

// A lost connection and the way back.
extension SessionHandler {
    /// The connection is gone. The session goes on with another when it can.
    func lose(_ reason: RingError) {
        switch phase {
        case .open where features.contains(.resume) && reconnects > .zero:
            phase = .lost(reason, until: .now() + reconnects)
            attempts = 0
            abandonChannel()
            redial(after: .zero)
        case .lost:
            abandonChannel()
            redialLater()
        default: end(reason)
        }
    }

    private func abandonChannel() {
        let old = context
        context = nil
        received.clear()
        old?.close(promise: nil)
    }

    /// 50 ms at first, doubled each time up to half a second, so that a gateway that is back is found within a second;
    /// a quarter of it at random, so that many clients do not come at once.
    private func redialLater() {
        let base = Int64(min(50 << min(attempts, 4), 500))
        redial(after: .milliseconds(base - Int64.random(in: 0...base / 4)))
    }

    private func redial(after delay: TimeAmount) {
        guard case .lost(let reason, let until) = phase else { return }
        guard .now() + delay < until else { return end(reason) }
        attempts += 1
        eventLoop.assumeIsolated().scheduleTask(in: delay) {
            guard case .lost = self.phase, self.context == nil else { return }
            self.dial()
        }
    }

    private func dial() {
        let attempt = attempts
        let loop = eventLoop.assumeIsolated()
        dialer.dial(self).assumeIsolated().whenFailure { _ in
            guard self.attempts == attempt else { return }
            self.abandonChannel()
            self.redialLater()
        }
        // An attempt that hangs is given up.
        loop.scheduleTask(in: Self.attemptLimit) {
            guard case .lost = self.phase, self.attempts == attempt else { return }
            self.abandonChannel()
            self.redialLater()
        }
    }

    private static let attemptLimit = TimeAmount.seconds(3)

    /// The gateway's word about the session asked for.
    func goOn(_ answer: Welcome) throws(WireError) {
        switch answer.resumption {
        case .resumed:
            guard answer.epoch == welcome.epoch, answer.session == welcome.session,
                answer.features == welcome.features
            else { throw WireError(.malformed, rule: 39, "another session was resumed than was asked for") }
            let finished = try ledger.rewind(to: answer.lastRequestID.value)
            acknowledged = completions
            resumed()
            for call in finished { finish(call) }
        case .lost:
            let reason =
                "the gateway was restarted, or the session was gone when the connection was made again"
            let lost = ledger.takeAll()
            slots.renew(count: Int(answer.slots))
            adopt(answer)
            resumed()
            fail(lost, .outcomeUnknown(reason), unsent: .notSent(.connectionLost(reason)))
        case .fresh: throw WireError(.malformed, rule: 39, "a welcome that does not say what was resumed")
        }
    }

    private func resumed() {
        attempts = 0
        phase = .open
        heard = .now()
        schedulePump()
    }

    // MARK: Keep-alive

    /// Asks for a sign of life when there was none for a while, and gives the connection up when none comes.
    func startKeepAlive() {
        // Without a session to come back to, silence is no reason to give one up.
        guard keepAlive > .zero, features.contains(.resume) else { return }
        let interval = TimeAmount.nanoseconds(max(keepAlive.nanoseconds / 4, 1_000_000))
        keepAliveTask = eventLoop.assumeIsolated().scheduleTask(in: interval) {
            self.lookAtSilence()
            if case .ended = self.phase { return }
            self.startKeepAlive()
        }
    }

    private func lookAtSilence() {
        guard case .open = phase else { return }
        let silence = NIODeadline.now() - heard
        if silence > keepAlive + keepAlive {
            lose(.connectionLost("the gateway was silent for too long"))
        } else if silence > keepAlive, !isProbing {
            isProbing = true
            var batch = Batch(entries: 1)
            batch.nop()
            enqueue(Call(batch, .batch, ticket: nil, continuation: nil))
        }
    }
}
