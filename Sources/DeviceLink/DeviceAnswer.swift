import RingEngine
import RingPolicy
import RingProtocol

/// What a device's own process says.
public enum DeviceAnswer: Sendable {
    /// What became of an operation, or of one event of it.
    case completed(ticket: UInt32, Outcome)
    /// The policy file has been read again.
    case adopted(ticket: UInt32)
    case reset(ticket: UInt32, isReset: Bool)
    /// What the device's worker is doing.
    case lane(LaneState)

    public struct Outcome: Sendable {
        public let kind: EngineCompletion.Kind
        public let result: Int32
        public let engine: EngineKind
        /// Nanoseconds.
        public let deviceTime: UInt64
        public let isIndeterminate: Bool
        /// Whether more will come under the ticket.
        public let hasMore: Bool
        public let refusal: Refusal?
        public let payload: [UInt8]

        public init(_ completion: EngineCompletion) {
            kind = completion.kind
            result = completion.result
            engine = completion.engine
            deviceTime = completion.deviceTime
            isIndeterminate = completion.isIndeterminate
            hasMore = completion.hasMore
            refusal = completion.refusal
            payload = Array(completion.payload)
        }

        public init(
            _ kind: EngineCompletion.Kind, result: Int32 = 0, isIndeterminate: Bool = false,
            refusal: Refusal? = nil
        ) {
            self.kind = kind
            self.result = refusal?.result ?? result
            engine = .gateway
            deviceTime = 0
            self.isIndeterminate = isIndeterminate
            hasMore = false
            self.refusal = refusal
            payload = []
        }

        fileprivate init?(_ kind: EngineCompletion.Kind, _ message: DeviceMessage) {
            guard let engine = EngineKind(rawValue: UInt8(truncatingIfNeeded: message.second)),
                message.body.count <= Limits.payload
            else { return nil }
            self.kind = kind
            self.engine = engine
            result = Int32(bitPattern: message.first)
            deviceTime = message.number
            isIndeterminate = message.flags & Flag.isIndeterminate != 0
            hasMore = message.flags & Flag.hasMore != 0
            guard message.flags & Flag.isRefused != 0 else {
                refusal = nil
                payload = message.body
                return
            }
            payload = []
            let decoded = message.body.withUnsafeBytes { try? Refusal.decode(WireBytes($0)) }
            guard var decoded else { return nil }
            decoded.retryAfter = message.number
            refusal = decoded
        }
    }

    private enum Kind: UInt8 {
        case operation = 1
        case opened
        case notOpened
        case closed
        case cancelled
        case adopted
        case reset
        case lane
    }

    private enum Flag {
        static let isIndeterminate: UInt8 = 1
        static let hasMore: UInt8 = 2
        static let isRefused: UInt8 = 4
        static let isReset: UInt8 = 8
        static let isStuck: UInt8 = 16
        static let isRunning: UInt8 = 32
    }

    /// Writes the message behind `bytes`.
    public func append(to bytes: inout [UInt8]) { message.append(to: &bytes) }

    private var message: DeviceMessage {
        switch self {
        case .completed(let ticket, let outcome): return Self.message(ticket, outcome)
        case .adopted(let ticket): return DeviceMessage(kind: Kind.adopted.rawValue, ticket: ticket)
        case .reset(let ticket, let isReset):
            var message = DeviceMessage(kind: Kind.reset.rawValue, ticket: ticket)
            message.flags = isReset ? Flag.isReset : 0
            return message
        case .lane(let state):
            var message = DeviceMessage(kind: Kind.lane.rawValue)
            message.flags =
                (state.isStuck ? Flag.isStuck : 0) | (state.runningFor == nil ? 0 : Flag.isRunning)
            (message.first, message.second) = (
                UInt32(clamping: state.started), UInt32(clamping: state.operations)
            )
            message.number = state.runningFor ?? 0
            return message
        }
    }

    private static func message(_ ticket: UInt32, _ outcome: Outcome) -> DeviceMessage {
        var message = DeviceMessage(kind: Kind.operation.rawValue, ticket: ticket)
        switch outcome.kind {
        case .operation, .gave, .gaveNothing: break
        case .opened(let file):
            message.kind = Kind.opened.rawValue
            message.file = file.index
        case .notOpened: message.kind = Kind.notOpened.rawValue
        case .closed: message.kind = Kind.closed.rawValue
        case .cancelled: message.kind = Kind.cancelled.rawValue
        }
        message.flags =
            (outcome.isIndeterminate ? Flag.isIndeterminate : 0) | (outcome.hasMore ? Flag.hasMore : 0)
            | (outcome.refusal == nil ? 0 : Flag.isRefused)
        message.first = UInt32(bitPattern: outcome.result)
        message.second = UInt32(outcome.engine.rawValue)
        message.number = outcome.refusal?.retryAfter ?? outcome.deviceTime
        message.body = outcome.refusal?.encoded() ?? outcome.payload
        return message
    }

    /// nil for what is no answer.
    init?(_ message: DeviceMessage) {
        guard let kind = Kind(rawValue: message.kind) else { return nil }
        let (outcome, ticket): (EngineCompletion.Kind, UInt32)
        switch kind {
        case .operation: outcome = .operation
        case .opened: outcome = .opened(OpenFileID(message.file))
        case .notOpened: outcome = .notOpened
        case .closed: outcome = .closed
        case .cancelled: outcome = .cancelled
        case .adopted:
            self = .adopted(ticket: message.ticket)
            return
        case .reset:
            self = .reset(ticket: message.ticket, isReset: message.flags & Flag.isReset != 0)
            return
        case .lane:
            self = .lane(
                LaneState(
                    started: Int(message.first), operations: Int(message.second),
                    runningFor: message.flags & Flag.isRunning == 0 ? nil : message.number,
                    isStuck: message.flags & Flag.isStuck != 0))
            return
        }
        ticket = message.ticket
        guard let whole = Outcome(outcome, message) else { return nil }
        self = .completed(ticket: ticket, whole)
    }
}
