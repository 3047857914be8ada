import Dispatch
import Foundation

/// Standard input, or another descriptor, read on a thread of its own because read(2) blocks.
struct StandardInput: Sendable {
    enum Piece: Sendable {
        case bytes([UInt8])
        /// Nothing came for a while; a good moment to look whether the task was cancelled.
        case idle
        case end
    }

    private let queue = DispatchQueue(label: "standard-input")
    private let descriptor: Int32

    init(descriptor: Int32 = STDIN_FILENO) { self.descriptor = descriptor }

    /// Waits at most 0.2 s, because a thread inside read(2) could not be told to stop.
    func next(atMost count: Int) async -> Piece {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: read(atMost: count)) }
        }
    }

    private func read(atMost count: Int) -> Piece {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&waiting, 1, 200) > 0 else { return .idle }
        var bytes = [UInt8](repeating: 0, count: count)
        let taken = Foundation.read(descriptor, &bytes, count)
        if taken < 0, errno == EINTR || errno == EAGAIN { return .idle }
        return taken > 0 ? .bytes(Array(bytes[..<taken])) : .end
    }
}

/// The terminal on standard input in raw mode, until this value goes.
struct RawTerminal: ~Copyable {
    private let before: termios

    /// nil when standard input is no terminal.
    init?() {
        var found = termios()
        guard isatty(STDIN_FILENO) == 1, tcgetattr(STDIN_FILENO, &found) == 0 else { return nil }
        var raw = found
        cfmakeraw(&raw)
        guard tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0 else { return nil }
        before = found
    }

    deinit {
        var settings = before
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
    }
}
