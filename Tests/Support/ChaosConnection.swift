import Glibc

/// One connection through a `ChaosProxy`: two sockets and what is on its way between them. Used under the proxy's
/// lock only.
final class ChaosConnection {
    enum Side { case client, server }

    private enum State {
        case forwarding
        /// A cut's last byte was sent to this side; the reset follows when it has arrived.
        case resetting(Side)
        /// Both sides have their FIN; what they send is thrown away until they end, too.
        case finishing
        case closed
    }

    /// What goes towards one side.
    private struct Direction {
        var queue = ChaosQueue()
        var sourceEnded = false
        /// When the source's end may go on.
        var endDue: UInt64 = 0
        var endForwarded = false
        var isBlocked = false
    }

    var plan: ChaosPlan
    private(set) var record = ChaosRecord()
    private var client: ChaosSocket?
    private var server: ChaosSocket?
    private var toServer = Direction()
    private var toClient = Direction()
    private var state = State.forwarding

    /// Nanoseconds between looks at what no poll(2) reports.
    private static let recheck: UInt64 = 1_000_000
    /// Pieces sent in one turn, so that no connection keeps the thread.
    private static let piecesPerTurn = 256

    init(client: ChaosSocket, server: ChaosSocket?, plan: ChaosPlan) {
        self.plan = plan
        self.client = client
        self.server = server
        if server == nil { close(.ended, reset: true) }
    }

    var isClosed: Bool {
        if case .closed = state { return true }
        return false
    }

    // MARK: Waiting

    /// The socket of a side, and what poll(2) shall look for; nil when there is nothing to wait for there.
    func interest(_ side: Side, isBlackholed: Bool) -> (socket: Int32, events: Int16)? {
        guard let socket = side == .client ? client : server else { return nil }
        switch state {
        case .closed: return nil
        case .resetting(let awaited): return side == awaited ? (socket.number, 0) : nil
        case .finishing:
            return direction(from: side).sourceEnded ? nil : (socket.number, Int16(POLLIN))
        case .forwarding: break
        }
        guard !isBlackholed else { return nil }
        let inward = direction(from: side)
        let takes = !inward.sourceEnded && !inward.queue.isFull && !flow(from: side).isStalled
        let outward = side == .client ? toClient : toServer
        let events = (takes ? Int16(POLLIN) : 0) | (outward.isBlocked ? Int16(POLLOUT) : 0)
        return events == 0 ? nil : (socket.number, events)
    }

    private func direction(from side: Side) -> Direction { side == .client ? toServer : toClient }
    private func flow(from side: Side) -> ChaosPlan.Flow { side == .client ? plan.toServer : plan.toClient }

    // MARK: Taking

    /// poll(2) has reported something other than room for a side.
    func take(from side: Side, _ buffer: inout [UInt8], now: UInt64) {
        guard let socket = side == .client ? client : server else { return }
        if case .resetting = state { return close(.cut, reset: true) }
        switch socket.read(into: &buffer) {
        case .blocked: break
        case .bytes(let count):
            guard case .forwarding = state else { return }
            let delay = flow(from: side).delay.nanoseconds
            change(from: side) { $0.queue.append(Array(buffer[..<count]), now: now, delay: delay) }
        case .end:
            let (due, overflow) = now.addingReportingOverflow(flow(from: side).delay.nanoseconds)
            change(from: side) {
                $0.sourceEnded = true
                $0.endDue = overflow ? .max : due
            }
            finishIfDone()
        case .failed:
            if case .finishing = state { return close(.cut, reset: false) }
            close(.ended, reset: true)
        }
    }

    private func change(from side: Side, _ body: (inout Direction) -> Void) {
        if side == .client { body(&toServer) } else { body(&toClient) }
    }

    // MARK: Sending

