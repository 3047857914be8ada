import RingProtocol

/// Who has which device for a time. A plain value: sessions are numbers, devices indices, time a parameter, and what
/// follows from a change is told as events, in order.
///
/// A device goes to who asked first: no request overtakes an earlier one that needs one of its devices. Each time it
/// goes to somebody its epoch rises, so that nobody can act on what he had before.
struct LeaseTable {
    typealias Device = DeviceTable.Index

    enum Timer: Hashable {
        case lease(UInt64)
        case request(Request)
    }

    struct Waiter {
        let demand: Demand
        let order: UInt64
        var told = 0
    }

    struct State {
        var epoch: UInt64 = 0
        var leases: [UInt64] = []
        /// Files of sessions that have it without a lease of their own.
        var implicit: [UInt64: (files: Int, isExclusive: Bool)] = [:]
        var isReleasing = false
        /// Requests in order.
        var queue: [Request] = []

        var isVacant: Bool { leases.isEmpty && implicit.isEmpty }
    }

    private(set) var states: [Device: State] = [:]
    private(set) var leases: [UInt64: Lease] = [:]
    private(set) var waiters: [Request: Waiter] = [:]
    private(set) var timers = TimerQueue<Timer>()
    private var lastLease: UInt64 = 0
    private var lastOrder: UInt64 = 0
    private var events: [Event] = []

    static let devicesPerLease = 16
    static let leasesPerSession = 64
    static let requestsPerSession = 16
    static let requestsPerDevice = 256
    /// Of those before a request, how many it is told.
    static let toldAhead = 8

    /// What has happened since the last time, in order.
    mutating func takeEvents() -> [Event] {
        defer { events = [] }
        return events
    }

    // MARK: Without asking

    /// A session opens a file of a device that can be leased: it has the device as long as it has files of it, unless it
    /// has a lease anyway.
    mutating func enter(_ session: UInt64, _ device: Device, isExclusive: Bool) throws(Obstacle) {
        guard !hasLease(session, device) else { return }
        if let known = states[device]?.implicit[session] {
            states[device]?.implicit[session] = (known.files + 1, known.isExclusive)
            return
        }
        if let obstacle = obstacle(session, device, isExclusive: isExclusive) { throw obstacle }
        if let first = states[device]?.queue.first {
            throw Obstacle(
                device: device, holders: [first.session], waiting: states[device]?.queue.count ?? 0,
                until: nil)
        }
        states[device, default: State()].epoch += 1
        states[device]?.implicit[session] = (1, isExclusive)
    }

    /// One of its files is closed.
    mutating func left(_ session: UInt64, _ device: Device) {
        guard let known = states[device]?.implicit[session] else { return }
        guard known.files == 1 else {
            states[device]?.implicit[session] = (known.files - 1, known.isExclusive)
            return
        }
        states[device]?.implicit[session] = nil
        vacate([device])
    }

    // MARK: Asking

    /// Gives the devices, all or none: now, or when `takeEvents` says so (nil). Throws `Obstacle` or `Misuse`.
    mutating func acquire(_ demand: Demand, now: UInt64) throws -> Lease? {
        let session = demand.request.session
        for device in demand.devices where hasLease(session, device) { throw Misuse.alreadyHeld(device) }
        guard leases(of: session).count < Self.leasesPerSession else { throw Misuse.tooManyLeases }
        guard let obstacle = firstObstacle(demand) else { return grant(demand, now: now) }
        guard demand.waitsUntil > now else { throw obstacle }
        let isFull = demand.devices.contains {
            (states[$0]?.queue.count ?? 0) >= Self.requestsPerDevice
        }
        guard !isFull, demands(of: session).count < Self.requestsPerSession else {
            throw Misuse.tooManyRequests
        }
        lastOrder += 1
        waiters[demand.request] = Waiter(demand: demand, order: lastOrder)
        timers.add(.request(demand.request), at: demand.waitsUntil)
        for device in demand.devices { states[device, default: State()].queue.append(demand.request) }
        tellPosition(demand.request)
        return nil
    }

