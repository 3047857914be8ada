import RingProtocol

/// A chain, or one entry, that has been accepted and is not over: its entries that were not issued yet.
struct Unit {
    /// Whole entries, back to back.
    let bytes: [UInt8]
    /// Where the next one begins, and how many there are from there.
    private(set) var position = 0
    private(set) var remaining: Int
    /// Whether it is more than one entry.
    let isChain: Bool
    /// Whether it waits for all before it, and all behind it wait for it.
    let drains: Bool
    /// Payload bytes of the session's credit that each entry has; none for one entry that did not have to wait.
    var charges: [Int] = []
    /// The record in the audit log that has to be on the disk before anything of it may run; 0 for none.
    var record: UInt64 = 0

    /// Copies the entries: the frame they came in is gone before they run.
    init(_ run: EntryRun) {
        bytes = run.bytes.array
        remaining = run.remaining
        isChain = run.remaining > 1
        var entries = run
        var drains = false
        while let entry = entries.next() { drains = drains || entry.flags.contains(.drain) }
        self.drains = drains
    }

    /// One entry alone.
    init(_ entry: Entry) {
        bytes = [UInt8](unsafeUninitializedCapacity: entry.size) { buffer, count in
            entry.encode(into: UnsafeMutableRawBufferPointer(buffer))
            count = entry.size
        }
        remaining = 1
        isChain = false
        drains = entry.flags.contains(.drain)
    }

    /// Hands over the entries that were not issued yet, in order.
    func forEach(_ body: (Entry) -> Void) {
        bytes.withUnsafeBytes { bytes in
            var run = EntryRun(
                proven: WireBytes(UnsafeRawBufferPointer(rebasing: bytes[position...])), count: remaining)
            while let entry = run.next() { body(entry) }
        }
    }

    /// The same all at once.
    func forEachTogether(_ body: ([Entry]) -> Void) {
        bytes.withUnsafeBytes { bytes in
            var run = EntryRun(
                proven: WireBytes(UnsafeRawBufferPointer(rebasing: bytes[position...])), count: remaining)
            var entries: [Entry] = []
            while let entry = run.next() { entries.append(entry) }
            body(entries)
        }
    }

    /// Takes the next entry, if there is one; `body` gets it with what follows.
    mutating func takeNext(_ body: (Entry, Unit) -> Void) {
        guard remaining > 0 else { return }
        let all = bytes
        all.withUnsafeBytes { bytes in
            var run = EntryRun(
                proven: WireBytes(UnsafeRawBufferPointer(rebasing: bytes[position...])), count: 1)
            guard let entry = run.next() else { return }
            position += entry.size
            remaining -= 1
            body(entry, self)
        }
    }

    /// What the credit has of the next entry; the caller gives it back.
    mutating func takeCharge() -> Int { charges.isEmpty ? 0 : charges.removeFirst() }

    /// Drops the entries from the first one that is meant. The result is them, and their charge.
    mutating func drop(from isFirst: (Entry) -> Bool) -> (ids: [RequestID], charge: Int) {
        var ids: [RequestID] = []
        var size = 0
        forEach { entry in
            if !ids.isEmpty || isFirst(entry) { ids.append(entry.requestID) } else { size += entry.size }
        }
        let charge = charges.suffix(ids.count).reduce(0, +)
        charges.removeLast(min(ids.count, charges.count))
        remaining -= ids.count
        return (ids, charge)
    }
}

/// What in a session has to wait: chains run one element after the other, and all waits behind a drain. A plain value
/// that is asked for the next thing to do and told what became of it.
struct Sequencer {
    enum Step {
        /// A unit's time has come: a chain is to be proven as a whole, then goes to `proceed`.
        case start(Unit)
        /// The unit's next entry is to be issued.
        case issue(Unit)
        /// The unit's record did not come about: nothing of it may run.
        case reject(Unit)
        /// An entry that will not run is to be answered with -ECANCELED; its charge goes back.
        case cancel(RequestID)
        /// Bytes of the session's credit that are free again.
        case refund(Int)
    }

    /// An element that was issued, and what follows it.
    private struct Running {
        let rest: Unit
        let flags: EntryFlags
        /// The result that counts as success, when not every one above 0 does.
        let expected: Int32?
    }

    /// Units behind a drain, or draining themselves.
    private var waiting: [Unit] = []
    private var firstWaiting = 0
    private var waitingEntries = 0
    /// Chains whose next element may be issued.
    private var ready: [Unit] = []
    private var running: [RequestID: Running] = [:]
    private var cancelled: [RequestID] = []
    private var rejected: [Unit] = []
    private var refund = 0
    /// A drain has started and is not over.
    private var isBarred = false
    /// Whether anything here has to hear of completions.
    private(set) var isActive = false

    /// Whether what is accepted now has to wait.
    var holds: Bool { isBarred || firstWaiting < waiting.count }

    private mutating func update() {
        isActive =
            holds || !ready.isEmpty || !running.isEmpty || !cancelled.isEmpty || !rejected.isEmpty
            || refund > 0
    }

    // MARK: Accepting

    /// Takes a unit over, to be started when its time has come.
    mutating func hold(_ unit: Unit) {
        waiting.append(unit)
        waitingEntries += unit.remaining
        isActive = true
    }

