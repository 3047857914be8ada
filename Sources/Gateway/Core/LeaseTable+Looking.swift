import RingProtocol

/// Who has what, and who is in whose way.
extension LeaseTable {
    /// When something ends by its time.
    var nextDeadline: UInt64? { timers.next }

    func isReleasing(_ device: Device) -> Bool { states[device]?.isReleasing ?? false }

    func epoch(_ device: Device) -> UInt64 { states[device]?.epoch ?? 0 }

    /// Sessions that have the device, with a lease of their own or by its open files.
    func holders(_ device: Device) -> [UInt64] {
        guard let state = states[device] else { return [] }
        let explicit = state.leases.compactMap { leases[$0] }.flatMap(\.sessions)
        return Set(explicit + state.implicit.keys).sorted()
    }

    func waiting(_ device: Device) -> [Request] { states[device]?.queue ?? [] }
    func leases(on device: Device) -> [Lease] { (states[device]?.leases ?? []).compactMap { leases[$0] } }

    func leases(of session: UInt64) -> [Lease] {
        leases.values.filter { $0.isOf(session) }.sorted { $0.id < $1.id }
    }

    func demands(of session: UInt64) -> [Demand] {
        waiters.values.filter { $0.demand.request.session == session }
            .sorted { $0.order < $1.order }.map(\.demand)
    }

    /// 1 for who is next: how many requests before it want one of its devices, and it.
    func position(_ request: Request) -> Int {
        guard let waiter = waiters[request] else { return 0 }
        var ahead: Set<Request> = []
        for device in waiter.demand.devices {
            for other in states[device]?.queue ?? [] {
                guard other != request else { break }
                ahead.insert(other)
            }
        }
        return ahead.count + 1
    }

    /// Sessions that have the request's devices, then those that wait before it.
    func ahead(of request: Request) -> [UInt64] {
        guard let waiter = waiters[request] else { return [] }
        var sessions: [UInt64] = []
        for device in waiter.demand.devices {
            sessions += holders(device)
            sessions += (states[device]?.queue ?? []).prefix { $0 != request }.map(\.session)
        }
        var seen: Set<UInt64> = [request.session]
        return sessions.filter { seen.insert($0).inserted }
    }

    /// Who is in the way of a session that wants a lease on a device now; nil for nobody. Its own files are not, its
    /// other leases are.
    func obstacle(_ session: UInt64, _ device: Device, isExclusive: Bool) -> Obstacle? {
        guard let state = states[device] else { return nil }
        let others = state.leases.compactMap { leases[$0] }
        let files = state.implicit.filter { $0.key != session }
        let isTaken =
            isExclusive
            ? !others.isEmpty || !files.isEmpty
            : others.contains { $0.isExclusive } || files.contains { $0.value.isExclusive }
        guard isTaken || state.isReleasing else { return nil }
        return Obstacle(
            device: device, holders: Set(others.flatMap(\.sessions) + files.keys).sorted(),
            waiting: state.queue.count, until: files.isEmpty ? others.map(\.deadline).max() : nil)
    }

    /// Whether the session has a lease on the device from that very epoch.
    func holds(_ session: UInt64, _ device: Device, epoch: UInt64) -> Bool {
        guard let state = states[device] else { return false }
        if state.implicit[session] != nil, state.epoch == epoch { return true }
        return leases(on: device).contains { lease in
            lease.isOf(session) && lease.devices.contains { $0.device == device && $0.epoch == epoch }
        }
    }

    func hasLease(_ session: UInt64, _ device: Device) -> Bool {
        leases(on: device).contains { $0.isOf(session) }
    }
}
