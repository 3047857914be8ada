import Foundation
import Logging
import RingAudit

/// Lines of JSON (RFC 8259) on standard error, for programs that collect logs: `time`, `level`, `message`, and each value of the
/// metadata under its own name.
struct JSONLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = metadata.merging(event.metadata ?? [:]) { $1 }.mapValues { "\($0)" }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        line["time"] = UTCTime.text(nanoseconds: UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec))
        line["level"] = event.level.rawValue
        line["message"] = "\(event.message)"
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let json = try? encoder.encode(line) else { return }
        // With one write(2), so that lines of several threads do not mix. There is nowhere to complain about a failure.
        _ = (Array(json) + [UInt8(ascii: "\n")]).withUnsafeBytes {
            write(STDERR_FILENO, $0.baseAddress, $0.count)
        }
    }
}
