import Logging
import RingEngine
import RingPolicy
import RingProtocol

/// What follows from changes of leases: files are closed, devices made safe, and those who wait are told.
extension GatewayLoop {
    /// Carries out what the lease table says has happened. To be called after whatever may change it.
    mutating func settleLeases() {
        commons.enter()
        defer { commons.leave() }
        while true {
            let events = leases.takeEvents()
            guard !events.isEmpty else { break }
            for event in events { handle(event) }
        }
        if let next = leases.nextDeadline { timers.add(.leases, at: next) } else { timers.remove(.leases) }
    }

    /// The time of a lease, or of somebody's patience, is over.
    mutating func expireLeases() {
        commons.enter()
        defer { commons.leave() }
        leases.advance(to: now)
        leases.expire(now: now)
        settleLeases()
    }

    private mutating func handle(_ event: LeaseTable.Event) {
        switch event {
        case .granted(let request, let lease):
            for (device, _) in lease.devices { announce(devices[device].name, .leased, by: lease.owner) }
            pass(event, to: [request.session])
        case .timedOut(let request, _), .position(let request, _): pass(event, to: [request.session])
        case .ended(_, let devices, let sessions, let ending):
            for index in devices { auditLeaseEnd(index, sessions, ending) }
            pass(event, to: sessions)
        case .vacated(let device):
            devices[device].isVacated = true
            release(device)
        }
    }

    /// Lets the loops of the sessions know.
    private mutating func pass(_ event: LeaseTable.Event, to sessions: [UInt64]) {
        for loop in Set(sessions.map(commons.loop(of:))).sorted() {
            if loop == number { learn(event) } else { commons.mailboxes[Int(loop)].post(.lease(event)) }
        }
    }

    /// What an event means for sessions of this loop.
    mutating func learn(_ event: LeaseTable.Event) {
        commons.enter()
        defer { commons.leave() }
        switch event {
        case .granted(let request, let lease):
            guard let session = find(session: request.session) else { return }
            answer(request.id, with: LeaseDocument.json(described(lease)), session)
        case .timedOut(let request, let obstacle):
            guard let session = find(session: request.session) else { return }
            refuse(request.id, refusal(obstacle), session)
        case .position(let request, let position): tell(request, position)
        case .ended(_, let devices, let sessions, let ending):
            for session in sessions { closeFiles(of: session, on: devices, ending) }
        case .vacated: break
        }
    }

    /// The late commands of whoever had the devices find no file any more.
    private mutating func closeFiles(
        of number: UInt64, on indices: [DeviceTable.Index], _ ending: LeaseTable.Ending
    ) {
        guard let session = find(session: number) else { return }
        for slot in session.pointee.state.slots.inUse {
            let device = session.pointee.state.slots[slot].device
            guard indices.contains(device) else { continue }
            let closing = session.pointee.state.slots.end(
                slot, .leaseEnded(device: devices[device].name, ending.words))
            for file in closing { close(file, session) }
        }
        logger.info(
            "lease ended",
            metadata: [
                "session": "\(number)", "why": "\(ending.words)",
                "devices": "\(indices.map { devices[$0].name }.joined(separator: " "))",
            ])
    }

    /// Where the request stands in the queue now.
    private mutating func tell(_ request: LeaseTable.Request, _ position: Int) {
        guard let session = find(session: request.session),
            session.pointee.waitingOutput <= GatewayLimits.outputHighWater,
            session.pointee.state.replay.size <= GatewayLimits.outputHighWater
        else { return }
        let ahead = leases.ahead(of: request).prefix(LeaseTable.toldAhead).map { number in
            LeaseDocument.Person(
                session: number, identity: commons.identity(of: number))
        }
        let json = LeaseDocument.json(LeaseDocument.Position(position: position, ahead: Array(ahead)))
        json.withUnsafeBytes { payload in
            complete(
                CompletionHeader(
                    request.id, result: 0, payloadLength: payload.count,
                    deviceTime: CompletionHeader.eventTime(now), flags: [.more, .engine(.gateway)]),
                payload, session)
        }
    }

