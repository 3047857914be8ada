import Glibc
import RingEngine

/// The file behind a console's log. Used by the log's thread alone.
struct ConsoleLogFile: ~Copyable {
    private struct Identity: Equatable {
        let device: UInt64
        let inode: UInt64

        init(_ status: stat) {
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
        }
    }

    private let path: String
    private let recheck: UInt64
    private var descriptor: Int32 = -1
    private var identity: Identity?
    /// When the path was last looked at.
    private var checkedAt: UInt64?
    /// Bytes that are missing from the file where the next ones will be.
    private var missing: UInt64 = 0
    /// How it went the last time.
    private(set) var state = ConsoleLog.State.writing

    init(path: String, recheck: UInt64) {
        self.path = path
        self.recheck = recheck
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Whether the file has all that was given to it, or says what it lacks.
    var isComplete: Bool { missing == 0 }

    /// Writes a batch, and a line about what is missing before or behind it. What cannot be written is missing
    /// from then on; it is not tried again.
    mutating func write(_ batch: ConsoleLogQueue.Batch, now: UInt64) {
        look(now)
        guard descriptor >= 0, note() else {
            missing &+= UInt64(batch.bytes.count) &+ batch.dropped
            return
        }
        let written = append(batch.bytes)
        missing = UInt64(batch.bytes.count - written) &+ batch.dropped
        if written == batch.bytes.count { _ = note() }
    }

    /// Says in the file what is missing there. False when that could not be written.
    private mutating func note() -> Bool {
        guard missing > 0 else { return true }
        let line = Array("\n[ringgate: \(missing) bytes are missing here]\n".utf8)
        guard append(line) == line.count else { return false }
        missing = 0
        return true
    }

    /// How many of the bytes the file has taken.
    private mutating func append(_ bytes: [UInt8]) -> Int {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                state = .failing(call: "write", errno: count == 0 ? EIO : errno)
                return done
            }
            done += count
        }
        state = .writing
        return done
    }

    // MARK: Which file

    /// Opens the path, again when another file has taken its place. Not more often than it may.
    private mutating func look(_ now: UInt64) {
        if let checkedAt, now >= checkedAt, now - checkedAt < recheck { return }
        checkedAt = now
        var status = stat()
        let isSame = descriptor >= 0 && lstat(path, &status) == 0 && Identity(status) == identity
        if !isSame { reopen() }
    }

    private mutating func reopen() {
        // Without O_NONBLOCK, a FIFO would hold the thread here until it has a reader.
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
        let fresh = open(path, flags, 0o640)
        var status = stat()
        guard fresh >= 0, fstat(fresh, &status) == 0 else {
            state = .failing(call: "open", errno: errno)
            if fresh >= 0 { close(fresh) }
            closeFile()
            return
        }
        closeFile()
        descriptor = fresh
        identity = Identity(status)
    }

    private mutating func closeFile() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
        identity = nil
    }
}
