/// Who may have a device at the same time, and for how long one may claim it.
public struct LeaseTerms: Sendable, Hashable {
    public enum Mode: UInt8, Sendable, CaseIterable {
        /// Any number of sessions may open it, and nobody can claim it.
        case none
        /// Any number of sessions may hold it together.
        case shared
        /// One session at a time.
        case exclusive
    }

    public let mode: Mode
    /// Milliseconds for which a lease is given, or given again, at most.
    public let longest: UInt64

    /// An hour.
    public static let usualLongest: UInt64 = 3_600_000

    public init(_ mode: Mode = .none, longest: UInt64 = Self.usualLongest) {
        self.mode = mode
        self.longest = longest
    }
}

/// What is kept of what a device says, for those who look at it later or together.
public struct ConsoleTerms: Sendable, Hashable {
    /// Bytes of the end that are kept in memory.
    public let scrollback: Int
    /// Absolute path of the file to which all of it is written as well; nil for none.
    public let log: String?

    public static let scrollbacks = 4096...4_194_304
    public static let usualScrollback = 65_536

    public init(scrollback: Int = Self.usualScrollback, log: String? = nil) {
        self.scrollback = scrollback
        self.log = log
    }
}
