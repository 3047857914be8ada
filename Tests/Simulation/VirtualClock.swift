/// Nanoseconds that pass when the simulation says so, as CLOCK_MONOTONIC would count them.
struct VirtualClock {
    private(set) var now: UInt64

    /// Not 0, so that a forgotten time shows.
    init(now: UInt64 = 1_000_000_000) { self.now = now }

    /// Goes on to the earliest of these times; one that has passed already costs no time. False when there is none.
    mutating func advance(to times: UInt64?...) -> Bool {
        guard let next = times.compactMap(\.self).min() else { return false }
        now = max(now, next)
        return true
    }

    mutating func advance(by time: UInt64) { now += time }
}
