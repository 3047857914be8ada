import Glibc

/// A serial board that exists: the slave end of a pty is its line, a thread on the master end its firmware.
/// It is switched off, and its thread joined, when its owner goes.
public struct Board: ~Copyable, Sendable {
    /// Where to open the board's serial line: `/dev/pts/N`.
    public let path: String
    private let power: Descriptor
    private let thread: pthread_t

    /// Switches a board on. Its banner waits on the line for the first reader.
    public init() throws(LabError) {
        var ends: (CInt, CInt) = (-1, -1)
        let made = withUnsafeMutableBytes(of: &ends) { pair in
            let type = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
            return socketpair(AF_UNIX, type, 0, pair.bindMemory(to: CInt.self).baseAddress)
        }
        guard made == 0 else { throw .last("socketpair") }
        let power = Descriptor(owning: ends.0)
        let supply = Descriptor(owning: ends.1)
        let terminal = try Pseudoterminal()
        let path = terminal.slavePath
        thread = try Self.start(BoardLoop(terminal: terminal, power: supply))
        self.power = power
        self.path = path
    }

    /// The loop is retained for the thread, which alone uses it from then on and releases it at its end.
    private static func start(_ loop: BoardLoop) throws(LabError) -> pthread_t {
        let retained = Unmanaged.passRetained(loop)
        var thread = pthread_t()
        let result = pthread_create(
            &thread, nil,
            { context in
                guard let context else { return nil }
                Unmanaged<BoardLoop>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }, retained.toOpaque())
        guard result == 0 else {
            retained.release()
            throw .system(call: "pthread_create", errno: result)
        }
        return thread
    }

    deinit {
        // The loop sees the hangup; closing would do as well, but must come before the join.
        shutdown(power.number, CInt(SHUT_RDWR))
        pthread_join(thread, nil)
    }
}
