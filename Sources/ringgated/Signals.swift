import Foundation
import RingGateway

/// SIGTERM, SIGINT and SIGHUP as orders to the gateway.
enum Signals {
    private static func handled() -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&set, signal) }
        return set
    }

    /// Before any thread is made, so that all inherit it: the signals then wait for `obey`.
    static func block() {
        signal(SIGPIPE, SIG_IGN)
        // A file that may not grow is an error of its write, as a full disk is.
        signal(SIGXFSZ, SIG_IGN)
        var set = handled()
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Takes signals on a thread of its own: SIGHUP reads the policy again, the first of the others drains the
    /// gateway, the second stops it.
    static func obey(_ gateway: Gateway) {
        Thread.detachNewThread {
            var set = handled()
            var isDraining = false
            while true {
                var signal: Int32 = 0
                guard sigwait(&set, &signal) == 0 else { continue }
                switch (signal, isDraining) {
                case (SIGHUP, _): gateway.reload()
                case (_, false):
                    gateway.drain()
                    isDraining = true
                case (_, true): gateway.stop()
                }
            }
        }
    }
}
