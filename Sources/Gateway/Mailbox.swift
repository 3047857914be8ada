import RingAdministration
import RingEngine
import RingPolicy
import RingProtocol
import Synchronization

/// What other threads want of a loop: the gateway's owner, its helpers, and the other loops.
final class Mailbox: Sendable {
    enum Order: Sendable {
        /// Answer what was accepted, take nothing new, then end.
        case drain
        /// End as soon as the kernel has let go.
        case stop
        /// Put this policy in force; for the first loop.
        case apply(PolicySnapshot)
        /// Tell what all are doing; for the first loop.
        case status(@Sendable (GatewayStatus) -> Void)
        /// Read the policy file again; for the first loop.
        case reload
        /// The certificates, or what they are judged by, are others now; for the first loop.
        case renew(Trust)
        /// Of the intents that the loop waits for, those up to this one are in the audit log for good, or not at all.
        case recorded(upTo: UInt64, isDurable: Bool)
        /// Nodes of devices came or went; for the first loop.
        case nodesChanged([DeviceChange])
        /// The administrator is done with what it was asked last; for the first loop.
        case administered(AdministrationDesk.Outcome)

        // Between loops: operations on devices.
        case open(HandedOpen)
        case submit(HandedEntry)
        case close(OpenFileID, OperationTag?)
        case cancel(CancelOrder)
        case completed(HandedCompletion)

        // Between loops: what concerns sessions or all.
        case arrive(HandedConnection)
        case adopt(PolicySnapshot, Countdown)
        case trust(Trust)
        case ask(AdministrationDesk.Request)
        case give(AdministrationAnswer, OperationTag)
        case report(Gathering)
        case gathered(Gathering)
        case revoke(session: UInt64, reason: String)
        case refuse(LeaseTable.Request, Refusal)
        case lease(LeaseTable.Event)
        case announce(device: String, DeviceNews.Change, by: UInt64)
        case endSlots(DeviceTable.Index, SlotEnding)
        case endProcedures(DeviceTable.Index, Refusal)
        case resetLane(String, OperationTag)
        case pump(DeviceTable.Index)
        case endReader(ConsoleHub.Key)
    }

    private let orders = Mutex<[Order]>([])
    let wake: WakeSignal

    init(wake: WakeSignal) { self.wake = wake }

    func post(_ order: Order) {
        orders.withLock { $0.append(order) }
        wake.signal()
    }

    /// Takes all of `batch`, which is empty afterwards.
    func post(_ batch: inout [Order]) {
        orders.withLock { $0 += batch }
        batch.removeAll(keepingCapacity: true)
        wake.signal()
    }

    /// Orders that have not been taken.
    var backlog: Int { orders.withLock { $0.count } }

    func take() -> [Order] {
        orders.withLock { orders in
            defer { orders = [] }
            return orders
        }
    }
}

/// Does something once as many have arrived as there are.
final class Countdown: Sendable {
    private let remaining: Atomic<Int>
    private let done: @Sendable () -> Void

    init(_ count: Int, _ done: @escaping @Sendable () -> Void) {
        remaining = Atomic(count)
        self.done = done
    }

    func arrive() {
        if remaining.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { done() }
    }
}
