import RingProtocol
import Synchronization

/// How often the engine has entered the kernel for clients, and what went wrong there. Readable from any
/// thread.
public final class EngineCounters: Sendable {
    let ringEntries = Atomic(0)
    let calls = Atomic(0)
    let opens = Atomic(0)
    let files = Atomic(0)
    let expired = Atomic(0)
    let stuck = Atomic(0)
    let resets = Atomic(0)
    let failedReleases = Atomic(0)
    /// Running now, with more blocks than a worker keeps memory for.
    let callsWithManyBlocks = Atomic(0)

    package init() {}

    // MARK: For an engine elsewhere, as far as its answers tell

    package func beganOpen() {
        opens.add(1, ordering: .relaxed)
        files.add(1, ordering: .relaxed)
    }

    package func lostFile() { files.subtract(1, ordering: .relaxed) }

    package func ran(_ engine: EngineKind) {
        switch engine {
        case .ring: ringEntries.add(1, ordering: .relaxed)
        case .call: calls.add(1, ordering: .relaxed)
        case .gateway: break
        }
    }

    package func beganReset() { resets.add(1, ordering: .relaxed) }

    // MARK: What was counted

    /// Entries handed to io_uring for a client.
    public var submittedRingEntries: Int { ringEntries.load(ordering: .relaxed) }
    /// ioctl(2) calls handed to a worker.
    public var submittedCalls: Int { calls.load(ordering: .relaxed) }
    /// open(2) calls handed to a worker.
    public var submittedOpens: Int { opens.load(ordering: .relaxed) }
    /// Files open now, or on their way to be opened or closed.
    public var openFiles: Int { files.load(ordering: .relaxed) }
    /// Calls and opens that took or waited longer than they may.
    public var expiredCalls: Int { expired.load(ordering: .relaxed) }
    /// Calls that were answered although they had not come back.
    public var stuckCalls: Int { stuck.load(ordering: .relaxed) }
    /// Workers that were replaced.
    public var resetLanes: Int { resets.load(ordering: .relaxed) }
    /// Steps of a profile's `release` that the kernel refused.
    public var failedReleaseActions: Int { failedReleases.load(ordering: .relaxed) }
}
