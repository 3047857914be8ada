import RingPolicy
import RingProtocol

/// What clients ask about leases (R-38).
extension GatewayLoop {
    mutating func lease(_ entry: Entry, _ session: SessionPointer) throws(Refusal) {
        commons.enter()
        defer { commons.leave() }
        guard let verb = entry.leaseVerb else {
            throw Refusal(.shape, "a lease has a verb of 1 to 6 as its sub-opcode, no slot and no offset")
        }
        try requireRoom(session)
        leases.advance(to: now)
        let document = try RequestDocument(entry.argument)
        switch verb {
        case .acquire: try acquire(document, entry, session)
        case .renew: try renew(document, entry, session)
        case .release:
            try document.allow("lease")
            let id = try requiredNumber("lease", document)
            try tryLease { leases throws(LeaseTable.Misuse) in
                try leases.release(id, by: session.pointee.number)
            }
            answer(entry, with: [], session)
        case .transfer, .share: try handOn(verb, document, entry, session)
        case .status:
            try document.allow("devices")
            var asked: [LeaseDocument.Standing]?
            if let names = try document.texts("devices") { asked = try standings(names, session) }
            answer(entry, with: LeaseDocument.json(status(session, asked)), session)
        }
        settleLeases()
    }

    private func requiredNumber(_ key: String, _ document: RequestDocument) throws(Refusal) -> UInt64 {
        guard let number = try document.number(key) else {
            throw Refusal(.shape, "`\(key)` must be there, a whole number")
        }
        return number
    }

    private mutating func tryLease(
        _ body: (inout LeaseTable) throws(LeaseTable.Misuse) -> Void
    ) throws(Refusal) {
        do throws(LeaseTable.Misuse) { try body(&leases) } catch { throw refusal(error) }
    }

    // MARK: Acquire

    private mutating func acquire(
        _ document: RequestDocument, _ entry: Entry, _ session: SessionPointer
    ) throws(Refusal) {
        let demand = try demand(document, entry, session)
        do {
            guard let lease = try leases.acquire(demand, now: now) else {
                if entry.timeout != 0 { watchDeadline(entry, session) }
                return
            }
            answer(entry, with: LeaseDocument.json(described(lease)), session)
            for (device, _) in lease.devices { announce(devices[device].name, .leased, by: lease.owner) }
        } catch let obstacle as LeaseTable.Obstacle {
            throw refusal(obstacle)
        } catch let misuse as LeaseTable.Misuse {
            throw refusal(misuse)
        } catch {
            throw Refusal(.busy, "the lease cannot be given")
        }
    }

    private mutating func demand(
        _ document: RequestDocument, _ entry: Entry, _ session: SessionPointer
    ) throws(Refusal) -> LeaseTable.Demand {
        try document.allow("devices", "mode", "ttl", "wait")
        let names = try document.texts("devices") ?? []
        try requireDifferent(names)
        let mode = try document.text("mode") ?? "exclusive"
        guard mode == "exclusive" || mode == "shared" else {
            throw Refusal(.shape, "`mode` must be exclusive or shared")
        }
        let wait = try document.number("wait") ?? 0
        guard wait <= Limits.delay / 1_000_000 else {
            throw Refusal(.shape, "`wait` is at most \(Limits.delay / 1_000_000) ms")
        }
        var ttl = try document.number("ttl") ?? .max
        var devices: [DeviceTable.Index] = []
        for name in names {
            let device = try leasable(name, isExclusive: mode == "exclusive", session)
            ttl = min(ttl, device.lease.longest)
            devices.append(try devicesToLease(device))
        }
        guard ttl > 0 else { throw Refusal(.shape, "`ttl` must be above 0") }
        return LeaseTable.Demand(
            request: .init(session: session.pointee.number, id: entry.requestID), devices: devices,
            isExclusive: mode == "exclusive", ttl: ttl * 1_000_000,
            waitsUntil: wait == 0 ? 0 : now + wait * 1_000_000, wantsPosition: entry.isStream)
    }

    private func requireDifferent(_ names: [String]) throws(Refusal) {
        guard Set(names).count == names.count, (1...LeaseTable.devicesPerLease).contains(names.count) else {
            throw Refusal(
                .shape, "`devices` must be a list of 1 to \(LeaseTable.devicesPerLease) different names")
        }
    }

    /// A device that the session may open.
    private func openable(_ name: String, _ session: SessionPointer) throws(Refusal) -> Device {
        var name = name
        return try name.withUTF8 { (bytes) -> Result<Device, Refusal> in
            do throws(Refusal) {
                let wire = WireBytes(UnsafeRawBufferPointer(bytes))
                return .success(try session.pointee.rights.policy.authorizeOpen(wire).device)
            } catch {
                return .failure(error)
            }
        }.get()
    }

    /// One that can be leased that way, too.
    private func leasable(
        _ name: String, isExclusive: Bool, _ session: SessionPointer
    ) throws(Refusal) -> Device {
        let authorized = try openable(name, session)
        guard authorized.lease.mode != .none, isExclusive || authorized.lease.mode == .shared else {
            throw Refusal(.shape, "`\(authorized.name)` cannot be leased that way: \(authorized.lease.mode)")
        }
        return authorized
    }

