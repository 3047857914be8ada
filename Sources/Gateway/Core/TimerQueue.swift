/// Deadlines in nanoseconds of a clock that the caller reads, earliest first; one for each key.
///
/// A binary heap whose entries know their places, so that a timer that is no longer wanted leaves at once. A queue
/// whose number of timers stays the same allocates nothing.
struct TimerQueue<Key: Hashable> {
    private struct Timer {
        let deadline: UInt64
        /// Equal deadlines come in the order they were added.
        let order: UInt64
        let key: Key
        /// Index into `positions`.
        let handle: Int

        func isBefore(_ other: Timer) -> Bool {
            (deadline, order) < (other.deadline, other.order)
        }
    }

    /// Each timer is before those at 2i + 1 and 2i + 2.
    private var heap: [Timer] = []
    /// Place in the heap by handle.
    private var positions: [Int] = []
    private var handles: [Key: Int] = [:]
    private var unused: [Int] = []
    private var added: UInt64 = 0

    init() {}

    var count: Int { heap.count }
    var isEmpty: Bool { heap.isEmpty }
    /// Timers there is memory for: the most there were at a time, and one.
    var places: Int { positions.count }

    /// The earliest deadline.
    var next: UInt64? { heap.first?.deadline }

    /// The key's deadline.
    func deadline(of key: Key) -> UInt64? { handles[key].map { heap[positions[$0]].deadline } }

    /// Sets the key's timer, in place of the one it has.
    mutating func add(_ key: Key, at deadline: UInt64) {
        remove(key)
        let handle = unused.popLast() ?? positions.count
        if handle == positions.count { positions.append(0) }
        handles[key] = handle
        added &+= 1
        heap.append(Timer(deadline: deadline, order: added, key: key, handle: handle))
        positions[handle] = heap.count - 1
        siftUp(heap.count - 1)
    }

    /// False when the key has no timer.
    @discardableResult mutating func remove(_ key: Key) -> Bool {
        guard let handle = handles.removeValue(forKey: key) else { return false }
        unused.append(handle)
        let position = positions[handle]
        let last = heap.removeLast()
        guard position < heap.count else { return true }
        put(last, at: position)
        siftUp(position)
        siftDown(positions[last.handle])
        return true
    }

    /// Removes and returns the earliest timer whose deadline has come; nil when there is none. To be called until
    /// then. Who adds a timer that is due already while doing so gets it in the same round.
    mutating func takeDue(_ now: UInt64) -> Key? {
        guard let first = heap.first, first.deadline <= now else { return nil }
        remove(first.key)
        return first.key
    }

    private mutating func put(_ timer: Timer, at position: Int) {
        heap[position] = timer
        positions[timer.handle] = position
    }

    private mutating func siftUp(_ start: Int) {
        var position = start
        let timer = heap[position]
        while position > 0, timer.isBefore(heap[(position - 1) / 2]) {
            put(heap[(position - 1) / 2], at: position)
            position = (position - 1) / 2
        }
        put(timer, at: position)
    }

    private mutating func siftDown(_ start: Int) {
        var position = start
        let timer = heap[position]
        while true {
            var child = 2 * position + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1].isBefore(heap[child]) { child += 1 }
            guard heap[child].isBefore(timer) else { break }
            put(heap[child], at: position)
            position = child
        }
        put(timer, at: position)
    }
}
