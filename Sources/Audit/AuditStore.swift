import Glibc
import RingFault

/// An audit directory that is written to. Used by one thread. What `append` was given is in the file for good when `sync`
/// has returned; when either throws, nothing of what came since the last `sync` is there, and it may be given again.
///
/// `@unchecked Sendable` is sound because its owner hands it to the thread that uses it and keeps nothing of it.
public final class AuditStore: @unchecked Sendable {
    private let directory: DirectoryLock
    private let fileSize: Int
    private let key: AuditKey
    private var descriptor: Int32 = -1
    private var path = ""
    private var size = 0
    private var chain = AuditChain()
    /// Sealed, and not in the file yet.
    private var lines: [UInt8] = []
    /// What is on the disk.
    private var durable: (chain: AuditChain, size: Int) = (AuditChain(), 0)
    /// Records, on the disk or not, since the last checkpoint.
    private var unsigned = 0
    /// Bytes of an unfinished record that the last gateway has left.
    public private(set) var recovered = 0

    /// Records after which a checkpoint is due.
    static let checkpointInterval = 256

    /// Opens the directory, and makes it and its key where they are missing. The last file is checked from its first record
    /// to its last; what a crash has left behind that goes to a file of its own.
    public init(_ path: String, fileSize: Int) throws(AuditError) {
        directory = try DirectoryLock(path)
        self.fileSize = fileSize
        key = try AuditKey.open(in: path)
        try recover()
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Whether a log can be kept in the directory, without touching it: a gateway may be using it now.
    public static func check(_ path: String) throws(AuditError) {
        guard access(path, F_OK) == 0 || errno != ENOENT else {
            let parent = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
            guard access(parent, W_OK | X_OK) == 0 else { throw .now(parent, "cannot be written") }
            return
        }
        guard access(path, R_OK | W_OK | X_OK) == 0 else { throw .now(path, "cannot be written") }
        if access("\(path)/\(AuditKey.privateName)", F_OK) == 0 {
            _ = try AuditKey.open(in: path)
        }
    }

    /// The last record that is on the disk.
    public var head: AuditChain { durable.chain }
    /// What its checkpoints name its key by.
    public var keyFingerprint: String { key.fingerprint }
    /// Whether something is in the file that is not on the disk.
    public var isUnsynced: Bool { chain != durable.chain }
    /// Whether records are there that no checkpoint vouches for.
    public var isUnsigned: Bool { unsigned > 0 }

    // MARK: Start

    private func recover() throws(AuditError) {
        guard let last = try AuditFiles.list(in: directory.path).last else { return }
        let bytes = try AuditFiles.read(last)
        let (found, good) = try Self.walk(bytes, last)
        if good < bytes.count { try setAside(bytes[good...], of: last) }
        // A file without a single whole record begins anew, with what it follows.
        guard let found else {
            guard unlink(last) == 0 else { throw .now(last, "cannot be removed") }
            return try recover()
        }
        descriptor = Glibc.open(last, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw .now(last, "cannot be written") }
        if good < bytes.count {
            guard ftruncate(descriptor, off_t(good)) == 0, fsync(descriptor) == 0 else {
                throw .now(last, "the unfinished record at its end cannot be cut off")
            }
            recovered = bytes.count - good
        }
        (path, size, chain) = (last, good, found)
        durable = (chain, size)
        unsigned = 1
    }

    /// The last record of a file and where it ends. Behind it there may be what a crash has left, but no record.
    private static func walk(_ bytes: [UInt8], _ path: String) throws(AuditError) -> (AuditChain?, Int) {
        var chain: AuditChain?
        var good = 0, number = 0
        for line in AuditLines(bytes) {
            number += 1
            let next = chain.map { $0.following(line) } ?? FileStart(line)?.chain
            if let next, good == line.startIndex {
                (chain, good) = (next, line.endIndex)
            } else if AuditChain.LineParts(line) != nil {
                throw AuditError(
                    path,
                    "line \(number) does not follow the one before: the log was changed. Keep the directory as "
                        + "evidence, see `ringctl audit verify`, and give the gateway another one")
            }
        }
        return (chain, good)
    }

    private func setAside(_ bytes: ArraySlice<UInt8>, of file: String) throws(AuditError) {
        let path = "\(file).unfinished"
        let side = Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard side >= 0 else { throw .now(path, "cannot be made") }
        defer { close(side) }
        guard Self.write(Array(bytes), to: side), fsync(side) == 0 else {
            throw .now(path, "cannot be written")
        }
    }

    // MARK: Writing

    /// Seals the records and writes them.
    public func append(_ records: [AuditRecord], time: UInt64) throws(AuditError) {
        do throws(AuditError) {
            // Only where all that came before is on the disk: what is there for good is not taken back.
            if !isUnsynced, !records.isEmpty { try rotateIfFull(time) }
            for record in records {
                put(record)
                if unsigned >= Self.checkpointInterval { putCheckpoint(time) }
            }
            try flush()
        } catch {
            rollBack()
            throw error
        }
    }

    /// Vouches for all that was appended.
    public func checkpoint(time: UInt64) throws(AuditError) {
        putCheckpoint(time)
        do throws(AuditError) { try flush() } catch {
            rollBack()
            throw error
        }
    }

    /// Until this returns nothing that was appended counts. fdatasync(2) brings the file's size along.
    public func sync() throws(AuditError) {
        guard isUnsynced else { return }
        guard Self.sync(descriptor) else {
            let error = AuditError.now(path, "does not get to the disk")
            rollBack()
            throw error
        }
        durable = (chain, size)
    }

    private func putCheckpoint(_ time: UInt64) {
        guard unsigned > 0, chain.sequence > 0 else { return }
        put(chain.checkpoint(by: key, time: time))
        unsigned = 0
    }

    private func put(_ record: AuditRecord) {
        let line = chain.seal(record)
        lines += line
        size += line.count
        unsigned += 1
    }

    private func flush() throws(AuditError) {
        guard Self.write(lines, to: descriptor) else { throw .now(path, "cannot be written") }
        lines.removeAll(keepingCapacity: true)
    }

    /// Begins a file when there is none or the last one is full. All of the last one is on the disk then, with a checkpoint.
    private func rotateIfFull(_ time: UInt64) throws(AuditError) {
        guard descriptor < 0 || size >= fileSize else { return }
        if descriptor >= 0 {
            putCheckpoint(time)
            try flush()
            guard Self.sync(descriptor) else { throw .now(path, "does not get to the disk") }
            durable = (chain, size)
        }
        let next = "\(directory.path)/\(AuditFiles.name(first: chain.sequence + 1))"
        let fresh = Self.makeFile(next)
        guard fresh >= 0 else { throw .now(next, "cannot be made") }
        guard fsync(directory.handle) == 0 else {
            let error = AuditError.now(directory.path, "does not get to the disk")
            close(fresh)
            unlink(next)
            throw error
        }
        if descriptor >= 0 { close(descriptor) }
        (descriptor, path, size) = (fresh, next, 0)
        durable.size = 0
        var start = AuditRecord(.file, time: time)
        start.add("previous", Hexadecimal.text(chain.head))
        put(start)
    }

    /// Takes back what is not on the disk. If that fails as well, a line that is there without its newline would swallow the
    /// next: then the file is given up, and the next record begins another.
    private func rollBack() {
        lines.removeAll()
        chain = durable.chain
        size = durable.size
        unsigned = max(unsigned, 1)
        guard descriptor >= 0 else { return }
        if ftruncate(descriptor, off_t(size)) != 0 || size == 0 {
            close(descriptor)
            descriptor = -1
            if size == 0 { unlink(path) }
        }
    }

    private static func makeFile(_ path: String) -> Int32 {
        if let code = Fault.auditFile.strikes {
            errno = code
            return -1
        }
        return Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    }

    /// False with errno set.
    private static func sync(_ descriptor: Int32) -> Bool {
        if let code = Fault.auditSync.strikes {
            errno = code
            return false
        }
        return fdatasync(descriptor) == 0
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var done = 0
        if let code = Fault.auditWrite.strikes {
            _ = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count / 2) }
            errno = code
            return false
        }
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + done }, $0.count - done)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            done += count
        }
        return true
    }
}

/// A directory that only one gateway at a time writes to.
private final class DirectoryLock {
    let path: String
    let handle: Int32

    init(_ path: String) throws(AuditError) {
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw .now(path, "cannot be made") }
        self.path = path
        handle = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard handle >= 0 else { throw .now(path, "cannot be opened") }
        // Held as long as the directory is open.
        guard flock(handle, LOCK_EX | LOCK_NB) == 0 else {
            throw AuditError(path, "is in use by another gateway")
        }
    }

    deinit { if handle >= 0 { close(handle) } }
}

/// The first line of a file: its own record, and the one it follows, by its own word.
struct FileStart {
    let before: AuditChain
    let chain: AuditChain

    init?(_ line: ArraySlice<UInt8>) {
        guard let parts = AuditChain.LineParts(line), let members = AuditMembers(line), members.kind == .file,
            let previous = members.text("previous").flatMap(Hexadecimal.bytes),
            previous.count == AuditChain.hashSize
        else { return nil }
        before = AuditChain(sequence: parts.sequence - 1, head: previous)
        guard let chain = before.following(line) else { return nil }
        self.chain = chain
    }
}