    private mutating func devicesToLease(_ device: Device) throws(Refusal) -> DeviceTable.Index {
        let index = try devices.known(device, now: now)
        try devices.requireAvailable(index)
        return index
    }

    // MARK: Other verbs

    private mutating func renew(
        _ document: RequestDocument, _ entry: Entry, _ session: SessionPointer
    ) throws(Refusal) {
        try document.allow("lease", "ttl")
        let id = try requiredNumber("lease", document)
        let longest = leases.leases[id]?.devices.map { devices[$0.device].device.lease.longest }.min() ?? 0
        let ttl = min(try document.number("ttl") ?? longest, longest)
        let time = now
        try tryLease { leases throws(LeaseTable.Misuse) in
            try leases.renew(id, by: session.pointee.number, ttl: max(ttl, 1) * 1_000_000, now: time)
        }
        answer(entry, with: LeaseDocument.json(LeaseDocument.Renewed(lease: id, ttl: ttl)), session)
    }

    private mutating func handOn(
        _ verb: LeaseVerb, _ document: RequestDocument, _ entry: Entry, _ session: SessionPointer
    ) throws(Refusal) {
        try document.allow("lease", "to")
        let id = try requiredNumber("lease", document)
        let receiver = try requiredNumber("to", document)
        guard let other = commons.people[receiver] else {
            throw Refusal(.shape, "there is no session \(receiver)")
        }
        for (index, _) in leases.leases[id]?.devices ?? [] {
            guard other.policy.grant(onDevice: devices[index].name) != nil else {
                throw Refusal(.noRule, "session \(receiver) may not open `\(devices[index].name)`")
            }
        }
        try tryLease { leases throws(LeaseTable.Misuse) in
            if verb == .transfer {
                try leases.transfer(id, by: session.pointee.number, to: receiver)
            } else {
                try leases.share(id, by: session.pointee.number, with: receiver)
            }
        }
        answer(entry, with: [], session)
    }

    private func status(
        _ session: SessionPointer, _ standings: [LeaseDocument.Standing]?
    ) -> LeaseDocument.Status {
        let number = session.pointee.number
        return LeaseDocument.Status(
            leases: leases.leases(of: number).map { described($0) },
            waiting: leases.demands(of: number).map { demand in
                LeaseDocument.Waiting(
                    request: demand.request.id.value, devices: demand.devices.map { devices[$0].name },
                    mode: LeaseDocument.mode(isExclusive: demand.isExclusive),
                    position: leases.position(demand.request))
            },
            devices: standings)
    }

    /// How it stands with devices that the session may open.
    private func standings(
        _ names: [String], _ session: SessionPointer
    ) throws(Refusal) -> [LeaseDocument.Standing] {
        try requireDifferent(names)
        var standings: [LeaseDocument.Standing] = []
        for name in names {
            let device = try openable(name, session)
            let index = devices.index(name)
            let availability = index.map { devices[$0].availability } ?? .enabled
            let holders = index.map { leases.holders($0) } ?? []
            standings.append(
                LeaseDocument.Standing(
                    device: name, mode: "\(device.lease.mode)", state: availability.word,
                    reason: availability.order?.reason,
                    holders: holders.prefix(LeaseTable.devicesPerLease).map {
                        .init(session: $0, identity: commons.identity(of: $0))
                    },
                    waiting: index.map { leases.waiting($0).count } ?? 0))
        }
        return standings
    }

    func described(_ lease: LeaseTable.Lease) -> LeaseDocument.Lease {
        LeaseDocument.Lease(
            lease: lease.id, mode: LeaseDocument.mode(isExclusive: lease.isExclusive),
            ttl: (lease.deadline > now ? lease.deadline - now : 0) / 1_000_000,
            devices: lease.devices.map { .init(device: devices[$0.device].name, epoch: $0.epoch) })
    }

    // MARK: Words

    func refusal(_ obstacle: LeaseTable.Obstacle) -> Refusal {
        let name = devices[obstacle.device].name
        let holders = obstacle.holders.prefix(4).map { number in
            "session \(number) (\(commons.identity(of: number)))"
        }
        let queue = obstacle.waiting == 0 ? "" : ", \(obstacle.waiting) waiting"
        let text =
            holders.isEmpty
            ? "`\(name)` is being made ready for the next\(queue)"
            : "`\(name)` is held by \(holders.joined(separator: ", "))\(queue)"
        let retry = obstacle.until.map { $0 > now ? $0 - now : 1 } ?? 0
        return Refusal(.busy, text, retryAfter: min(retry, Limits.delay))
    }

    private func refusal(_ misuse: LeaseTable.Misuse) -> Refusal {
        switch misuse {
        case .alreadyHeld(let device):
            Refusal(.shape, "`\(devices[device].name)` is leased to that session already")
        case .tooManyLeases: Refusal(.busy, "a session has at most \(LeaseTable.leasesPerSession) leases")
        case .tooManyRequests:
            Refusal(
                .busy,
                "\(LeaseTable.requestsPerSession) requests of the session or \(LeaseTable.requestsPerDevice) for a device wait"
            )
        case .unknownLease: Refusal(.shape, "the session has no such lease")
        case .notOwner: Refusal(.shape, "the lease is another session's, which shares it")
        }
    }
}
