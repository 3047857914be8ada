import Glibc
import RingGateway

/// All that metrics, health and the page are made of, at one moment.
struct StatusReport: Sendable {
    /// What the process itself uses.
    struct Process: Sendable {
        /// Seconds of processor time.
        let processorTime: Double
        /// Bytes; nil where /proc does not tell.
        let residentMemory: Int?

        init() {
            var usage = rusage()
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
            processorTime = seconds(usage.ru_utime) + seconds(usage.ru_stime)
            residentMemory = Self.residentPages.map { $0 * sysconf(Int32(_SC_PAGESIZE)) }
        }

        /// The second number of /proc/self/statm (proc(5)).
        private static var residentPages: Int? {
            let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
            guard file >= 0 else { return nil }
            defer { close(file) }
            var bytes = [UInt8](repeating: 0, count: 128)
            let count = read(file, &bytes, bytes.count)
            let words = bytes.prefix(max(0, count)).split(separator: UInt8(ascii: " "))
            return words.count > 1 ? Int(String(decoding: words[1], as: UTF8.self)) : nil
        }
    }

    let version: String
    /// Seconds since 1970.
    let time: Double
    let status: GatewayStatus
    let certificates: [CertificateEnding]
    let auditHead: UInt64?
    /// Where the audit log is; nil without one.
    let auditDirectory: String?
    let isAuditFailing: Bool
    /// Counters by name, with what they count.
    let counters: [(name: String, help: String, value: Int)]
    let connections: Int
    let openFiles: Int
    let process = Process()

    init(_ status: GatewayStatus, of gateway: Gateway, trust: TrustFiles, version: String) {
        self.version = version
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        time = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
        self.status = status
        certificates = CertificateEnding.all(of: trust)
        auditHead = gateway.auditHead
        auditDirectory = gateway.auditDirectory
        isAuditFailing = gateway.isAuditFailing
        let (counters, engine) = (gateway.counters, gateway.engineCounters)
        connections = counters.open
        openFiles = engine.openFiles
        self.counters = [
            ("connections_accepted", "Connections accepted from the network.", counters.accepted),
            ("handshake_failures", "TLS handshakes that failed.", counters.handshakeFailures),
            ("peers_refused", "Peers with a good certificate that were refused.", counters.unknownPeers),
            ("frames", "Frames of clients that were whole.", counters.frames),
            ("denied_entries", "Entries that the policy denied.", counters.deniedEntries),
            ("protocol_errors", "Sessions ended because of malformed bytes.", counters.violations),
            ("ring_entries", "Entries handed to io_uring for clients.", engine.submittedRingEntries),
            ("ioctl_calls", "Calls of ioctl(2) for clients.", engine.submittedCalls),
            ("opens", "Calls of open(2) for clients.", engine.submittedOpens),
            ("expired_calls", "Calls that took or waited longer than they may.", engine.expiredCalls),
            ("stuck_calls", "Calls answered although they had not come back.", engine.stuckCalls),
            ("worker_resets", "Workers of devices that were replaced.", engine.resetLanes),
            ("release_failures", "Steps of a profile's release that failed.", engine.failedReleaseActions),
        ]
    }

    /// Why the gateway should get no new work; empty when it can take it.
    var troubles: [String] {
        var troubles: [String] = []
        if !status.isServing { troubles.append("the gateway is stopping") }
        if isAuditFailing { troubles.append("the audit log cannot be written") }
        troubles += certificates.filter { $0.left < 0 }.map(\.description)
        return troubles
    }
}
