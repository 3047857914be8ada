import RingPolicy
import RingProtocol

/// Asks to end operations of one session before they are done.
public struct CancelOrder: Sendable {
    public enum Target: Sendable, Equatable {
        case request(RequestID)
        /// All on a file.
        case file(OpenFileID)
        /// All of the session.
        case session
    }

    public let session: UInt32
    public let generation: UInt32
    public let target: Target
    /// Their time is over: they end with -ETIME instead of -ECANCELED.
    public let isExpiry: Bool
    /// Whom to tell what came of it; nil for nobody.
    public let tag: OperationTag?
    /// Entries that were ended before they got here, for an order that is answered with a number.
    public let alreadyEnded: Int32

    public init(
        session: UInt32, generation: UInt32, _ target: Target, isExpiry: Bool = false,
        tag: OperationTag? = nil, alreadyEnded: Int32 = 0
    ) {
        self.session = session
        self.generation = generation
        self.target = target
        self.isExpiry = isExpiry
        self.tag = tag
        self.alreadyEnded = alreadyEnded
    }
}

/// Orders to be found by the operations they mean, so that many orders take one look at each operation.
struct CancelIndex {
    private struct Owner: Hashable {
        let session: UInt32
        let generation: UInt32
    }
    private struct Request: Hashable {
        let owner: Owner
        let id: RequestID
    }

    let orders: [CancelOrder]
    private var requests: [Request: [Int]] = [:]
    private var files: [UInt32: [Int]] = [:]
    private var sessions: [Owner: [Int]] = [:]

    init(_ orders: [CancelOrder]) {
        self.orders = orders
        for (index, order) in orders.enumerated() {
            let owner = Owner(session: order.session, generation: order.generation)
            switch order.target {
            case .request(let id): requests[Request(owner: owner, id: id), default: []].append(index)
            case .file(let file): files[file.index, default: []].append(index)
            case .session: sessions[owner, default: []].append(index)
            }
        }
    }

    /// The orders that mean this operation, as indices.
    func orders(for operation: borrowing Operation) -> [Int] {
        let owner = Owner(session: operation.tag.session, generation: operation.tag.generation)
        var found: [Int] = []
        if !requests.isEmpty {
            found += requests[Request(owner: owner, id: operation.tag.requestID)] ?? []
        }
        if !files.isEmpty {
            for index in files[operation.file] ?? []
            where orders[index].session == owner.session && orders[index].generation == owner.generation {
                found.append(index)
            }
        }
        if !sessions.isEmpty { found += sessions[owner] ?? [] }
        return found
    }
}
