/// What the engines of several loops have counted together.
public struct EngineTotals: Sendable {
    private let engines: [EngineCounters]

    public init(_ engines: [EngineCounters]) { self.engines = engines }

    private func total(_ count: (EngineCounters) -> Int) -> Int { engines.reduce(0) { $0 + count($1) } }

    /// Entries handed to io_uring for a client.
    public var submittedRingEntries: Int { total(\.submittedRingEntries) }
    /// ioctl(2) calls handed to a worker.
    public var submittedCalls: Int { total(\.submittedCalls) }
    /// open(2) calls handed to a worker.
    public var submittedOpens: Int { total(\.submittedOpens) }
    /// Files open now, or on their way to be opened or closed.
    public var openFiles: Int { total(\.openFiles) }
    /// Calls and opens that took or waited longer than they may.
    public var expiredCalls: Int { total(\.expiredCalls) }
    /// Calls that were answered although they had not come back.
    public var stuckCalls: Int { total(\.stuckCalls) }
    /// Workers that were replaced.
    public var resetLanes: Int { total(\.resetLanes) }
    /// Steps of a profile's `release` that the kernel refused.
    public var failedReleaseActions: Int { total(\.failedReleaseActions) }
}
