/// Every bound of the gateway that the wire language does not set, in one place.
public struct GatewayLimits: Sendable {
    /// Who comes in; one more is closed at once.
    public var door = DoorLimits()
    /// Nanoseconds from connecting until TLS is done and the hello was read.
    public var greetingDeadline: UInt64 = 10_000_000_000
    /// Nanoseconds a client may say nothing at all; 0 for ever. Clients that keep alive say something every few seconds.
    public var idleDeadline: UInt64 = 0
    /// Nanoseconds a peer may leave what was sent to it untaken.
    public var sendDeadline: UInt64 = 30_000_000_000
    /// Nanoseconds a closing connection waits for its peer's end.
    public var lingerDeadline: UInt64 = 2_000_000_000
    /// Nanoseconds for which a session outlives a lost connection, so that its client can come back to it.
    public var resumeGrace: UInt64 = 30_000_000_000
    /// Nanoseconds a stopping gateway waits for what it has accepted, before it cancels that.
    public var drainDeadline: UInt64 = 2_000_000_000
    /// Nanoseconds it then waits for the cancelled to be answered and the connections to end.
    public var cancelDeadline: UInt64 = 1_000_000_000

    public init() {}

    /// Connections of any kind, and sessions.
    public var sessions: Int {
        get { door.connections }
        set { door.connections = newValue }
    }

    /// Operations that one loop may have under way at another; one more is refused as busy.
    static let handedOver = 8_192
    /// Nanoseconds after which it may be tried again.
    static let handedOverRetry: UInt64 = 5_000_000
    /// Orders that may wait for a loop before events of polls for it are dropped, and counted.
    static let handedEvents = 16_384

    /// Elements that a chain may run in one turn of the loop; the next turn goes on.
    static let chainRounds = 32

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
    /// Answers written in one go.
    static let answersInRow = 128
    /// Bytes of one send.
    static let sendSize = 256 << 10
    /// Capacity that an idle connection's buffers keep.
    static let idleCapacity = 8 << 10
    /// Milliseconds between looks at the files of certificates. Two looks and a tick later what they say holds for all.
    static let trustInterval: Int32 = 1_000
    /// Nanoseconds between looks at the nodes of devices when nothing happens.
    static let watchInterval: UInt64 = 2_000_000_000
    /// Nanoseconds from an event in a directory to the look, so that the many events of one plug are one look, and a
    /// directory in which there is always something costs ten looks a second at most.
    static let watchRest: UInt64 = 100_000_000
    /// Devices whose nodes are looked at: as many as a policy may have.
    static let watchedDevices = 1_024
    static let listenBacklog: Int32 = 512
    static let networkEntries: UInt32 = 1_024
    static let networkCompletions: UInt32 = 16_384
    /// Reads and streams of one console; one more is refused as busy.
    static let consoleReaders = 256
    /// Bytes that wait for a console's log file, beside as many that are being written; more are dropped.
    static let consoleLogQueue = 1 << 20
    /// Nanoseconds between looks at whether a console's log file was rotated, and between attempts to open it.
    static let consoleLogRecheck: UInt64 = 1_000_000_000
    /// Bytes of audit records that may wait for the disk, and nanoseconds after which one more may be tried.
    static let auditQueue = 32 << 20
    static let auditRetry: UInt64 = 20_000_000
    /// Nanoseconds an ending gateway waits for the audit log's disk.
    static let auditEnd: UInt64 = 2_000_000_000
}
