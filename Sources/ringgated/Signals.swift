import Foundation
import RingGateway

/// SIGTERM and SIGINT as orders to the gateway.
enum Signals {
    private static func termination() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGTERM)
        sigaddset(&set, SIGINT)
        return set
    }

    /// Before any thread is made, so that all inherit it: the signals then wait for `drain`.
    static func blockTermination() {
        signal(SIGPIPE, SIG_IGN)
        var set = termination()
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Takes signals on a thread of its own: the first drains the gateway, the second stops it.
    static func drain(_ gateway: Gateway) {
        Thread.detachNewThread {
            var set = termination()
            var signal: Int32 = 0
            sigwait(&set, &signal)
            gateway.drain()
            sigwait(&set, &signal)
            gateway.stop()
        }
    }
}
