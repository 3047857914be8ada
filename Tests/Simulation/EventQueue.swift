/// What will happen, in order of time; at the same time in the order it was added.
struct EventQueue<Event> {
    private var events: [(due: UInt64, event: Event)] = []

    var next: UInt64? { events.first?.due }
    var isEmpty: Bool { events.isEmpty }

    mutating func add(_ event: Event, at due: UInt64) {
        var (low, high) = (0, events.count)
        while low < high {
            let middle = (low + high) / 2
            if events[middle].due <= due { low = middle + 1 } else { high = middle }
        }
        events.insert((due, event), at: low)
    }

    mutating func takeDue(_ now: UInt64) -> Event? {
        guard let first = events.first, first.due <= now else { return nil }
        return events.removeFirst().event
    }

    mutating func removeAll(where isGone: (_ due: UInt64, _ event: Event) -> Bool) {
        events.removeAll { isGone($0.due, $0.event) }
    }
}
