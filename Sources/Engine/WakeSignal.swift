import CLiburing
import Glibc
import Synchronization

/// An eventfd through which other threads and device rings wake the loop.
///
/// Nobody reads it: the network ring's multishot poll reports each new signal. `isPending` keeps a busy worker
/// from signalling more than once between two looks of the loop.
package final class WakeSignal: Sendable {
    package let descriptor: Int32
    private let isPending = Atomic(false)

    package init() throws(EngineError) {
        descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
        guard descriptor >= 0 else { throw .failed(call: "eventfd", errno: errno) }
    }

    deinit { close(descriptor) }

    /// Wakes the loop, from any thread.
    package func signal() {
        guard !isPending.exchange(true, ordering: .sequentiallyConsistent) else { return }
        var one: UInt64 = 1
        _ = Glibc.write(descriptor, &one, 8)
    }

    /// Blocks until there was a signal, for a thread that has nothing else to wait for; signals from then on count again.
    package func wait() {
        var source = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        poll(&source, 1, -1)
        takeSignal()
    }

    /// The same without waiting, for who has waited with others: whoever polls needs it read.
    package func takeSignal() {
        var count: UInt64 = 0
        _ = read(descriptor, &count, 8)
        // Not before: a signal in between would be read, and stay pending for good.
        acknowledge()
    }

    /// The loop is about to look for work: signals from now on count again.
    package func acknowledge() { isPending.store(false, ordering: .sequentiallyConsistent) }
}