    /// Takes a unit over again whose time had come, but that has to wait for its record: nothing goes before it.
    mutating func holdFirst(_ unit: Unit) {
        waiting.insert(unit, at: firstWaiting)
        waitingEntries += unit.remaining
        isActive = true
    }

    /// A chain that was proven goes on with its next element when `next` says so.
    mutating func proceed(_ unit: Unit) {
        ready.append(unit)
        isActive = true
    }

    /// The element is on its way; `answered` will tell of it. `rest` is what follows.
    mutating func issued(_ entry: Entry, rest: Unit) {
        running[entry.requestID] = Running(rest: rest, flags: entry.flags, expected: entry.completeResult)
        isActive = true
    }

    // MARK: Next

    /// What to do now; nil when nothing can be done before something is answered or recorded. `unanswered` counts all
    /// entries of the session without their last completion but streams; records up to `recorded` are on the disk.
    mutating func next(unanswered: Int, recorded: UInt64) -> Step? {
        defer { update() }
        if let id = cancelled.popLast() { return .cancel(id) }
        if let unit = rejected.popLast() { return .reject(unit) }
        if refund > 0 {
            defer { refund = 0 }
            return .refund(refund)
        }
        if let index = ready.firstIndex(where: { $0.record <= recorded }) {
            return .issue(ready.remove(at: index))
        }
        let outstanding = unanswered - waitingEntries
        if isBarred {
            guard outstanding == 0 else { return nil }
            isBarred = false
        }
        guard firstWaiting < waiting.count else { return nil }
        let unit = waiting[firstWaiting]
        guard !unit.drains || outstanding == 0, unit.record <= recorded else { return nil }
        takeFirstWaiting()
        isBarred = unit.drains
        return .start(unit)
    }

    private mutating func takeFirstWaiting() {
        waitingEntries -= waiting[firstWaiting].remaining
        firstWaiting += 1
        if firstWaiting == waiting.count || firstWaiting >= 1_024 {
            waiting.removeFirst(firstWaiting)
            firstWaiting = 0
        }
    }

    // MARK: Records

    /// Hands over all entries that were not issued yet.
    func forEachWaiting(_ body: (Entry) -> Void) {
        for unit in waiting[firstWaiting...] { unit.forEach(body) }
        for unit in ready { unit.forEach(body) }
        for element in running.values { element.rest.forEach(body) }
    }

    /// Whether something waits for a record after this one.
    func awaitsRecord(after record: UInt64) -> Bool {
        waiting[firstWaiting...].contains { $0.record > record } || ready.contains { $0.record > record }
    }

    /// Records after `recorded` and up to `last` will not be on the disk.
    mutating func failRecords(after recorded: UInt64, upTo last: UInt64) {
        defer { update() }
        let isLost = { (unit: Unit) in unit.record > recorded && unit.record <= last }
        let lost = waiting[firstWaiting...].filter(isLost)
        waitingEntries -= lost.reduce(0) { $0 + $1.remaining }
        rejected += lost + ready.filter(isLost)
        let kept = waiting[firstWaiting...].filter { !isLost($0) }
        waiting = Array(kept)
        firstWaiting = 0
        ready.removeAll(where: isLost)
    }

    // MARK: Answers

    /// An entry has got its last completion. False when the client is not to see it.
    mutating func answered(_ id: RequestID, result: Int32) -> Bool {
        guard let element = running.removeValue(forKey: id) else { return true }
        defer { update() }
        let isDone = result >= 0 && result == element.expected ?? result
        if isDone || element.flags.contains(.hardlink) {
            if element.rest.remaining > 0 { ready.append(element.rest) }
        } else {
            var rest = element.rest
            abandon(&rest) { _ in true }
        }
        return result < 0 || !element.flags.contains(.skipSuccess)
    }

    /// The result is how many entries it is that will not run.
    @discardableResult
    private mutating func abandon(_ unit: inout Unit, from isFirst: (Entry) -> Bool) -> Int {
        let (ids, charge) = unit.drop(from: isFirst)
        cancelled = ids.reversed() + cancelled
        refund += charge
        return ids.count
    }

    // MARK: Cancelling

    /// Ends entries that were not issued yet, and those of their chains behind them. The result is how many that were.
    mutating func cancel(_ isMeant: (Entry) -> Bool) -> Int {
        defer { update() }
        var count = 0
        for index in waiting.indices[firstWaiting...] {
            var unit = waiting[index]
            let ended = abandon(&unit, from: isMeant)
            waiting[index] = unit
            waitingEntries -= ended
            count += ended
        }
        for index in ready.indices {
            var unit = ready[index]
            count += abandon(&unit, from: isMeant)
            ready[index] = unit
        }
        for (id, element) in running {
            var rest = element.rest
            let ended = abandon(&rest, from: isMeant)
            guard ended > 0 else { continue }
            count += ended
            running[id] = Running(rest: rest, flags: element.flags, expected: element.expected)
        }
        return count
    }
}

extension Entry {
    /// The result of a transfer that has moved all it was to move; nil for what succeeds with any result above 0.
    fileprivate var completeResult: Int32? {
        switch operation {
        case .read: ReadArgument.decode(self).map { Int32(clamping: $0.count) }
        case .write: Int32(clamping: argument.count)
        default: nil
        }
    }
}
