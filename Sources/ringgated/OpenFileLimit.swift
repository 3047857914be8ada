import Glibc

/// The bound of open files. The usual 1024 is a relic of select(2), and less than the gateway's sessions
/// need: the kernel lets a ring register no more files than the process may open.
enum OpenFileLimit {
    /// Takes as much as the hard limit gives, as programs that do not use select(2) are meant to.
    static func raise() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        // If this fails the smaller limit may still be enough, and if not, the start says so.
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
