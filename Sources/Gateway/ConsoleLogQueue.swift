import RingEngine

/// Bytes on their way to a console's log file, from the loop to the log's thread.
///
/// `@unchecked Sendable` is sound because everything that changes is touched only while `lock` is held.
final class ConsoleLogQueue: @unchecked Sendable {
    /// What the thread has to do next.
    struct Batch {
        var bytes: [UInt8]
        /// Bytes that came behind these and found no room.
        var dropped: UInt64
        /// Nothing comes after it.
        var isLast: Bool
    }

    private let lock = ThreadLock()
    private let capacity: Int
    private var bytes: [UInt8] = []
    private var dropped: UInt64 = 0
    private var isStopping = false

    init(capacity: Int) { self.capacity = capacity }

    /// Never waits for a file. Once something was dropped, all is until the thread has taken what is there, so that
    /// the note about it stands where the bytes are missing. Bytes that come after `stop` are forgotten.
    func append(_ more: UnsafeRawBufferPointer) {
        guard !more.isEmpty else { return }
        lock.locked {
            guard !isStopping else { return }
            let room = dropped == 0 ? capacity - bytes.count : 0
            let kept = min(more.count, room)
            bytes.append(contentsOf: more.prefix(kept))
            dropped &+= UInt64(more.count - kept)
            lock.signal()
        }
    }

    func stop() {
        lock.locked {
            isStopping = true
            lock.signal()
        }
    }

    /// Waits for something to do. The memory of the batch before is used again.
    func take(reusing batch: inout Batch) {
        batch.bytes.removeAll(keepingCapacity: true)
        lock.locked {
            while bytes.isEmpty, dropped == 0, !isStopping { lock.wait() }
            swap(&bytes, &batch.bytes)
            batch.dropped = dropped
            batch.isLast = isStopping
            dropped = 0
        }
    }
}
