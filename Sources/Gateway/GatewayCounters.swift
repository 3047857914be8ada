import RingEngine
import Synchronization

/// What a gateway has done so far. Readable from any thread; written by its loop.
public final class GatewayCounters: Sendable {
    let acceptedConnections = Atomic(0)
    let failedHandshakes = Atomic(0)
    let refusedPeers = Atomic(0)
    let decodedFrames = Atomic(0)
    let denials = Atomic(0)
    let protocolErrors = Atomic(0)
    let connections = Atomic(0)

    /// Connections accepted from the network.
    public var accepted: Int { acceptedConnections.load(ordering: .relaxed) }
    /// TLS handshakes that ended in a failure.
    public var handshakeFailures: Int { failedHandshakes.load(ordering: .relaxed) }
    /// Peers with a verified certificate that were refused all the same: nobody the policy knows, or denied.
    public var unknownPeers: Int { refusedPeers.load(ordering: .relaxed) }
    /// Frames that reached the decoder and were whole.
    public var frames: Int { decodedFrames.load(ordering: .relaxed) }
    /// Entries the policy denied.
    public var deniedEntries: Int { denials.load(ordering: .relaxed) }
    /// Sessions ended because of malformed bytes.
    public var violations: Int { protocolErrors.load(ordering: .relaxed) }
    /// Connections that exist now.
    public var open: Int { connections.load(ordering: .relaxed) }
}

extension Atomic where Value == Int {
    func increment() { add(1, ordering: .relaxed) }
}
