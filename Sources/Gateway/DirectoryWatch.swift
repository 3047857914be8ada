import Glibc

/// The directories in which files come and go, watched by inotify(7). Only that something happened is told, not what:
/// whoever cares looks. Where it cannot watch, because a limit of the user's is reached (max_user_instances,
/// max_user_watches) or for want of rights, it tells nothing.
struct DirectoryWatch: ~Copyable {
    /// For poll(2), which ignores -1.
    let descriptor: Int32
    private var watches: Set<Int32> = []

    private static let events = UInt32(
        IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
    /// Parts of a path above which no directory is tried in place of one that is not there.
    private static let ancestors = 64
    private static let reads = 64

    init() { descriptor = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC)) }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Watches these directories and no others; for one that is not there the nearest above it that is.
    mutating func watch(_ directories: Set<String>) {
        var added: Set<Int32> = []
        for directory in directories {
            if let watch = add(directory) { added.insert(watch) }
        }
        // The kernel knows a directory by its inode, so one that was moved away is none of these any more.
        for watch in watches.subtracting(added) { inotify_rm_watch(descriptor, watch) }
        watches = added
    }

    private func add(_ directory: String) -> Int32? {
        var directory = directory
        for _ in 0..<Self.ancestors {
            let watch = inotify_add_watch(descriptor, directory, Self.events)
            if watch >= 0 { return watch }
            guard errno == ENOENT, directory != "/" else { return nil }
            directory = WatchedDevice.directory(of: directory)
        }
        return nil
    }

    /// Forgets what has happened until now. Bounded: what comes faster than it can be read is read the next time.
    func drain() {
        var events = [UInt8](repeating: 0, count: 16 << 10)
        for _ in 0..<Self.reads {
            guard read(descriptor, &events, events.count) > 0 else { return }
        }
    }
}
