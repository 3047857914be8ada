import RingEngine
import RingPolicy
import Synchronization

/// Orders from other threads to the loop.
final class Mailbox: Sendable {
    enum Order: Sendable {
        /// Answer what was accepted, take nothing new, then end.
        case drain
        /// End as soon as the kernel has let go.
        case stop
        /// Put this policy in force.
        case apply(PolicySnapshot)
        /// Read the policy file again.
        case reload
        /// Nodes of devices came or went.
        case nodesChanged([DeviceChange])
        /// The administrator is done with what it was asked last.
        case administered(AdministrationDesk.Outcome)
    }

    private let orders = Mutex<[Order]>([])
    let wake: WakeSignal

    init(wake: WakeSignal) { self.wake = wake }

    func post(_ order: Order) {
        orders.withLock { $0.append(order) }
        wake.signal()
    }

    func take() -> [Order] {
        orders.withLock { orders in
            defer { orders = [] }
            return orders
        }
    }
}
