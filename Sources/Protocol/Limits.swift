/// Every bound of the wire language in one place. Sizes are in bytes unless the name says otherwise.
///
/// The relations between them are proven by `LimitsTests`.
public enum Limits {
    /// Header in front of every frame.
    public static let frameHeader = 8
    /// Fixed part of an entry; also the alignment unit times four.
    public static let entryHeader = 32
    /// Fixed part of a completion.
    public static let completionHeader = 24
    /// Arguments and payloads are padded with zeros to a multiple of this.
    public static let alignment = 8

    /// Largest argument or reply of one entry: a 1 MiB transfer, the most a tester moves at once.
    public static let payload = 1 << 20
    /// Largest frame payload: one largest entry plus room for a batch beside it.
    public static let framePayload = payload + (64 << 10)
    /// Largest frame payload before the hello was accepted: an unproven peer gets no more memory.
    public static let greetingPayload = 64
    /// Entries in one submission frame.
    public static let entriesPerFrame = 1024
    /// Entries a session may have accepted and not yet answered.
    public static let inFlight = 1024
    /// Argument and reply bytes a session may have in flight; one more entry is answered `busy`.
    public static let payloadInFlight = 4 << 20
    /// File slots of a session, numbered from 0.
    public static let slots = 64
    /// Entries in one chain.
    public static let chain = 256
    /// Events that one `read`, `poll`, `list` or `credit` entry may grant, and that a stream may be owed.
    public static let credit = 4096
    /// Payload bytes an event is charged with beside those of a read; it covers a completion in the outbox.
    public static let eventOverhead = 32
    /// Payload bytes an event that carries a JSON document (`list`, `lease`) is charged with.
    public static let documentEvent = 1024
    /// Longest delay of a `timeout` entry, in nanoseconds: an hour.
    public static let delay: UInt64 = 3_600_000_000_000
    /// Device name, UTF-8.
    public static let deviceName = 64
    /// Human-readable text of a refusal or an error frame, UTF-8.
    public static let text = 512

    /// Length of an argument or payload with its padding.
    @inlinable
    public static func padded(_ length: Int) -> Int {
        (length + (alignment - 1)) & ~(alignment - 1)
    }
}
