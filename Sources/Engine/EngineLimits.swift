import RingProtocol

/// Every bound of the engine in one place.
public enum EngineLimits {
    /// Operations in flight over all sessions; one more is refused as busy. 16 sessions at full credit.
    public static let operations = 16_384
    /// Open files over all sessions: the size of each ring's table of registered files.
    public static let openFiles = 1_024
    /// Operations waiting for or running on one device's worker.
    public static let laneDepth = 1_024
    /// Cost that a session may use in one turn at a worker: a call costs 1 and as many more as it has blocks of 4 KiB.
    static let laneQuantum = 4
    /// Devices that have a worker thread.
    public static let lanes = 256
    /// Milliseconds that a call may wait for its device's worker, and then run, unless profile or policy say
    /// otherwise; the same for opening and closing.
    public static let callTimeout: UInt32 = 60_000
    /// Milliseconds until a connection to a TCP device is given up.
    static let connectTimeout: Int32 = 5_000
    /// Nanoseconds after the first signal until a call counts as stuck in the kernel and is answered.
    static let stuckAfter: UInt64 = 600_000_000
    /// Workers left behind in calls that have not returned; no device gets a new worker beyond.
    public static let leftBehind = 64
    /// Bytes of a device's record in udev's database that are read; the largest known have a few thousand.
    static let udevRecord = 64 << 10
    /// Small blocks for which a worker keeps guarded memory: 256 workers have 16,384 memory areas.
    static let keptPlaces = 32
    /// Calls that run at the same time with more: 12,288 memory areas.
    static let callsWithManyBlocks = 64
    /// Bytes of the largest block of an argument.
    static let largeBlock = Limits.payload
    /// Bytes of the workers' stacks: ioctl(2) needs next to none.
    static let laneStack = 256 << 10
    /// Times that a poll is begun anew after it was woken for nothing.
    static let pollsForNothing: Int32 = 10_000
    /// Payload bytes kept in the operation's own block; larger ones are allocated for their time.
    static let inlinePayload = 256
    /// Payload bytes allocated over all sessions; one more is refused as busy.
    public static let payloadMemory = 64 << 20
    /// Entries prepared before the kernel is entered.
    static let ringEntries: UInt32 = 1_024
    /// Completions the kernel queues before it starts its own overflow list.
    static let ringCompletions: UInt32 = 16_384
    /// The same for the wide ring, whose drivers (NVMe) have queues of about a thousand.
    static let wideRingEntries: UInt32 = 256
    static let wideRingCompletions: UInt32 = 1_024
}