    private func firstObstacle(_ demand: Demand) -> Obstacle? {
        for device in demand.devices {
            let session = demand.request.session
            if let found = obstacle(session, device, isExclusive: demand.isExclusive) { return found }
            guard let first = states[device]?.queue.first, first != demand.request else { continue }
            return Obstacle(
                device: device, holders: [first.session], waiting: states[device]?.queue.count ?? 0,
                until: nil)
        }
        return nil
    }

    private mutating func grant(_ demand: Demand, now: UInt64) -> Lease {
        lastLease += 1
        var lease = Lease(
            id: lastLease, isExclusive: demand.isExclusive, devices: [], owner: demand.request.session,
            deadline: now &+ demand.ttl)
        for device in demand.devices {
            var state = states[device] ?? State()
            state.epoch += 1
            state.leases.append(lease.id)
            state.implicit[lease.owner] = nil
            states[device] = state
            lease.devices.append((device, state.epoch))
        }
        leases[lease.id] = lease
        timers.add(.lease(lease.id), at: lease.deadline)
        return lease
    }

    /// Ends a request that waits. False when there is no such.
    mutating func cancel(_ request: Request) -> Bool {
        guard let waiter = forget(request) else { return false }
        promote(waiter.demand.devices)
        return true
    }

    private mutating func forget(_ request: Request) -> Waiter? {
        guard let waiter = waiters.removeValue(forKey: request) else { return nil }
        timers.remove(.request(request))
        for device in waiter.demand.devices { states[device]?.queue.removeAll { $0 == request } }
        return waiter
    }

    // MARK: Holding

    /// Sets the time left.
    mutating func renew(_ id: UInt64, by session: UInt64, ttl: UInt64, now: UInt64) throws(Misuse) {
        _ = try owned(id, session)
        leases[id]?.deadline = now &+ ttl
        timers.add(.lease(id), at: now &+ ttl)
    }

    mutating func release(_ id: UInt64, by session: UInt64) throws(Misuse) {
        _ = try owned(id, session)
        end(id, .released)
    }

    /// The lease goes to another session, with new epochs; those who had it have it no more.
    mutating func transfer(_ id: UInt64, by session: UInt64, to receiver: UInt64) throws(Misuse) {
        var lease = try owned(id, session)
        for (device, _) in lease.devices where hasLease(receiver, device) && !lease.isOf(receiver) {
            throw .alreadyHeld(device)
        }
        events.append(
            .ended(
                lease: id, lease.devices.map(\.device), sessions: lease.sessions.filter { $0 != receiver },
                .transferred(to: receiver)))
        for index in lease.devices.indices {
            let device = lease.devices[index].device
            states[device]?.epoch += 1
            lease.devices[index].epoch = states[device]?.epoch ?? 0
        }
        lease.owner = receiver
        lease.guests = []
        leases[id] = lease
    }

    /// Lets another session have the devices too, until the lease ends.
    mutating func share(_ id: UInt64, by session: UInt64, with guest: UInt64) throws(Misuse) {
        let lease = try owned(id, session)
        guard !lease.isOf(guest) else { return }
        for (device, _) in lease.devices where hasLease(guest, device) { throw .alreadyHeld(device) }
        guard lease.guests.count < Self.leasesPerSession else { throw .tooManyLeases }
        leases[id]?.guests.append(guest)
    }

    private func owned(_ id: UInt64, _ session: UInt64) throws(Misuse) -> Lease {
        guard let lease = leases[id], lease.isOf(session) else { throw .unknownLease }
        guard lease.owner == session else { throw .notOwner }
        return lease
    }

    // MARK: Ends

    /// Ends what has had its time.
    mutating func expire(now: UInt64) {
        while let timer = timers.takeDue(now) {
            switch timer {
            case .lease(let id): end(id, .expired)
            case .request(let request):
                guard let waiter = waiters[request] else { continue }
                let obstacle =
                    firstObstacle(waiter.demand)
                    ?? Obstacle(device: waiter.demand.devices.first ?? 0, holders: [], waiting: 0, until: nil)
                _ = forget(request)
                events.append(.timedOut(request, obstacle))
                promote(waiter.demand.devices)
            }
        }
    }

