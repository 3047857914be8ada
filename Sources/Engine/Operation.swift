import CLiburing
import Glibc
import RingPolicy
import RingProtocol

/// Whom an operation belongs to: carried through the engine unread and given back with the completion.
@frozen
public struct OperationTag: Hashable, Sendable {
    public let session: UInt32
    /// Tells a session from a later one in the same place.
    public let generation: UInt32
    public let requestID: RequestID
    /// The client's slot: what an open or a close names, or a command that gives a file fills.
    public let slot: FileSlot
    /// Argument and reply bytes that count against the session's credit until the completion.
    public let charge: UInt32
    /// What else counts it until the completion; 0 for nothing.
    public let meters: UInt32

    @inlinable
    public init(
        session: UInt32, generation: UInt32, requestID: RequestID, slot: FileSlot, charge: UInt32 = 0,
        meters: UInt32 = 0
    ) {
        self.session = session
        self.generation = generation
        self.requestID = requestID
        self.slot = slot
        self.charge = charge
        self.meters = meters
    }

    /// The same for another of the session's entries.
    @inline(__always)
    func of(_ requestID: RequestID) -> OperationTag {
        OperationTag(
            session: session, generation: generation, requestID: requestID, slot: slot, charge: charge,
            meters: meters)
    }

    /// Whether it differs in slot and request id alone, and has one that is answered.
    @inline(__always)
    func isOfSame(as other: OperationTag) -> Bool {
        flow == other.flow && charge == other.charge && meters == other.meters && requestID != .none
    }

    /// Whose turn it counts for at a worker.
    var flow: UInt64 { UInt64(generation) << 32 | UInt64(session) }

    /// Nobody: the completion will find no session.
    static let none = OperationTag(
        session: .max, generation: 0, requestID: .none, slot: FileSlot(0))
}

/// One operation in flight. Lives in the pool at a fixed address from acceptance until its result was taken.
///
/// The loop thread owns it, except between `CallLane.enqueue` and its arrival in the `FinishedList`: then the
/// lane does, and the loop reads nothing but the address.
struct Operation {
    enum Kind: UInt8 {
        case free
        case transfer
        case ringCommand
        case wideRingCommand
        case call
        case open
        case close

        /// A close runs however long it waited, and is what it is however it ends.
        var mayExpire: Bool { self == .call || self == .open }
    }

    /// Why a running call was asked to stop: its EINTR is the answer to that.
    enum Stop: UInt8 {
        case none
        case cancelled
        case expired
    }

    /// How an operation on a ring waits for readiness.
    enum Polling: UInt8 {
        case none
        /// Nothing but a poll.
        case once
        /// A read whose poll is under way; the read itself follows.
        case beforeRead
        /// Tells every time, until it is ended.
        case repeatedly
    }

    // Two cache lines. Of a command on a ring without a payload, which most are, only the first is touched.
    var kind = Kind.free
    var placement = Placement.none
    var stop = Stop.none
    /// The result was made after the call had begun and was given up.
    var isIndeterminate = false
    /// The client has been told already; what still comes back only frees what it held.
    var isAnswered = false
    /// Of a transfer.
    var action = AuthorizedCommand.Action.read
    /// Of an opened or given file.
    var transfers = TransferMode.parallel
    /// How a poll(2) takes part in a transfer.
    var polling = Polling.none
    var tag = OperationTag(session: 0, generation: 0, requestID: .none, slot: FileSlot(0))
    var file: UInt32 = 0
    /// When it was accepted: CLOCK_MONOTONIC in nanoseconds.
    var started: UInt64 = 0
    /// For a command that is more than one struct; lies in the payload memory.
    var plan: UnsafeMutablePointer<CallPlan>?
    /// Next in whichever list the operation is in: free, lane queue or finished.
    var next: UnsafeMutablePointer<Operation>?
    var code: UInt32 = 0
    /// Until there is one: how many polls of a transfer were woken for nothing.
    var result: Int32 = 0
    /// Milliseconds that a call may wait, and then run.
    var patience: UInt32 = 0
    /// The descriptor of ioctl(2) and close(2); for a transfer, the position.
    var value: UInt64 = 0
    /// Payload memory of at least max(argumentSize, replySize) bytes.
    var payload = UnsafeMutableRawPointer(bitPattern: 1).unsafelyUnwrapped
    /// Nanoseconds.
    var deviceTime: UInt64 = 0
    /// Bytes; all are far below 2 GiB.
    var argumentSize: Int32 = 0
    var blockSize: Int32 = 0
    var replySize: Int32 = 0
    /// Bytes of `payload` that were allocated for this operation alone; 0 when it is the inline block.
    var allocated: Int32 = 0
    /// What the worker must know of the file, for opens, closes and commands that give one; owned.
    var record: Unmanaged<DeviceFile>?

    /// One that may be in its second cache line as an earlier one has left it: nothing there is looked at.
    var isPlain: Bool { kind == .ringCommand && plan == nil }

    /// Makes it a plain one.
    @inline(__always)
    mutating func becomePlain(_ tag: OperationTag) {
        kind = .ringCommand
        stop = .none
        isIndeterminate = false
        isAnswered = false
        polling = .none
        plan = nil
        self.tag = tag
    }

    static let alignment = 64

    /// Nanoseconds that a call may wait, and then run.
    var timeout: UInt64 {
        get { UInt64(patience) * 1_000_000 }
        set { patience = UInt32(clamping: newValue / 1_000_000) }
    }

    /// What it counts in a worker's turns.
    var cost: Int { 1 + Int(max(argumentSize, replySize)) / 4_096 }

    /// Turns the EINTR of a call that was asked to stop into the reason.
    mutating func settle() {
        guard result == -EINTR, kind.mayExpire else { return }
        switch stop {
        case .none: return
        case .cancelled: result = -ECANCELED
        case .expired: result = -ETIME
        }
        isIndeterminate = true
    }
}
