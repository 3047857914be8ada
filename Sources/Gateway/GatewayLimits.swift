/// Every bound of the gateway that the wire language does not set, in one place.
public struct GatewayLimits: Sendable {
    /// Connections of any kind; one more is closed at once.
    public var sessions = 1_024
    /// Connections that have not shown a good certificate and hello yet; one more is closed at once.
    public var unproven = 128
    /// Nanoseconds from connecting until TLS is done and the hello was read.
    public var greetingDeadline: UInt64 = 10_000_000_000
    /// Nanoseconds a peer may leave what was sent to it untaken.
    public var sendDeadline: UInt64 = 30_000_000_000
    /// Nanoseconds a closing connection waits for its peer's end.
    public var lingerDeadline: UInt64 = 2_000_000_000
    /// Nanoseconds a stopping gateway waits for what it has accepted, before it cancels that.
    public var drainDeadline: UInt64 = 3_000_000_000
    /// Nanoseconds it then waits for the cancelled to be answered and the connections to end.
    public var cancelDeadline: UInt64 = 2_000_000_000

    public init() {}

    /// Nanoseconds between looks at deadlines.
    static let tick: UInt64 = 200_000_000
    /// Answers that may wait for a slow reader, in bytes, before nothing more is read from it.
    static let outputHighWater = 1 << 20
    /// Below this it is read from again.
    static let outputLowWater = 256 << 10
    /// Provided receive buffers: their number, a power of two, and the bytes of each (one TLS record).
    static let receiveBuffers = 128
    static let receiveBufferSize = 16 << 10
    /// Decrypted bytes taken at a time.
    static let plaintextScratch = 64 << 10
    /// Bytes of one send.
    static let sendSize = 256 << 10
    /// Capacity that an idle connection's buffers keep.
    static let idleCapacity = 8 << 10
    static let listenBacklog: Int32 = 512
    static let networkEntries: UInt32 = 1_024
    static let networkCompletions: UInt32 = 16_384
}
