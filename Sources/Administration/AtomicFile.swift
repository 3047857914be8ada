#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file operation that failed, in words.
struct FileFailure: Error, Sendable {
    let text: String

    /// What `errno` says about `path`.
    static func now(_ what: String, _ path: String) -> FileFailure {
        let code = errno
        return FileFailure(text: "\(path): \(what): \(String(cString: strerror(code)))")
    }
}

/// The next content of a file, written and on disk beside it; `commit` puts it in place in one step. Without that it
/// goes and nothing has changed.
struct PreparedFile: ~Copyable {
    private let path: String
    private let temporary: String
    private var isCommitted = false

    /// Where `path` is a link, its target is meant. Owner and mode stay as they are; a new file has `mode`.
    init(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o640) throws(FileFailure) {
        let target = Self.resolved(path)
        let slash = target.lastIndex(of: "/")
        let name = slash.map { String(target[target.index(after: $0)...]) } ?? target
        self.path = target
        temporary = (slash.map { String(target[...$0]) } ?? "") + ".\(name).new"
        // One that a crash has left is of no use.
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw .now("cannot be written", temporary) }
        defer { close(descriptor) }
        var status = stat()
        if stat(target, &status) == 0 {
            // Giving a file away takes a privilege; if it is ours already, this changes nothing.
            _ = fchown(descriptor, status.st_uid, status.st_gid)
            fchmod(descriptor, status.st_mode & 0o7777)
        }
        do throws(FileFailure) {
            try DurableWrite.all(bytes, to: descriptor, temporary)
        } catch {
            unlink(temporary)
            throw error
        }
    }

    deinit { if !isCommitted { unlink(temporary) } }

    /// Puts the content in place; afterwards it is there whatever happens to the machine.
    mutating func commit() throws(FileFailure) {
        guard rename(temporary, path) == 0 else { throw .now("cannot be replaced", path) }
        isCommitted = true
        try DurableWrite.synchronizeDirectory(of: path)
    }

    private static func resolved(_ path: String) -> String {
        guard let real = realpath(path, nil) else { return path }
        defer { free(real) }
        return String(cString: real)
    }
}

/// write(2) to the end, and to the disk.
enum DurableWrite {
    static func all(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(FileFailure) {
        var position = 0
        while position < bytes.count {
            let written = bytes.withUnsafeBytes { buffer in
                write(descriptor, buffer.baseAddress.map { $0 + position }, buffer.count - position)
            }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw .now("cannot be written", path) }
            position += written
        }
        guard fsync(descriptor) == 0 else { throw .now("does not get to the disk", path) }
    }

    /// A name in a directory is only there for good when the directory is on disk too.
    static func synchronizeDirectory(of path: String) throws(FileFailure) {
        let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let descriptor = open(directory, O_RDONLY | O_CLOEXEC | O_DIRECTORY)
        guard descriptor >= 0 else { throw .now("cannot be opened", directory) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .now("does not get to the disk", directory) }
    }
}

/// Reading files of bounded size.
enum BoundedRead {
    /// The last `limit` bytes of a regular file; nil when there is no such file.
    static func tail(of path: String, limit: Int) throws(FileFailure) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw .now("cannot be opened", path)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw FileFailure(text: "\(path): is not a regular file")
        }
        let size = Int(status.st_size)
        var bytes = [UInt8](repeating: 0, count: min(size, limit))
        var count = 0
        while count < bytes.count {
            let position = off_t(size - bytes.count + count)
            let room = bytes.count - count
            let result = bytes.withUnsafeMutableBytes { buffer in
                pread(descriptor, buffer.baseAddress.map { $0 + count }, room, position)
            }
            if result < 0, errno == EINTR { continue }
            guard result >= 0 else { throw .now("cannot be read", path) }
            guard result > 0 else { break }
            count += result
        }
        return Array(bytes.prefix(count))
    }
}
