#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A file's bytes under the name its diagnostics carry.
public struct SourceText: Sendable {
    /// The path as it was given.
    public let path: String
    public let bytes: [UInt8]

    public init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }

    public init(path: String, text: String) {
        self.init(path: path, bytes: Array(text.utf8))
    }

    /// What `read` makes of the file at `path`. Throws with every error that was reported, each with its place.
    static func load<T>(
        _ path: String, _ read: (SourceText, inout Report) -> T?
    ) throws(PolicyErrors) -> T {
        var report = Report(path)
        let made = SourceText.read(path, &report).flatMap { read($0, &report) }
        guard let made, report.diagnostics.isEmpty else { throw PolicyErrors(report.diagnostics) }
        return made
    }

    /// The same of what is in memory.
    func load<T>(_ read: (SourceText, inout Report) -> T?) throws(PolicyErrors) -> T {
        var report = Report(path)
        let made = read(self, &report)
        guard let made, report.diagnostics.isEmpty else { throw PolicyErrors(report.diagnostics) }
        return made
    }

    /// Last component of the path.
    var fileName: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// The text, or nil after reporting why there is none.
    func text(_ report: inout Report) -> String? {
        guard bytes.count <= FileLimits.fileSize else {
            report.add(
                .wholeFile, "the file has more than \(FileLimits.fileSize) bytes",
                "split it or remove what is not used")
            return nil
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            report.add(firstInvalid, "this byte is not UTF-8", "save the file as UTF-8")
            return nil
        }
        guard text.unicodeScalars.first != "\u{feff}" else {
            report.add(.start, "the file starts with a byte order mark", "save it as UTF-8 without one")
            return nil
        }
        return text
    }

    private var firstInvalid: Location {
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var place = Location.start
        while case .scalarValue(let scalar) = decoder.decode(&iterator) {
            place.advance(over: scalar, before: nil)
        }
        return place
    }

    /// Reads a regular file of bounded size.
    public static func read(_ path: String) throws(PolicyErrors) -> SourceText {
        var report = Report(path)
        guard let source = read(path, &report) else { throw PolicyErrors(report.diagnostics) }
        return source
    }

    /// Reads a regular file of bounded size; nil after reporting why not.
    static func read(_ path: String, _ report: inout Report) -> SourceText? {
        // Without O_NONBLOCK, opening a FIFO would wait for a writer.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let reason = String(cString: strerror(errno))
            report.add(.wholeFile, "cannot be opened: \(reason)", "check the path and its permissions")
            return nil
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            report.add(.wholeFile, "is not a regular file", "name a file")
            return nil
        }
        var bytes = [UInt8](repeating: 0, count: FileLimits.fileSize + 1)
        var count = 0
        while count < bytes.count {
            let result = bytes.withUnsafeMutableBytes { buffer in
                Self.readSome(descriptor, UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
            }
            guard result >= 0 else {
                let reason = String(cString: strerror(errno))
                report.add(.wholeFile, "cannot be read: \(reason)", "check the disk and the permissions")
                return nil
            }
            guard result > 0 else { break }
            count += result
        }
        return SourceText(path: path, bytes: Array(bytes.prefix(count)))
    }

    /// read(2) that is repeated when a signal interrupts it.
    private static func readSome(_ descriptor: Int32, _ buffer: UnsafeMutableRawBufferPointer) -> Int {
        while true {
            #if canImport(Glibc)
                let result = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            #else
                let result = Darwin.read(descriptor, buffer.baseAddress, buffer.count)
            #endif
            if result >= 0 || errno != EINTR { return result }
        }
    }
}