    // MARK: Making a device safe

    /// Once the last file of a device that nobody has is closed, what the policy wants done there is done; then it may
    /// go to the next.
    mutating func release(_ index: DeviceTable.Index) {
        commons.enter()
        defer { commons.leave() }
        guard index > 0, devices[index].isVacated else { return }
        let device = devices[index].device
        // Those who only look on may have files of a console open all the time.
        guard devices[index].files == 0 || device.console != nil else { return }
        if let name = device.onRelease,
            let procedure = device.procedures.first(where: { $0.name == name }),
            mode == .serving, !commons.replays.has(device)
        {
            // Without a free place it is tried again at the next tick.
            guard let place = runs.firstIndex(where: { $0 == nil }) else { return }
            devices[index].isVacated = false
            start(procedure, toRelease: index, at: place)
        } else {
            devices[index].isVacated = false
            released(index)
        }
    }

    mutating func released(_ index: DeviceTable.Index) {
        commons.enter()
        defer { commons.leave() }
        leases.advance(to: now)
        leases.released(index)
        if leases.holders(index).isEmpty, devices[index].device.lease.mode != .none {
            announce(devices[index].name, .freed)
        }
        settleLeases()
    }

    /// Devices whose release found no place.
    mutating func releaseVacated() {
        commons.enter()
        defer { commons.leave() }
        for index in devices.vacated { release(index) }
    }

    // MARK: Files

    /// Counts one more file of a session on a device, which has to be the session's to open.
    mutating func enter(
        _ device: Device, _ session: UInt64, epoch: UInt64 = 0
    ) throws(Refusal) -> DeviceTable.Index {
        commons.enter()
        defer { commons.leave() }
        let index = try devices.enter(device, now: now)
        // A console is opened by all who may look on; its lease is for writing.
        guard device.lease.mode != .none, device.console == nil else { return index }
        let before = leases.epoch(index)
        do throws(LeaseTable.Obstacle) {
            try leases.enter(session, index, isExclusive: device.lease.mode == .exclusive)
            if leases.epoch(index) != before { announce(device.name, .leased, by: session) }
        } catch {
            devices.left(index)
            throw refusal(error)
        }
        guard epoch == 0 || leases.holds(session, index, epoch: epoch) else {
            left(index, session)
            throw Refusal(
                .busy,
                "`\(device.name)` has been somebody else's since epoch \(epoch); it is at \(leases.epoch(index))"
            )
        }
        return index
    }

    /// One more of a device that the session has.
    mutating func enterAgain(_ index: DeviceTable.Index, _ session: UInt64) {
        commons.enter()
        defer { commons.leave() }
        devices.enterAgain(index)
        guard devices[index].device.lease.mode != .none, devices[index].device.console == nil else { return }
        // Who has the device is never in its own way.
        try? leases.enter(session, index, isExclusive: devices[index].device.lease.mode == .exclusive)
    }

    /// A file is closed, or was never opened; 0 when its session is over.
    mutating func left(_ index: DeviceTable.Index, _ session: UInt64) {
        commons.enter()
        defer { commons.leave() }
        devices.left(index)
        if session != 0 { leases.left(session, index) }
        settleLeases()
        release(index)
    }

    // MARK: Policy

    /// A session keeps no lease on a device that it may not open any more.
    mutating func revokeLeases(of session: SessionPointer) {
        commons.enter()
        defer { commons.leave() }
        let number = session.pointee.number
        for lease in leases.leases(of: number) {
            for (device, _) in lease.devices
            where session.pointee.rights.policy.grant(onDevice: devices[device].name) == nil {
                leases.revoke(number, device)
            }
        }
        settleLeases()
    }
}

extension LeaseTable.Ending {
    /// For people.
    var words: String {
        switch self {
        case .released: "it was released"
        case .expired: "its time was over"
        case .revoked(let reason): "an operator took it away: \(reason)"
        case .sessionEnded: "the session that had it is over"
        case .transferred(let session): "it went to session \(session)"
        case .policy: "the policy changed"
        }
    }
}
