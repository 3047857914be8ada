import CLiburing
import Glibc
import RingEngine
import RingPolicy
import RingProtocol

/// From a new socket to decoded frames.
extension GatewayLoop {
    mutating func accepted(_ result: Int32, hasMore: Bool) {
        // Out of descriptors, an accept fails again at once: the next try waits for the tick.
        if !hasMore { isAccepting = false }
        guard result >= 0 else {
            if mode == .serving { logger.error("accept failed", metadata: ["errno": "\(-result)"]) }
            return
        }
        counters.acceptedConnections.increment()
        let peer = PeerAddress(of: result)
        guard mode == .serving else {
            Glibc.close(result)
            return
        }
        if let reason = admit(peer) {
            events.add(.warning, "connection refused", peer, ["reason": "\(reason.rawValue)"])
            Glibc.close(result)
            return
        }
        // Another loop may have to adopt it, too.
        let socket = commons.loops > 1 ? fcntl(result, F_DUPFD_CLOEXEC, 0) : -1
        guard let place = connections.reserve() else { return turnAway(peer, result, socket) }
        guard network.adopt(result, at: place.index), let session = TLSSession(trust.tls) else {
            network.release(place.index)
            connections.cancelReservation(place.index)
            return turnAway(peer, -1, socket)
        }
        connections.place(
            Connection(
                tls: session, peer: peer, place: place, now: now, deadline: now + limits.greetingDeadline),
            at: place.index)
        counters.connections.add(1, ordering: .relaxed)
        if let connection = connections[place.index] {
            connection.pointee.descriptor = socket
            resumeReceiving(connection)
        }
    }

    /// Why nobody more may come in from there, if so.
    private func admit(_ peer: PeerAddress) -> Doorkeeper.Reason? {
        commons.entered { $0.door.admit(peer.source, dice: Int.random(in: 0..<100)) }
    }

    /// Closes a connection that was admitted but has no place.
    private func turnAway(_ peer: PeerAddress, _ descriptors: Int32...) {
        for descriptor in descriptors where descriptor >= 0 { Glibc.close(descriptor) }
        commons.entered {
            $0.door.prove(peer.source)
            $0.door.leave(peer.source)
        }
    }

    mutating func received(_ event: NetworkEvent, _ cqe: UnsafePointer<io_uring_cqe>, hasMore: Bool) {
        let arrived = network.received(cqe)
        defer { if let arrived { network.recycle(arrived.buffer) } }
        guard let connection = connections.find(event.index, event.generation) else { return }
        connection.pointee.isReceiving = hasMore
        connection.pointee.lastHeard = now
        if let arrived, arrived.bytes.count > 0 {
            take(arrived.bytes, connection)
        } else if cqe.pointee.res == 0 && connection.pointee.stage == .finishing {
            // It has said goodbye and closed its side; it may still read what it is owed.
            connection.pointee.hasPeerEnded = true
        } else if cqe.pointee.res != -ENOBUFS && cqe.pointee.res != -ECANCELED {
            lose(connection)
        }
        resumeReceiving(connection)
    }

    /// A multishot receive ends when buffers run out; it also rests while the connection is paused.
    mutating func resumeReceiving(_ connection: ConnectionPointer) {
        guard !connection.pointee.isReceiving else { return }
        guard connection.pointee.stage != .dead else { return markDirty(connection) }
        guard !connection.pointee.isPaused, !connection.pointee.hasPeerEnded else { return }
        guard connection.pointee.stage != .departing else { return }
        // One at a time while another loop may get the connection: nothing is under way then.
        connection.pointee.isReceiving = network.armReceive(
            connection.pointee.place, once: connection.pointee.descriptor >= 0)
    }

    private mutating func take(
        _ bytes: UnsafeRawBufferPointer, _ connection: ConnectionPointer
    ) {
        switch connection.pointee.stage {
        case .dead, .departing, .lingering, .finishing: return
        case .handshaking, .serving: break
        }
        guard connection.pointee.tls.receive(bytes) else { return lose(connection) }
        if connection.pointee.stage == .handshaking && !shakeHands(connection) { return }
        readPlaintext(connection)
    }

    /// True once the peer is known; then its bytes may be decoded.
    private mutating func shakeHands(_ connection: ConnectionPointer) -> Bool {
        let progress = connection.pointee.tls.handshake()
        markDirty(connection)
        switch progress {
        case .needsMore: return false
        case .failed(let reason):
            counters.failedHandshakes.increment()
            events.add(.info, "handshake failed", connection.pointee.peer, ["reason": "\(reason)"])
            linger(connection)
            return false
        case .done: return recognize(connection)
        }
    }

