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
    /// Principals or devices of a site.
    static let names = 1024
    /// Rules of a site.
    static let rules = 4096
    /// Conditions of one command in a rule.
    static let conditions = 64
    /// Numbers of one `in`.
    static let choices = 256
    /// Bytes of a name. A device's name travels in an open.
    static let name = Limits.deviceName
    /// Bytes of a summary or a distinguished name.
    static let text = 512
    /// Bytes of a path: PATH_MAX less the final NUL.
    static let path = 4095
}
