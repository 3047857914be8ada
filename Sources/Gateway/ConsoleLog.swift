import Glibc
import RingEngine
import Synchronization

/// Keeps what a console says in a file, on a thread of its own: a slow disk never holds up the loop.
///
/// The file is made with mode 0640 and appended to. A link in its place is not followed. When the path names another
/// file, as after a log was rotated, that one is used within a second of writing. Where bytes are missing, because
/// the queue was full or the file could not be written, a line in the file says how many.
final class ConsoleLog: Sendable {
    enum State: Equatable, Sendable {
        case writing
        /// With the system call and the errno that it failed with.
        case failing(call: String, errno: Int32)
    }

    private let queue: ConsoleLogQueue
    private let end: End

    /// How the thread has ended, when it has.
    private final class End: Sendable {
        let signal: WakeSignal
        let isComplete = Atomic(false)
        init() throws(EngineError) { signal = try WakeSignal() }
    }

    /// Starts the thread; the file is opened with the first bytes. `report` is called on that thread, once for
    /// each change of state, and first when something fails.
    init(
        path: String, capacity: Int = GatewayLimits.consoleLogQueue,
        recheck: UInt64 = GatewayLimits.consoleLogRecheck, report: @escaping @Sendable (State) -> Void
    ) throws(EngineError) {
        let queue = ConsoleLogQueue(capacity: capacity)
        let end = try End()
        self.queue = queue
        self.end = end
        try DetachedThread.spawn {
            end.isComplete.store(
                Self.run(queue, path, recheck, report), ordering: .sequentiallyConsistent)
            end.signal.signal()
        }
    }

    /// The thread ends when it has written what it has.
    deinit { queue.stop() }

    /// Never waits for the file, and allocates nothing once the queue has been as long as it gets.
    func append(_ bytes: UnsafeRawBufferPointer) { queue.append(bytes) }

    /// Ends the log. Waits until what there was is written, at most so many nanoseconds; a thread that a disk holds
    /// is left behind and ends when it can. True when the file has all that waited, or says what it lacks.
    func stop(within limit: UInt64) -> Bool {
        queue.stop()
        let (deadline, overflow) = KernelClock.monotonic().addingReportingOverflow(limit)
        var watched = pollfd(fd: end.signal.descriptor, events: Int16(POLLIN), revents: 0)
        while true {
            let now = KernelClock.monotonic()
            let left = overflow ? limit : deadline - min(now, deadline)
            let milliseconds = Int32(clamping: left / 1_000_000 + (left % 1_000_000 == 0 ? 0 : 1))
            let result = poll(&watched, 1, milliseconds)
            if result > 0 { return end.isComplete.load(ordering: .sequentiallyConsistent) }
            if result == 0 || errno != EINTR { return false }
        }
    }

    /// Whether the file has all, or says what it lacks.
    private static func run(
        _ queue: ConsoleLogQueue, _ path: String, _ recheck: UInt64, _ report: (State) -> Void
    ) -> Bool {
        var file = ConsoleLogFile(path: path, recheck: recheck)
        var batch = ConsoleLogQueue.Batch(bytes: [], dropped: 0, isLast: false)
        var reported = State.writing
        repeat {
            queue.take(reusing: &batch)
            if batch.bytes.isEmpty, batch.dropped == 0 { continue }
            file.write(batch, now: KernelClock.monotonic())
            if file.state != reported {
                reported = file.state
                report(reported)
            }
        } while !batch.isLast
        return file.isComplete
    }
}
