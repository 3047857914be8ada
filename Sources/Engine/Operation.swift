import CLiburing
import RingPolicy
import RingProtocol

/// Whom an operation belongs to: carried through the engine unread and given back with the completion.
@frozen
public struct OperationTag: Equatable, Sendable {
    public let session: UInt32
    /// Tells a session from a later one in the same place.
    public let generation: UInt32
    public let requestID: RequestID
    /// The client's slot, for opens and closes.
    public let slot: FileSlot
    /// Argument and reply bytes that count against the session's credit until the completion.
    public let charge: UInt32

    @inlinable
    public init(session: UInt32, generation: UInt32, requestID: RequestID, slot: FileSlot, charge: UInt32 = 0)
    {
        self.session = session
        self.generation = generation
        self.requestID = requestID
        self.slot = slot
        self.charge = charge
    }
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
    }

    var kind = Kind.free
    var placement = Placement.none
    /// A running call that was asked to stop: its EINTR is the answer to that.
    var isCancelled = false
    /// The result was made after the call had begun and was given up.
    var isIndeterminate = false
    var file: UInt32 = 0
    var code: UInt32 = 0
    var result: Int32 = 0
    /// ioctl(2)'s descriptor; for open, the flags; for a transfer, the position.
    var value: UInt64 = 0
    /// Of a transfer.
    var action = AuthorizedCommand.Action.read
    /// Of an opened file: whether transfers on it may wait inside the driver.
    var mayWait = false
    var argumentSize = 0
    var blockSize = 0
    var replySize = 0
    /// Payload memory of at least max(argumentSize, replySize) bytes.
    var payload = UnsafeMutableRawPointer(bitPattern: 1).unsafelyUnwrapped
    /// Bytes of `payload` that were allocated for this operation alone; 0 when it is the inline block.
    var allocated = 0
    var started: UInt64 = 0
    var deviceTime: UInt64 = 0
    var tag = OperationTag(session: 0, generation: 0, requestID: RequestID(0), slot: FileSlot(0))
    /// Next in whichever list the operation is in: free, lane queue or finished.
    var next: UnsafeMutablePointer<Operation>?
}
