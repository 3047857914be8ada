import Glibc

/// CLOCK_MONOTONIC and CLOCK_REALTIME in nanoseconds.
package enum KernelClock {
    @inline(__always)
    package static func monotonic() -> UInt64 { read(CLOCK_MONOTONIC) }
    package static func realtime() -> UInt64 { read(CLOCK_REALTIME) }
    /// Seconds since 1970.
    package static func realtimeSeconds() -> UInt64 { realtime() / 1_000_000_000 }

    @inline(__always)
    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
