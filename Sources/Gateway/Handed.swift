import RingDeviceLink
import RingEngine
import RingPolicy
import RingProtocol

/// An entry on its way to the loop that has its device. That loop decides it again by the same grant: a decision never
/// leaves the thread that made it.
struct HandedEntry: Sendable {
    let bytes: [UInt8]
    let grant: Grant
    let file: OpenFileID
    let tag: OperationTag
    let waitsForInput: Bool
    let isRepeated: Bool
    /// The one other file whose descriptor the command may take.
    let lent: HeldSlot?
    /// Whether it is to give a file, so that its end frees a slot.
    let gives: Bool
    /// On whose behalf, for who looks that up by itself; nil for the gateway's own.
    let authority: Authority?

    init(
        _ entry: Entry, by grant: Grant, on file: OpenFileID, _ tag: OperationTag, lent: HeldSlot? = nil,
        gives: Bool = false, authority: Authority? = nil, waitsForInput: Bool = false,
        isRepeated: Bool = false
    ) {
        bytes = [UInt8](unsafeUninitializedCapacity: entry.size) { buffer, count in
            entry.encode(into: UnsafeMutableRawBufferPointer(buffer))
            count = entry.size
        }
        self.grant = grant
        self.file = file
        self.tag = tag
        self.lent = lent
        self.gives = gives
        self.authority = authority
        self.waitsForInput = waitsForInput
        self.isRepeated = isRepeated
    }

    /// Lends the entry, whose argument lives as long as the call.
    func withEntry(_ body: (Entry) -> Void) {
        bytes.withUnsafeBytes { bytes in
            var run = EntryRun(proven: WireBytes(bytes), count: 1)
            if let entry = run.next() { body(entry) }
        }
    }
}

/// The right to open a device on its way to the loop that has the device. Used once, as the right itself.
///
/// `@unchecked Sendable` is sound because it is in one thread's hands at a time: the mailbox passes it on.
final class HandedOpen: @unchecked Sendable {
    private var authorized: AuthorizedOpen?
    let tag: OperationTag
    /// On whose behalf, for who looks that up by itself; nil for the gateway's own.
    let authority: Authority?

    init(_ authorized: consuming AuthorizedOpen, _ tag: OperationTag, authority: Authority?) {
        self.authorized = consume authorized
        self.tag = tag
        self.authority = authority
    }

    func take() -> AuthorizedOpen? { authorized.take() }
}

/// What became of an operation, on its way to the loop that asked for it.
struct HandedCompletion: Sendable {
    let tag: OperationTag
    /// The loop that ran it.
    let from: UInt8
    private let kind: EngineCompletion.Kind
    private let outcome: DeviceAnswer.Outcome
    /// Events of the operation that were dropped before this one, because the loop did not take them.
    let lost: UInt64

    init(_ completion: EngineCompletion, from loop: UInt8, lost: UInt64) {
        self.init(DeviceAnswer.Outcome(completion), completion.tag, completion.kind, from: loop, lost: lost)
    }

    /// Of what the engine there refused.
    init(
        refused refusal: Refusal, _ tag: OperationTag, _ kind: EngineCompletion.Kind, from loop: UInt8
    ) {
        self.init(DeviceAnswer.Outcome(kind, refusal: refusal), tag, kind, from: loop)
    }

    /// Of what a device's own process has told; what kind it is, is for who asked to say.
    init(
        _ outcome: DeviceAnswer.Outcome, _ tag: OperationTag, _ kind: EngineCompletion.Kind, from loop: UInt8,
        lost: UInt64 = 0
    ) {
        self.tag = tag
        from = loop
        self.kind = kind
        self.outcome = outcome
        self.lost = lost
    }

    /// Whether more of the operation will come.
    var hasMore: Bool { outcome.hasMore }

    /// Whether it ends something that was counted when it was handed over.
    var endsOperation: Bool {
        switch kind {
        case .operation, .opened, .notOpened, .gave, .gaveNothing: !hasMore
        case .closed, .cancelled: false
        }
    }

    /// Lends it as the engine would give it.
    func withCompletion(_ body: (UnsafePointer<EngineCompletion>) -> Void) {
        outcome.payload.withUnsafeBytes { bytes in
            let completion = EngineCompletion(
                tag: tag, kind: kind, result: outcome.result, engine: outcome.engine,
                deviceTime: outcome.deviceTime, isIndeterminate: outcome.isIndeterminate,
                hasMore: outcome.hasMore, refusal: outcome.refusal, payload: bytes)
            withUnsafePointer(to: completion, body)
        }
    }
}

/// A connection on its way to the loop that has, or will have, its session. Closed if it never arrives.
///
/// `@unchecked Sendable` is sound because it is in one thread's hands at a time: the mailbox passes it on, and TLS state has
/// no ties to a thread.
final class HandedConnection: @unchecked Sendable {
    private var connection: Connection?
    let hello: Hello

    init(_ connection: consuming Connection, _ hello: Hello) {
        self.connection = consume connection
        self.hello = hello
    }

    func take() -> Connection? { connection.take() }
}
