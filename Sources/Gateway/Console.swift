import RingEngine
import RingPolicy

/// A device whose words the gateway reads itself, for all who look on and for later.
struct Console {
    enum State {
        /// Opened again at this time.
        case closed(until: UInt64)
        case opening
        case open(OpenFileID)
    }

    let terms: ConsoleTerms
    var hub: ConsoleHub
    let log: ConsoleLog?
    var state = State.closed(until: 0)
    /// Which opening of a console the state is about: what an earlier one's operations come to is no news of it.
    var opening: UInt16 = 0
    var grant: Grant?
    /// Of a replayed device, whose bytes are there once as a terminal's are: how far they were read.
    private(set) var taken: UInt64?

    /// In place of a session's number in the tags of its operations.
    static let tagSession = UInt32.max - 2
    /// Nanoseconds until a device that could not be opened, or has hung up, is tried again.
    static let retry: UInt64 = 1_000_000_000
    /// Bytes of one read.
    static let readSize = 4_096

    init(_ terms: ConsoleTerms, log: ConsoleLog?) {
        self.terms = terms
        self.log = log
        hub = ConsoleHub(scrollback: terms.scrollback)
    }

    /// Of a device that a recording answers for.
    static let replayTerms = ConsoleTerms(scrollback: ConsoleTerms.scrollbacks.upperBound)

    /// There is no file to be opened.
    mutating func becomeReplayed() {
        state = .closed(until: .max)
        taken = 0
    }

    mutating func took(_ event: ConsoleHub.Event) {
        if taken != nil { taken = event.position + UInt64(event.count) }
    }
}
