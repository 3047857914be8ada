import Logging
import RingProtocol

/// Denials in the log: each one while they are few, a count when a client makes many.
struct DenialLog {
    private var written = 0
    private var suppressed = 0

    /// Lines an interval may write; a client could cause a million denials a second.
    static let linesPerInterval = 20

    mutating func add(_ refusal: Refusal, _ requestID: RequestID, _ peer: PeerAddress, _ logger: Logger) {
        guard written < Self.linesPerInterval else {
            suppressed += 1
            return
        }
        written += 1
        logger.info(
            "denied",
            metadata: [
                "peer": "\(peer)", "request": "\(requestID.value)", "rule": "\(refusal.rule)",
                "reason": "\(refusal.reason)", "text": "\(refusal.text)",
            ])
    }

    /// To be called at every tick of the loop.
    mutating func endInterval(_ logger: Logger) {
        if suppressed > 0 { logger.info("more denials", metadata: ["count": "\(suppressed)"]) }
        written = 0
        suppressed = 0
    }
}
