import Glibc
import RingEngine

/// A detached thread for a loop. Signals of the process are not for it.
enum LoopThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    static func spawn(_ run: @escaping @Sendable () -> Void) throws(EngineError) {
        let context = Unmanaged.passRetained(Body(run)).toOpaque()
        var thread = pthread_t()
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let result = pthread_create(
            &thread, &attributes,
            { context in
                var signals = sigset_t()
                sigfillset(&signals)
                pthread_sigmask(SIG_SETMASK, &signals, nil)
                Unmanaged<Body>.fromOpaque(context.unsafelyUnwrapped).takeRetainedValue().run()
                return nil
            }, context)
        guard result == 0 else {
            Unmanaged<Body>.fromOpaque(context).release()
            throw .failed(call: "pthread_create", errno: result)
        }
    }
}

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
