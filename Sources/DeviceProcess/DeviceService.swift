import Glibc
import RingDeviceLink
import RingEngine
import RingPolicy
import RingProtocol

/// The process's own side: an engine of its own, which runs what the rules that it knows allow. Whatever it is asked may come
/// from a gateway that somebody has taken over.
public struct DeviceService: ~Copyable {
    private let device: String
    private var rules: DeviceRules
    private var engine: DeviceEngine
    private let wake: WakeSignal
    private var socket: DeviceSocket
    private var layout = Layout()
    private var cancels: [CancelOrder] = []
    /// Answers of this turn.
    private var answers: [UInt8] = []
    /// Files that are open and not being closed.
    private var open: Set<UInt32> = []
    private var hasGateway = true
    /// What the gateway knows of the worker, and when it was looked at.
    private var lane: LaneState?
    private var lastLook: UInt64 = 0

    /// Nanoseconds between two looks at what takes long.
    private static let tick: UInt64 = 200_000_000
    /// For what still runs when the gateway has gone.
    private static let patience: UInt64 = 2_000_000_000

    public init(
        _ device: String, on socket: Int32, policy: @escaping () -> PolicySnapshot
    ) throws(EngineError) {
        let wake = try WakeSignal()
        let engine = try DeviceEngine(wake: wake)
        self.wake = wake
        self.engine = engine
        self.device = device
        self.socket = DeviceSocket(socket)
        rules = DeviceRules(device, policy)
    }

    /// Until the gateway is gone, or says what is no order; then closes what is open, as the profile wants it closed.
    public mutating func run() {
        var deadline = UInt64.max
        while hasGateway || engine.openFiles > 0, KernelClock.monotonic() < deadline {
            let isReadable = sleep()
            engine.beginTurn(now: KernelClock.monotonic())
            if hasGateway, isReadable, !obey() {
                hasGateway = false
                deadline = KernelClock.monotonic() + Self.patience
                closeAll()
            }
            lookAround()
            engine.cancel(cancels)
            cancels.removeAll(keepingCapacity: true)
            engine.flush()
            collect()
            if hasGateway, !answers.isEmpty, !DeviceSocket.send(answers, to: socket.descriptor) {
                shutdown(socket.descriptor, Int32(SHUT_RD))
            }
            answers.removeAll(keepingCapacity: true)
        }
    }

    // MARK: One turn

    /// True when the gateway has sent something.
    private mutating func sleep() -> Bool {
        var sources = [
            pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: hasGateway ? socket.descriptor : -1, events: Int16(POLLIN), revents: 0),
        ]
        let isBusy = engine.openFiles > 0 || lane?.operations ?? 0 > 0
        let patience: Int32 = isBusy ? Int32(Self.tick / 1_000_000) : -1
        poll(&sources, 2, engine.prepareToSleep() ? patience : 0)
        wake.takeSignal()
        engine.wakeUp()
        return sources[1].revents != 0
    }

    /// Carries out the orders that have come. False when no more will come.
    private mutating func obey() -> Bool {
        guard socket.fill() else { return false }
        do throws(DeviceLinkError) {
            while let order = try socket.nextOrder() { obey(order) }
            return true
        } catch {
            return false
        }
    }

    private mutating func obey(_ order: DeviceOrder) {
        switch order {
        case .open(let ticket, let authority): open(ticket, authority)
        case .submit(let ticket, let entry): submit(ticket, entry)
        case .close(let ticket, let file): close(ticket, file)
        case .cancel(_, let order): cancels.append(order)
        case .resetLane(let ticket):
            DeviceAnswer.reset(ticket: ticket, isReset: engine.resetLane(device: device)).append(to: &answers)
        case .adopt(let ticket):
            rules.readAgain()
            DeviceAnswer.adopted(ticket: ticket).append(to: &answers)
        }
    }

    private mutating func open(_ ticket: UInt32, _ authority: Authority) {
        do throws(Refusal) {
            let authorized = try rules.authorizeOpen(by: authority)
            try engine.open(authorized, tag: Self.tag(ticket))
        } catch {
            DeviceAnswer.completed(ticket: ticket, .init(.notOpened, refusal: error)).append(to: &answers)
        }
    }

    private mutating func submit(_ ticket: UInt32, _ order: DeviceOrder.DeviceEntry) {
        let refusal =
            order.withEntry { entry -> Refusal? in
                do throws(Refusal) {
                    try run(entry, ticket, order)
                    return nil
                } catch {
                    return error
                }
            } ?? Refusal(.shape, "what the gateway has sent is no entry")
        if let refusal {
            DeviceAnswer.completed(ticket: ticket, .init(.operation, refusal: refusal)).append(to: &answers)
        }
    }

    private mutating func run(
        _ entry: Entry, _ ticket: UInt32, _ order: DeviceOrder.DeviceEntry
    ) throws(Refusal) {
        guard open.contains(order.file) else {
            throw Refusal(.slotNotOpen, "the file is not open in the device's process")
        }
        let command = try rules.grant(to: order.authority).authorize(
            entry, on: OpenFileID(order.file), &layout
        ) { _ in nil }
        let tag = OperationTag(
            session: order.session, generation: order.generation, requestID: entry.requestID,
            slot: entry.slot, charge: ticket)
        try engine.submit(
            command, tag: tag, waitsForInput: order.waitsForInput, isRepeated: order.isRepeated)
    }

    private mutating func close(_ ticket: UInt32, _ file: UInt32) {
        guard open.remove(file) != nil else {
            if ticket != 0 { DeviceAnswer.completed(ticket: ticket, .init(.closed)).append(to: &answers) }
            return
        }
        engine.close(OpenFileID(file), tag: ticket == 0 ? nil : Self.tag(ticket))
    }

    private mutating func closeAll() {
        for file in open { engine.close(OpenFileID(file), tag: nil) }
        open = []
    }

    /// The engine carries the ticket where a loop's tags have what counts against a session.
    private static func tag(_ ticket: UInt32) -> OperationTag {
        OperationTag(
            session: .max, generation: 0, requestID: RequestID(0), slot: FileSlot(0), charge: ticket)
    }

    // MARK: What became of it

    private mutating func collect() {
        engine.beginTurn(now: KernelClock.monotonic())
        while true {
            if let plain = engine.nextPlain() {
                add(EngineCompletion(plain))
            } else if let told = engine.next() {
                add(told.pointee)
            } else {
                return
            }
        }
    }

    private mutating func add(_ completion: EngineCompletion) {
        let ticket = completion.tag.charge
        if case .opened(let file) = completion.kind {
            guard hasGateway else { return engine.close(file, tag: nil) }
            open.insert(file.index)
        }
        if ticket != 0 { DeviceAnswer.completed(ticket: ticket, .init(completion)).append(to: &answers) }
    }

    /// Ends what has taken longer than it may, and tells what the worker is doing if that is news.
    private mutating func lookAround() {
        let now = KernelClock.monotonic()
        guard now >= lastLook + Self.tick else { return }
        lastLook = now
        engine.repeatCancellations()
        guard let state = engine.laneState(device: device), state != lane else { return }
        lane = state
        DeviceAnswer.lane(state).append(to: &answers)
    }
}