    /// Takes a device away from all who have it.
    mutating func revoke(_ device: Device, _ ending: Ending) {
        for lease in leases(on: device) { end(lease.id, ending) }
        guard let files = states[device]?.implicit, !files.isEmpty else { return }
        states[device]?.implicit = [:]
        events.append(.ended(lease: 0, [device], sessions: files.keys.sorted(), ending))
        vacate([device])
    }

    /// Takes away what a session has on a device, because it may not have it any more.
    mutating func revoke(_ session: UInt64, _ device: Device) {
        for lease in leases(on: device) where lease.owner == session { end(lease.id, .policy) }
    }

    /// The session is over: its leases end, it waits no more, and it is nobody's guest. Its files are on their way out:
    /// the caller says `released` when they are closed.
    mutating func end(session: UInt64) {
        var wanted: Set<Device> = []
        for demand in demands(of: session) {
            _ = forget(demand.request)
            wanted.formUnion(demand.devices)
        }
        promote(wanted.sorted())
        for lease in leases(of: session) {
            if lease.owner == session {
                end(lease.id, .sessionEnded)
            } else {
                leases[lease.id]?.guests.removeAll { $0 == session }
            }
        }
        let opened = states.filter { $0.value.implicit[session] != nil }.keys.sorted()
        for device in opened { states[device]?.implicit[session] = nil }
        vacate(opened)
    }

    /// Answers for those who wait for a device that an operator took away; the result are their requests.
    mutating func dismissWaiting(_ device: Device) -> [Request] {
        let requests = waiting(device)
        var devices: Set<Device> = []
        for request in requests { devices.formUnion(forget(request)?.demand.devices ?? []) }
        promote(devices.sorted())
        return requests
    }

    private mutating func end(_ id: UInt64, _ ending: Ending) {
        guard let lease = leases.removeValue(forKey: id) else { return }
        timers.remove(.lease(id))
        let devices = lease.devices.map(\.device)
        for device in devices { states[device]?.leases.removeAll { $0 == id } }
        events.append(.ended(lease: id, devices, sessions: lease.sessions, ending))
        vacate(devices)
    }

    /// Nobody may have the devices any more; where somebody still does, the next may come to it.
    private mutating func vacate(_ devices: [Device]) {
        for device in devices where states[device]?.isVacant == true && states[device]?.isReleasing == false {
            states[device]?.isReleasing = true
            events.append(.vacated(device))
        }
        promote(devices)
    }

    /// What was to be done on a vacated device is done: it may go to the next.
    mutating func released(_ device: Device) {
        guard states[device]?.isReleasing == true else { return }
        states[device]?.isReleasing = false
        promote([device])
    }

    // MARK: Who is next

    /// Gives devices that have become free to those whose turn it is, and tells the others where they are.
    private mutating func promote(_ devices: [Device]) {
        var changed = Set(devices)
        var open = devices
        while let device = open.popLast() {
            guard let request = states[device]?.queue.first, let waiter = waiters[request] else { continue }
            guard firstObstacle(waiter.demand) == nil else { continue }
            _ = forget(request)
            let lease = grant(waiter.demand, now: clock)
            events.append(.granted(request, lease))
            changed.formUnion(waiter.demand.devices)
            open.append(contentsOf: waiter.demand.devices)
        }
        for device in changed.sorted() { for request in waiting(device) { tellPosition(request) } }
    }

    /// The time of the last call that told it, for leases that begin because something else ended.
    private(set) var clock: UInt64 = 0

    /// Tells the table what time it is; to be called before anything that may end a lease.
    mutating func advance(to now: UInt64) { clock = max(clock, now) }

    private mutating func tellPosition(_ request: Request) {
        guard var waiter = waiters[request], waiter.demand.wantsPosition else { return }
        let position = position(request)
        guard position != waiter.told else { return }
        waiter.told = position
        waiters[request] = waiter
        events.append(.position(request, position))
    }
}
