/// Every bound of the engine in one place.
public enum EngineLimits {
    /// Operations in flight over all sessions; one more is refused as busy. 16 sessions at full credit.
    public static let operations = 16_384
    /// Open files over all sessions: the size of each ring's table of registered files.
    public static let openFiles = 1_024
    /// Operations waiting for or running on one device's worker.
    public static let laneDepth = 1_024
    /// Devices that have a worker thread.
    public static let lanes = 256
    /// Bytes of the workers' stacks: ioctl(2) needs next to none.
    static let laneStack = 256 << 10
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
