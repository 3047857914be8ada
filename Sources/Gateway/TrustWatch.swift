import Glibc
import Logging
import RingEngine
import Synchronization

/// Notices that certificate files are others than before: a thread that looks at them every second, whatever way they were
/// replaced (renamed, rewritten, behind a link that points elsewhere now), and reads them when they have stayed the same
/// from one look to the next.
final class TrustWatch: Sendable {
    /// What was read at the start.
    let first: Trust
    private let files: TrustFiles
    private let logger: Logger
    private let report: @Sendable (Trust) -> Void
    private let wake: WakeSignal
    private let isAsked = Atomic(false)
    private let isStopping = Atomic(false)
    private let ending = LoopEnding()

    /// Reads the files. `report` is called on the watch's own thread with what they hold later.
    init(
        _ files: TrustFiles, _ logger: Logger, report: @escaping @Sendable (Trust) -> Void
    ) throws(GatewayError) {
        first = try Trust(files)
        self.files = files
        self.logger = logger
        self.report = report
        do throws(EngineError) { wake = try WakeSignal() } catch { throw .engine(error) }
    }

    /// Starts the thread. Called once.
    func begin() throws(EngineError) {
        try DetachedThread.spawn { [self] in
            run()
            OpenSSLThread.end()
            ending.arrive()
        }
    }

    /// Looks now, and reads the files even if they are the same.
    func look() {
        isAsked.store(true, ordering: .releasing)
        wake.signal()
    }

    /// Ends the thread, and returns when it has ended.
    func stop() {
        isStopping.store(true, ordering: .releasing)
        wake.signal()
        ending.wait()
    }

    private func run() {
        var known = files.all.map(FileStamp.init)
        var seen = known
        while !isStopping.load(ordering: .acquiring) {
            sleep()
            let stamps = files.all.map(FileStamp.init)
            let isAsked = isAsked.exchange(false, ordering: .acquiring)
            if isAsked || (stamps == seen && stamps != known) {
                known = stamps
                read()
            }
            seen = stamps
        }
    }

    private func sleep() {
        var ready = pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0)
        if poll(&ready, 1, GatewayLimits.trustInterval) > 0 {
            var count: UInt64 = 0
            _ = Glibc.read(wake.descriptor, &count, 8)
        }
        wake.acknowledge()
    }

    /// What cannot be used changes nothing; the next change is another chance.
    private func read() {
        do throws(GatewayError) { report(try Trust(files)) } catch {
            logger.error("certificates stay as they were", metadata: ["reason": "\(error)"])
        }
    }
}

/// By what a file is recognized as the same.
private struct FileStamp: Equatable {
    private var numbers: [Int64] = []

    init(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        numbers = [
            Int64(truncatingIfNeeded: status.st_dev), Int64(truncatingIfNeeded: status.st_ino),
            Int64(status.st_size), Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec),
            Int64(status.st_ctim.tv_sec), Int64(status.st_ctim.tv_nsec),
        ]
    }
}