    /// Sends what is due. Returns when to look again though no socket reports anything; nil for never.
    func advance(now: UInt64, isBlackholed: Bool) -> UInt64? {
        if case .resetting(let side) = state {
            guard (side == .client ? client : server)?.unacknowledged == 0 else { return now &+ Self.recheck }
            close(.cut, reset: true)
        }
        guard !isBlackholed, case .forwarding = state else { return nil }
        let first = advance(.client, now)
        guard case .forwarding = state else { return now }
        let second = advance(.server, now)
        guard case .forwarding = state else { return now }
        finishIfDone()
        return [first, second].compactMap(\.self).min()
    }

    private func advance(_ source: Side, _ now: UInt64) -> UInt64? {
        guard let sink = source == .client ? server : client else { return nil }
        let flow = flow(from: source)
        change(from: source) { $0.isBlocked = false }
        for _ in 0..<Self.piecesPerTurn {
            let left = flow.cut.map { $0.after - min($0.after, count(from: source).bytes) } ?? .max
            if let cut = flow.cut, left == 0 {
                begin(cut, towards: source == .client ? .server : .client)
                return nil
            }
            if flow.isStalled { return nil }
            switch direction(from: source).queue.turn(flow, most: left, now: now) {
            case .empty: return forwardEnd(from: source, to: sink, now)
            case .wait(let time): return time
            case .send(let piece):
                if flow.segment != nil, sink.unsent > 0 { return now &+ Self.recheck }
                guard send(piece, from: source, to: sink, flow.rate, now) else { return nil }
            }
        }
        return now
    }

    /// Whether there may be room for more.
    private func send(
        _ piece: ArraySlice<UInt8>, from source: Side, to sink: ChaosSocket, _ rate: Int?, _ now: UInt64
    ) -> Bool {
        switch sink.send(piece) {
        case .bytes(let size):
            change(from: source) { $0.queue.remove(size, rate: rate, now: now) }
            if source == .client { record.toServer.add(size) } else { record.toClient.add(size) }
            return true
        case .blocked:
            change(from: source) { $0.isBlocked = true }
            return false
        case .end, .failed:
            close(.ended, reset: true)
            return false
        }
    }

    private func count(from source: Side) -> ChaosRecord.Count {
        source == .client ? record.toServer : record.toClient
    }

    /// Returns when the end is due, when it is not yet.
    private func forwardEnd(from source: Side, to sink: ChaosSocket, _ now: UInt64) -> UInt64? {
        let ended = direction(from: source)
        guard ended.sourceEnded, !ended.endForwarded else { return nil }
        guard ended.endDue <= now else { return ended.endDue }
        sink.endWriting()
        change(from: source) { $0.endForwarded = true }
        return nil
    }

    // MARK: Ending

    private func begin(_ cut: ChaosPlan.Cut, towards side: Side) {
        switch cut.ending {
        case .reset: state = .resetting(side)
        case .finish: self.cut(.finish)
        }
    }

    /// Ends the connection now. What is on its way is lost.
    func cut(_ ending: ChaosPlan.Ending) {
        switch (state, ending) {
        case (.closed, _): return
        case (_, .reset): close(.cut, reset: true)
        case (_, .finish):
            state = .finishing
            record.fate = .cut
            client?.endWriting()
            server?.endWriting()
            finishIfDone()
        }
    }

    private func finishIfDone() {
        guard toServer.sourceEnded, toClient.sourceEnded else { return }
        switch state {
        case .finishing: close(.cut, reset: false)
        case .forwarding where toServer.endForwarded && toClient.endForwarded: close(.ended, reset: false)
        default: break
        }
    }

    func close(_ fate: ChaosRecord.Fate, reset: Bool) {
        if reset {
            client?.resetAtClose()
            server?.resetAtClose()
        }
        client = nil
        server = nil
        toServer.queue.removeAll()
        toClient.queue.removeAll()
        state = .closed
        record.fate = fate
    }
}

extension ChaosRecord.Count {
    fileprivate mutating func add(_ size: Int) {
        bytes += UInt64(size)
        segments += 1
    }
}
