import RingPolicy
import RingProtocol

/// Every bound on the policy's files in one place: what a file may cost before anybody has looked at it.
enum FileLimits {
    /// Bytes of one file.
    static let fileSize = 1 << 20
    /// Mappings and lists inside each other. The formats need six.
    static let depth = 16
    /// Repeated keys that are located before the reader gives up on the file.
    static let duplicateKeys = 16
    /// Errors reported for one file.
    static let diagnostics = 100
    /// Files of a profile directory.
    static let profiles = 256
    /// Commands of one profile.
    static let commands = 512
    /// Fields of one argument block.
    static let fields = 256
    /// Names of one field's values.
    static let valueNames = 256
    /// Fields of one `when`.
    static let selectors = 8
    /// What a profile's `release` does.
    static let releases = 8
    /// Milliseconds of a time: up to a day.
    static let duration: ClosedRange<UInt32> = 1...86_400_000
    /// Milliseconds that a lease may be given for at most: shorter ones would end before anybody is done.
    static let lease: ClosedRange<UInt32> = 1_000...86_400_000
    /// Milliseconds for which a session may outlive its connection.
    static let sessionGrace: ClosedRange<UInt32> = 0...600_000
    /// Loop threads: an operation's tag has 8 bits for the number of one, the loops' end a bit for each.
    static let loops: ClosedRange<Int128> = 1...64
    /// Bytes of a file of the audit log, which is read as a whole at the start.
    static let auditFile: ClosedRange<Int128> = (64 << 10)...(256 << 20)
    /// Bytes that one console may keep, and all of a site together.
    static let scrollbacks =
        Int128(ConsoleTerms.scrollbacks.lowerBound)...Int128(ConsoleTerms.scrollbacks.upperBound)
    static let scrollback = 64 << 20
    /// Certificates of a deny list; longer ones are an authority's business, in its revocation list.
    static let denied = 8192
    /// Principals or devices of a site.
    static let names = 1024
    /// Rules of a site.
    static let rules = 4096
    /// Names that all roles together list.
    static let roleMentions = 8192
    /// Nevers of a site.
    static let nevers = 256
    /// Principals, and devices, that all rules together reach: selectors and roles stand for many of them.
    static let reach = 1 << 16
    /// Conditions of one rule.
    static let conditions = 64
    /// Elements that the conditions on one command in a rule may have to look at.
    static let evaluations = 4096
    /// Numbers of one `in`.
    static let choices = 256
    /// Bytes of a name. A device's name travels in an open.
    static let name = Limits.deviceName
    /// Bytes of a summary or a distinguished name.
    static let text = 512
    /// Labels of a device, and bytes of a label's key or value: 1,024 devices with all theirs fit into one
    /// reply.
    static let labels = 8
    static let label = 32
    /// udev properties a device may be known by.
    static let properties = 16
    /// Levels of handles inside handles.
    static let handleDepth = 3
    /// Entries not yet answered that a limit may grant, for all sessions of a device together.
    static let inFlight = 64 * Limits.inFlight
    /// Entries in a second: more than a device or a network has ever taken.
    static let rate = 1_000_000
    /// Bytes of a path: PATH_MAX less the final NUL.
    static let path = 4095
}
