import CSandbox
import Glibc

/// The kernel's own check of every path and port a thread asks for (landlock(7)), also through io_uring.
enum Landlock {
    /// LANDLOCK_ACCESS_FS_*, LANDLOCK_ACCESS_NET_* and LANDLOCK_SCOPE_* of linux/landlock.h.
    private enum Right {
        static let execute: UInt64 = 1 << 0
        static let writeFile: UInt64 = 1 << 1
        static let readFile: UInt64 = 1 << 2
        static let readDirectory: UInt64 = 1 << 3
        static let removeFile: UInt64 = 1 << 5
        static let makeDirectory: UInt64 = 1 << 7
        static let makeFile: UInt64 = 1 << 8
        static let truncate: UInt64 = 1 << 14
        static let ioctlDevice: UInt64 = 1 << 15

        static let bind: UInt64 = 1 << 0
        static let connect: UInt64 = 1 << 1

        static let abstractSockets: UInt64 = 1 << 0
        static let signals: UInt64 = 1 << 1

        static let read = readFile | readDirectory
        static let write = read | writeFile | truncate | removeFile | makeFile | makeDirectory
        static let device = read | writeFile | ioctlDevice
        /// What a rule for a file may have.
        static let ofFiles = execute | writeFile | readFile | truncate | ioctlDevice
    }

    /// Rights on files that each version of the interface knows: 13, then one more each with 2, 3 and 5.
    private static func knownFileRights(_ version: Int32) -> UInt64 {
        let bits: UInt64 = version >= 5 ? 16 : version >= 3 ? 15 : version >= 2 ? 14 : 13
        return (1 << bits) - 1
    }

    /// The version of the kernel's interface; nil when there is none, or it is not for us.
    static var version: Int32? {
        let version = rg_landlock_version()
        return version > 0 ? version : nil
    }

    /// Restricts this thread, and those it will make, to `reach`.
    static func restrict(to reach: Reach, _ version: Int32) throws(SandboxError) {
        let files = knownFileRights(version)
        let ports = version >= 4 ? Right.bind | Right.connect : 0
        let scopes = version >= 6 ? Right.abstractSockets | Right.signals : 0
        let ruleset = rg_landlock_ruleset(files, ports, scopes)
        try SandboxError.check(ruleset, "landlock_create_ruleset")
        defer { close(ruleset) }
        for (paths, rights) in [
            (reach.readable, Right.read), (reach.writable, Right.write), (reach.devices, Right.device),
        ] {
            for path in paths { try allow(path, rights & files, ruleset) }
        }
        if ports != 0 {
            for (numbers, right) in [(reach.listening, Right.bind), (reach.connecting, Right.connect)] {
                for port in numbers {
                    try SandboxError.check(
                        rg_landlock_allow_port(ruleset, port, right), "landlock: port \(port)")
                }
            }
        }
        try SandboxError.check(rg_landlock_restrict_self(ruleset), "landlock_restrict_self")
    }

    /// What is not there stays out of reach, even if it comes.
    private static func allow(_ path: String, _ rights: UInt64, _ ruleset: Int32) throws(SandboxError) {
        // O_PATH, which asks for no right on the file itself.
        let parent = open(path, 0o10_000_000 | O_CLOEXEC)
        guard parent >= 0 else { return }
        defer { close(parent) }
        var status = stat()
        guard fstat(parent, &status) == 0 else { return }
        let isDirectory = status.st_mode & S_IFMT == S_IFDIR
        let result = rg_landlock_allow_beneath(ruleset, parent, isDirectory ? rights : rights & Right.ofFiles)
        try SandboxError.check(result, "landlock: \(path)")
    }
}
