import Glibc

/// The files of an audit directory: `audit-N.jsonl`, N being the number of the first record in 16 digits.
public enum AuditFiles {
    /// The whole lines in the last `size` bytes of the newest file.
    public static func tail(of directory: String, size: Int) throws(AuditError) -> [ArraySlice<UInt8>] {
        guard let path = try list(in: directory).last else { return [] }
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { throw .now(path, "cannot be read") }
        defer { close(file) }
        let start = max(0, lseek(file, 0, SEEK_END) - off_t(size))
        var bytes = [UInt8](repeating: 0, count: size)
        let count = pread(file, &bytes, size, start)
        guard count >= 0 else { throw .now(path, "cannot be read") }
        var lines = AuditLines(Array(bytes[..<count])).map { $0 }
        if start > 0, !lines.isEmpty { lines.removeFirst() }
        return lines.filter { $0.last == UInt8(ascii: "\n") }
    }

    public static let suffix = ".jsonl"
    private static let prefix = "audit-"
    private static let digits = 16

    static func name(first sequence: UInt64) -> String {
        let number = String(sequence)
        return prefix + String(repeating: "0", count: max(0, digits - number.count)) + number + suffix
    }

    /// Number of the first record, by the name; nil for other files.
    static func first(of name: String) -> UInt64? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
        let number = name.dropFirst(prefix.count).dropLast(suffix.count)
        guard number.utf8.count >= digits, let first = UInt64(number), Self.name(first: first) == name else {
            return nil
        }
        return first
    }

    /// Paths of the files, in the order of their records.
    public static func list(in directory: String) throws(AuditError) -> [String] {
        guard let stream = opendir(directory) else { throw .now(directory, "cannot be read") }
        defer { closedir(stream) }
        var found: [UInt64] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let first = first(of: name) { found.append(first) }
        }
        return found.sorted().map { "\(directory)/\(name(first: $0))" }
    }

    /// A whole file. Those of a log are bounded by its file size.
    public static func read(_ path: String) throws(AuditError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { throw .now(path, "cannot be opened") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw AuditError(path, "is not a regular file")
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var count = 0
        while count < bytes.count {
            let room = bytes.count - count
            let result = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress.map { $0 + count }, room)
            }
            if result < 0, errno == EINTR { continue }
            guard result >= 0 else { throw .now(path, "cannot be read") }
            guard result > 0 else { break }
            count += result
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }
}

/// The lines of a file, each with its newline; a last one without it as well.
public struct AuditLines: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>

    public init(_ bytes: [UInt8]) { rest = bytes[...] }

    public mutating func next() -> ArraySlice<UInt8>? {
        guard !rest.isEmpty else { return nil }
        let end = rest.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? rest.endIndex
        defer { rest = rest[end...] }
        return rest[..<end]
    }
}
