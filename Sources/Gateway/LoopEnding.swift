import Glibc
import RingEngine

/// The hand-over from a starting loop to its starter.
///
/// `@unchecked Sendable` is sound because `outcome` is touched only while `lock` is held.
final class LoopStart: @unchecked Sendable {
    private let lock = ThreadLock()
    private var outcome: Result<EngineCounters, GatewayError>?

    func succeed(_ counters: EngineCounters) { finish(.success(counters)) }
    func fail(_ error: GatewayError) { finish(.failure(error)) }

    private func finish(_ outcome: Result<EngineCounters, GatewayError>) {
        lock.locked {
            self.outcome = outcome
            lock.signal()
        }
    }

    /// Waits until the loop runs; what its engine counts.
    func wait() throws(GatewayError) -> EngineCounters {
        try lock.locked { () -> Result<EngineCounters, GatewayError> in
            while true {
                if let outcome { return outcome }
                lock.wait()
            }
        }.get()
    }
}

/// Tells any number of threads that a loop has ended.
///
/// `@unchecked Sendable` is sound because `hasArrived` is touched only while `lock` is held.
final class LoopEnding: @unchecked Sendable {
    private let lock = ThreadLock()
    private var hasArrived = false

    func arrive() {
        lock.locked {
            hasArrived = true
            lock.signalAll()
        }
    }

    func wait() {
        lock.locked { while !hasArrived { lock.wait() } }
    }

    /// The same until so many nanoseconds of CLOCK_MONOTONIC. False when it has not ended by then.
    func wait(until deadline: UInt64) -> Bool {
        lock.locked {
            while !hasArrived { if !lock.wait(until: deadline) { break } }
            return hasArrived
        }
    }
}
