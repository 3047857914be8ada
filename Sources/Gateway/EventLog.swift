import Logging

/// What peers cause to be logged: each event while they are few, a count when there are many. Peers could
/// cause a million lines a second, and the log is written on the loop's thread.
struct EventLog {
    private let logger: Logger
    private var written = 0
    private var suppressed = 0

    /// Lines an interval may write.
    static let linesPerInterval = 20

    init(_ logger: Logger) { self.logger = logger }

    mutating func add(
        _ level: Logger.Level, _ message: Logger.Message, _ peer: PeerAddress,
        _ details: @autoclosure () -> Logger.Metadata = [:]
    ) {
        guard logger.logLevel <= level else { return }
        guard written < Self.linesPerInterval else {
            suppressed += 1
            return
        }
        written += 1
        var metadata = details()
        metadata["peer"] = "\(peer)"
        logger.log(level: level, message, metadata: metadata)
    }

    /// To be called at every tick of the loop.
    mutating func endInterval() {
        if suppressed > 0 { logger.warning("more events not shown", metadata: ["count": "\(suppressed)"]) }
        written = 0
        suppressed = 0
    }
}
