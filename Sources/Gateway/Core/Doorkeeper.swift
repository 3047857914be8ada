/// Where connections come from: an IPv4 address, or the first 64 bits of an IPv6 address, which is what one host can be
/// given (RFC 4291, 2.5.4).
struct SourceAddress: Hashable, Sendable {
    private let bits: UInt64
    private let isIPv6: Bool

    init(ipv4: UInt32) {
        bits = UInt64(ipv4)
        isIPv6 = false
    }

    init(ipv6Prefix: UInt64) {
        bits = ipv6Prefix
        isIPv6 = true
    }
}

/// How many connections may come in, in all and from one source. Those that have not shown who they are cost a handshake
/// and hold memory all the same, so there are bounds for them alone.
struct Doorkeeper {
    private var strangers: [SourceAddress: Int] = [:]
    private var connections: [SourceAddress: Int] = [:]
    /// Connections that have not shown a good certificate and hello yet.
    private(set) var strangerCount = 0
    private(set) var count = 0
    private let limits: DoorLimits

    init(_ limits: DoorLimits) { self.limits = limits }

    /// Lets a connection in, or says why not. `dice` is a random number from 0 to 99: between `start` and `full` strangers
    /// some are turned away, the more the more there are, so that a flood from many sources does not keep everybody out.
    mutating func admit(_ source: SourceAddress, dice: Int) -> Reason? {
        if count >= limits.connections { return .full }
        if let most = limits.connectionsPerSource, connections[source, default: 0] >= most {
            return .sourceFull
        }
        if strangers[source, default: 0] >= limits.strangersPerSource { return .sourceStrangers }
        if strangerCount >= limits.full || dice < refusedPercent { return .strangers }
        strangers[source, default: 0] += 1
        connections[source, default: 0] += 1
        strangerCount += 1
        count += 1
        return nil
    }

    /// A stranger has shown who it is, or is about to go.
    mutating func prove(_ source: SourceAddress) {
        Self.decrement(&strangers, source)
        strangerCount -= 1
    }

    /// A connection that is no stranger any more has gone.
    mutating func leave(_ source: SourceAddress) {
        Self.decrement(&connections, source)
        count -= 1
    }

    /// Why a connection was not let in.
    enum Reason: String {
        case full = "all connections are in use"
        case sourceFull = "its address has as many connections as one may have"
        case sourceStrangers = "its address has as many unfinished handshakes as one may have"
        case strangers = "too many unfinished handshakes"
    }

    /// From `rate` at `start` strangers to 100 at `full`.
    private var refusedPercent: Int {
        guard strangerCount >= limits.start else { return 0 }
        return limits.rate + (100 - limits.rate) * (strangerCount - limits.start)
            / max(1, limits.full - limits.start)
    }

    private static func decrement(_ counts: inout [SourceAddress: Int], _ source: SourceAddress) {
        guard let count = counts[source] else { return }
        counts[source] = count > 1 ? count - 1 : nil
    }
}

/// Bounds on who comes in. `start`, `rate` and `full` mean what they mean in sshd's MaxStartups.
public struct DoorLimits: Sendable, Equatable {
    /// Connections of any kind.
    public var connections = 1_024
    /// Of these from one source; as many as from all unless given, because a whole farm may be behind one address.
    public var connectionsPerSource: Int?
    /// Strangers from which on some are turned away by chance, so many percent of them at first.
    public var start = 64
    public var rate = 30
    /// Strangers from which on all are turned away.
    public var full = 128
    /// Strangers from one source.
    public var strangersPerSource = 48

    public init() {}
}
