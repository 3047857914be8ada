import Glibc

/// Carries bytes between the master end of a pty and the board's program until the power goes.
///
/// It reads only when all it had to say is written. So it holds no more than the answer to one read, and a
/// client that never reads stalls itself.
final class BoardLoop {
    /// Most bytes taken at once.
    private static let readSize = 256

    private let terminal: Pseudoterminal
    private let power: Descriptor
    private var program = BoardProgram()
    private var outgoing: ArraySlice<UInt8> = []

    init(terminal: consuming Pseudoterminal, power: consuming Descriptor) {
        self.terminal = terminal
        self.power = power
    }

    /// Returns when the power goes, or when the pty fails in a way that no retry mends.
    func run() {
        say(program.boot())
        while isReady() {
            let result = outgoing.isEmpty ? listen() : speak()
            guard result < 0 else { continue }
            switch errno {
            case EAGAIN, EINTR: continue
            default: return
            }
        }
    }

    /// Waits until the line can be read or written, whichever is next. False when the power is gone.
    private func isReady() -> Bool {
        let wanted = Int16(outgoing.isEmpty ? POLLIN : POLLOUT)
        var watched = [
            pollfd(fd: power.number, events: Int16(POLLIN), revents: 0),
            pollfd(fd: terminal.master.number, events: wanted, revents: 0),
        ]
        while poll(&watched, nfds_t(watched.count), -1) < 0 {
            guard errno == EINTR else { return false }
        }
        return watched[0].revents == 0
    }

    private func listen() -> Int {
        var bytes = [UInt8](repeating: 0, count: Self.readSize)
        let count = read(terminal.master.number, &bytes, bytes.count)
        guard count > 0 else { return count }
        guard let settings = try? TerminalSettings(of: terminal.master.number) else { return -1 }
        say(program.receive(bytes.prefix(count), settings: settings))
        return count
    }

    private func speak() -> Int {
        let count = outgoing.withUnsafeBytes { write(terminal.master.number, $0.baseAddress, $0.count) }
        if count > 0 { outgoing.removeFirst(count) }
        return count
    }

    private func say(_ text: String) {
        outgoing += text.utf8
    }
}
