import RingPolicy
import RingProtocol

@testable import RingEngine

/// A completion's facts, which outlive it.
struct Outcome: Equatable {
    enum Kind: Equatable {
        case operation
        case opened
        case notOpened
        case gave
        case gaveNothing
        case closed
        case cancelled
    }

    var id: UInt64
    var kind: Kind
    var result: Int32
    var engine: EngineKind
    var deviceTime: UInt64
    var isIndeterminate: Bool
    var refusal: RefusalReason?
    var text: String
    var payload: [UInt8]
    var file: OpenFileID?

    init(_ completion: EngineCompletion) {
        id = completion.tag.requestID.value
        result = completion.result
        engine = completion.engine
        deviceTime = completion.deviceTime
        isIndeterminate = completion.isIndeterminate
        refusal = completion.refusal?.reason
        text = completion.refusal?.text ?? ""
        payload = Array(completion.payload)
        switch completion.kind {
        case .operation: kind = .operation
        case .opened(let opened): (kind, file) = (.opened, opened)
        case .notOpened: kind = .notOpened
        case .gave(let given): (kind, file) = (.gave, given)
        case .gaveNothing: kind = .gaveNothing
        case .closed: kind = .closed
        case .cancelled: kind = .cancelled
        }
    }
}
