import Glibc

/// A serial line whose other end is the test's: the slave of a pty, without echo.
public final class SerialLine: Sendable {
    /// Where to open it: `/dev/pts/N`.
    public let path: String
    /// The test's end.
    public let master: Int32
    /// Open, so that the line is not hung up between its users.
    private let slave: Int32

    public init() throws {
        var ends: (Int32, Int32) = (-1, -1)
        var settings = termios()
        cfmakeraw(&settings)
        var name = [CChar](repeating: 0, count: 64)
        guard openpty(&ends.0, &ends.1, &name, &settings, nil) == 0 else {
            throw POSIXFailure(call: "openpty", code: errno)
        }
        (master, slave) = ends
        path = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        close(slave)
        close(master)
    }

    /// Sends bytes down the line.
    public func say(_ text: String) {
        let bytes = Array(text.utf8)
        _ = write(master, bytes, bytes.count)
    }

    /// At least so many bytes from the other side, or what there is when no more come.
    public func heard(_ count: Int) -> String {
        var text = ""
        while text.utf8.count < count {
            let more = hear()
            if more.isEmpty { break }
            text += more
        }
        return text
    }

    /// What came from the other side, waited for up to two seconds.
    public func hear() -> String {
        var ready = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
        guard poll(&ready, 1, 2_000) == 1 else { return "" }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let count = read(master, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
    }
}

public struct POSIXFailure: Error {
    public let call: String
    public let code: Int32

    public init(call: String, code: Int32) {
        self.call = call
        self.code = code
    }
}
