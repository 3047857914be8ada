import RingAudit
import RingEngine
import RingPolicy
import RingProtocol

/// What a loop remembers for the audit log.
struct LoopAudit {
    /// One entry of one session, as tags name it.
    struct Operation: Hashable {
        let session: UInt32
        let generation: UInt32
        let request: RequestID

        init(_ session: SessionPointer, _ request: RequestID) {
            self.session = session.pointee.place.index
            generation = session.pointee.tagGeneration
            self.request = request
        }

        init(_ tag: OperationTag) {
            (session, generation, request) = (tag.session, tag.generation, tag.requestID)
        }
    }

    /// An entry whose result belongs into the log.
    struct Awaited {
        let kind: AuditRecord.Kind
        let session: UInt64
        let identity: String
        let context: TraceContext?
        let device: String
        let command: String
        /// Whether it was given to the device.
        var hasStarted: Bool
        /// What it does, where no intent says that.
        var details: AuditRecord?
    }

    /// Refusals that are counted together.
    struct Denial: Hashable {
        let session: UInt64
        let identity: String
        let context: TraceContext?
        let device: String
        let operation: String
        let code: UInt32
        let rule: String
        let text: String
    }

    /// nil when none is kept.
    let log: AuditLog?
    /// Whether what is being decided is on the disk as an intent.
    var isCovered = false
    var awaited: [Operation: Awaited] = [:]
    var denials: [Denial: Int] = [:]
    /// Refusals beyond what is told apart.
    var otherDenials = 0
    /// The last intent whose fate is known, and the sessions that wait for later ones.
    var recorded: UInt64 = 0
    var waiting: Set<UInt64> = []
    /// When counts are written: CLOCK_MONOTONIC in nanoseconds.
    var nextCounts: UInt64 = 0

    /// Nanoseconds between records of counts.
    static let interval: UInt64 = 1_000_000_000
    /// Kinds of refusals that an interval tells apart.
    static let deniedKinds = 256
    /// Bytes of an administrative document that a record shows.
    static let shownDocument = 512

    init(log: AuditLog?) { self.log = log }

    /// Whether something must be put on record before it runs.
    @inline(__always)
    func mustRecord(_ command: borrowing AuthorizedCommand) -> Bool {
        command.isMutating && log != nil && !isCovered
    }
}
