import Glibc
import RingLab

/// The host's end of a board's serial line.
struct SerialLine: ~Copyable {
    /// Long for a loaded machine; a board that works answers at once.
    private static let patienceMilliseconds: CInt = 10_000

    let number: CInt

    init(opening path: String) throws(LabError) {
        let number = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard number >= 0 else { throw .system(call: "open \(path)", errno: errno) }
        self.number = number
    }

    deinit {
        close(number)
    }

    func type(_ text: String) {
        let bytes = Array(text.utf8)
        _ = write(number, bytes, bytes.count)
    }

    /// Reads until the text has come, or the line has been silent for too long or hung up.
    func read(until end: String) -> String {
        var text = ""
        while !text.hasSuffix(end), let more = readSome() { text += more }
        return text
    }

    private func readSome() -> String? {
        var watched = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        guard poll(&watched, 1, Self.patienceMilliseconds) == 1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(number, &bytes, bytes.count)
        return count > 0 ? String(decoding: bytes.prefix(count), as: UTF8.self) : nil
    }
}
