import Glibc

/// Waits for a signal to stop, or for the parent's end.
struct StopSignals {
    private var signals = sigset_t()
    private let parent = getppid()

    /// Blocks the signals in this thread and all it starts, so that none is lost before the wait.
    init() {
        sigemptyset(&signals)
        for signal in [SIGTERM, SIGINT, SIGHUP] {
            sigaddset(&signals, signal)
        }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
    }

    /// The parent is looked up once a second: PR_SET_PDEATHSIG would tell at once, but it fires at the end of
    /// the parent's *thread*, and a test runner's threads come and go.
    func wait() {
        var signals = signals
        var second = timespec(tv_sec: 1, tv_nsec: 0)
        while sigtimedwait(&signals, nil, &second) < 0, getppid() == parent {}
    }
}