    private mutating func recognize(_ connection: ConnectionPointer) -> Bool {
        do throws(IdentityError) {
            let identity = try identify(connection)
            if let reason = flaw(of: connection, identity) {
                counters.refusedPeers.increment()
                end(connection, SessionError(.revoked, reason))
                return false
            }
            let principals = try policy.recognize(identity)
            connection.pointee.rights = rights(of: principals)
            connection.pointee.stage = .serving
            events.add(
                .info, "session", connection.pointee.peer,
                ["identity": "\(identity.text)", "as": "\(principals.description)"])
            return true
        } catch {
            counters.refusedPeers.increment()
            if case .unknown = error {
                end(connection, SessionError(.unknownPrincipal, error.text))
            } else {
                end(connection, SessionError(.identity, error.text))
            }
            return false
        }
    }

    /// What the verified certificate says; it is kept, to be judged again.
    private mutating func identify(_ connection: ConnectionPointer) throws(IdentityError) -> PeerIdentity {
        guard let certificate = connection.pointee.tls.peerCertificate() else { throw .unusableURI }
        let identity = try certificate.identity().get()
        connection.pointee.certificate = certificate
        connection.pointee.peerIdentity = identity
        connection.pointee.goodUntil = min(connection.pointee.tls.chainEnd, trust.listsDue)
        nextJudgement = min(nextJudgement, connection.pointee.goodUntil)
        return identity
    }

    /// Why a verified certificate is not good all the same: it is denied, or its handshake began under another trust.
    private mutating func flaw(of connection: ConnectionPointer, _ identity: PeerIdentity) -> String? {
        guard let certificate = connection.pointee.certificate else { return nil }
        if connection.pointee.tls.isMade(by: trust.tls) { return trust.denial(of: certificate, identity) }
        switch trust.judge(certificate, identity) {
        case .bad(let reason): return reason
        case .good(let until):
            connection.pointee.goodUntil = until
            nextJudgement = min(nextJudgement, until)
            return nil
        }
    }

    /// Decrypts and decodes what has arrived, until there is no more or the connection is paused or ends.
    mutating func readPlaintext(_ connection: ConnectionPointer) {
        while !connection.pointee.isPaused, connection.pointee.stage == .serving,
            connection.pointee.tls.hasInput
        {
            let isFresh = connection.pointee.inbox.isEmpty
            let space = isFresh ? scratch : connection.pointee.inbox.space(GatewayLimits.receiveBufferSize)
            switch connection.pointee.tls.read(into: space) {
            case .bytes(let count) where isFresh:
                let bytes = UnsafeRawBufferPointer(rebasing: space[..<count])
                let used = decode(WireBytes(bytes), connection)
                connection.pointee.inbox.append(UnsafeRawBufferPointer(rebasing: bytes[used...]))
            case .bytes(let count):
                connection.pointee.inbox.commit(count)
                decodeInbox(connection)
            case .needsMore: return
            case .closed: return lose(connection)
            case .failed:
                detach(connection)
                return linger(connection)
            }
        }
    }

    mutating func decodeInbox(_ connection: ConnectionPointer) {
        let used = decode(WireBytes(connection.pointee.inbox.bytes), connection)
        connection.pointee.inbox.consume(used)
    }

    /// Handles the whole frames at the start of `bytes`; the result is how many bytes they took.
    private mutating func decode(_ bytes: WireBytes, _ connection: ConnectionPointer) -> Int {
        var position = 0
        do throws(WireError) {
            while position < bytes.count, !connection.pointee.isPaused, connection.pointee.stage == .serving {
                let rest = bytes.slice(position, bytes.count - position)
                guard let frame = try Frame.decode(rest, payloadLimit: connection.pointee.payloadLimit)
                else {
                    try expect(rest, connection)
                    return position
                }
                position += frame.size
                counters.decodedFrames.increment()
                try handle(frame, connection)
            }
        } catch {
            counters.protocolErrors.increment()
            end(connection, SessionError(error))
        }
        return position
    }

    /// What may not come now is refused by its header, so that nothing is held for the rest of it.
    private func expect(_ bytes: WireBytes, _ connection: ConnectionPointer) throws(WireError) {
        let limit = connection.pointee.payloadLimit
        guard let type = try FrameHeader.decode(bytes, payloadLimit: limit)?.type else { return }
        guard let session = connection.pointee.session else { return try SessionState.expectHello(type) }
        try session.pointee.state.expect(type)
    }

    private mutating func handle(_ frame: Frame, _ connection: ConnectionPointer) throws(WireError) {
        connection.pointee.lastActivity = now
        guard let session = connection.pointee.session else {
            return try greet(SessionState.greeting(frame), connection)
        }
        switch try session.pointee.state.receive(frame) {
        case .entries(var submission):
            admit(&submission, session)
            pauseIfSlow(connection)
        case .acknowledged: break
        case .goodbye:
            connection.pointee.stage = .finishing
            markDirty(connection)
        }
    }
}
