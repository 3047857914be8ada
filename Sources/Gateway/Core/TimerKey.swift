import RingProtocol

/// What a timer of the loop is about.
enum TimerKey: Hashable {
    /// A timeout entry of a session.
    case delay(Place, RequestID)
    /// The deadline of an entry that runs.
    case deadline(Place, RequestID)
    /// The next lease that ends, or request for one.
    case leases
    /// A step of a procedure that waits.
    case procedure(Int)
}
