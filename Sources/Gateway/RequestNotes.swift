import Logging
import RingAdministration

/// What was denied or observed, kept for administration: each request while they are few, a count when there
/// are many. Peers could cause a million a second.
struct RequestNotes {
    private(set) var log = RequestLog()
    /// Entries that were denied, by devices that the policy has or had.
    private(set) var denied: [String: Int] = [:]
    private var kept = 0
    private var dropped = 0

    /// Requests that an interval may add.
    static let requestsPerInterval = 256

    mutating func add(_ request: @autoclosure () -> LoggedRequest) {
        guard kept < Self.requestsPerInterval else {
            dropped += 1
            return
        }
        kept += 1
        log.add(request())
    }

    mutating func countDenial(on device: String) { denied[device, default: 0] += 1 }

    /// To be called at every tick of the loop.
    mutating func endInterval(_ logger: Logger) {
        if dropped > 0 {
            logger.warning(
                "more denied or observed requests than are kept", metadata: ["count": "\(dropped)"])
        }
        (kept, dropped) = (0, 0)
    }
}
