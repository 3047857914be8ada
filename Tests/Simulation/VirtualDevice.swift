import TestSupport

/// A device that answers calls after a while, well, badly, late or never. `Call` names a call and is used once.
struct VirtualDevice<Call: Hashable> {
    struct Outcome: Equatable {
        let call: Call
        /// As of a system call: not negative, or a negated errno.
        let result: Int32
    }

    /// Chances in percent, times in nanoseconds.
    struct Manner {
        var delay: ClosedRange<UInt64> = 1_000...1_000_000
        var failures = 0
        /// Negated errnos to draw from.
        var errors: [Int32] = [-5, -16]  // EIO, EBUSY
        /// Calls that do not come back by themselves and that no cancellation ends.
        var stuck = 0
        /// Of these, those that come back after all, and when.
        var late = 0
        var lateness: ClosedRange<UInt64> = 1_000_000_000...100_000_000_000
    }

    enum Cancellation {
        /// The call comes back with -ECANCELED, after a while.
        case accepted
        /// It runs on.
        case ignored
        /// There is no such call, or it has come back.
        case unknown
    }

    static var cancelled: Int32 { -125 }  // ECANCELED

    var manner: Manner
    private var random: SeededRandom
    private var outcomes = EventQueue<Outcome>()
    private(set) var running: Set<Call> = []
    /// Of the running, those that do not mind a cancellation.
    private(set) var stuck: Set<Call> = []

    init(_ manner: Manner = Manner(), random: SeededRandom) {
        self.manner = manner
        self.random = random
    }

    /// When the next call comes back.
    var next: UInt64? { outcomes.next }

    /// Begins a call that would succeed with `result`.
    mutating func begin(_ call: Call, result: Int32 = 0, now: UInt64) {
        precondition(running.insert(call).inserted, "the call runs already")
        let isFailure = random.happens(manner.failures)
        let outcome = Outcome(call: call, result: isFailure ? random.pick(manner.errors) ?? -5 : result)
        if random.happens(manner.stuck) {
            stuck.insert(call)
            if random.happens(manner.late) {
                outcomes.add(outcome, at: now &+ random.number(manner.lateness))
            }
        } else {
            outcomes.add(outcome, at: now &+ random.number(manner.delay))
        }
    }

    /// Asks a call to end early.
    mutating func cancel(_ call: Call, now: UInt64) -> Cancellation {
        guard running.contains(call) else { return .unknown }
        guard !stuck.contains(call) else { return .ignored }
        outcomes.removeAll { $1.call == call }
        outcomes.add(Outcome(call: call, result: Self.cancelled), at: now &+ random.number(manner.delay))
        return .accepted
    }

    /// Lets a stuck call come back now.
    mutating func release(_ call: Call, result: Int32, now: UInt64) {
        guard stuck.contains(call) else { return }
        outcomes.removeAll { $1.call == call }
        outcomes.add(Outcome(call: call, result: result), at: now)
    }

    /// The next call that comes back.
    mutating func takeDue(_ now: UInt64) -> Outcome? {
        guard let outcome = outcomes.takeDue(now) else { return nil }
        running.remove(outcome.call)
        stuck.remove(outcome.call)
        return outcome
    }
}
