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
    /// Entries in one chain (a later feature; announced so that clients can plan for it).
    public static let chain = 256
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
