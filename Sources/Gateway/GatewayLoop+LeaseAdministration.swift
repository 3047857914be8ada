import Logging
import RingPolicy
import RingProtocol

/// Leases as administration sees them.
extension GatewayLoop {
    mutating func administerLeases(
        _ command: GatewayCommand, _ document: RequestDocument, _ identity: String
    ) throws(Refusal) -> [UInt8] {
        commons.enter()
        defer { commons.leave() }
        return command == .leaseList
            ? try listLeases(document) : try revokeLease(document, identity)
    }

    /// `{"after": "NAME"}`, where NAME is the last device of an answer that said there are more.
    private func listLeases(_ document: RequestDocument) throws(Refusal) -> [UInt8] {
        try document.allow("after")
        let after = try document.text("after") ?? ""
        let listed = devices.all.filter { devices[$0].name > after }
            .sorted { devices[$0].name < devices[$1].name }
        var list = ReplyList("leases")
        for index in listed {
            guard let report = report(index) else { continue }
            guard list.add(report) else { return list.finished(hasMore: true) }
        }
        return list.finished(hasMore: false)
    }

    /// nil for a device that nobody has or waits for.
    private func report(_ index: DeviceTable.Index) -> DeviceLeases? {
        let holders = leases.holders(index)
        let waiting = leases.waiting(index)
        let isReleasing = leases.isReleasing(index)
        guard !holders.isEmpty || !waiting.isEmpty || isReleasing else { return nil }
        let held = leases.leases(on: index)
        let isExclusive =
            held.first?.isExclusive ?? (devices[index].device.lease.mode == .exclusive)
        return DeviceLeases(
            device: devices[index].name, mode: LeaseDocument.mode(isExclusive: isExclusive),
            epoch: leases.epoch(index),
            holders: holders.map { number in
                let lease = held.first { $0.isOf(number) }
                return .init(
                    session: number, identity: commons.identity(of: number), lease: lease?.id,
                    remaining: lease.map { ($0.deadline > now ? $0.deadline - now : 0) / 1_000_000 })
            },
            waiting: waiting.map { .init(session: $0.session, identity: commons.identity(of: $0.session)) },
            releasing: isReleasing ? true : nil)
    }

    /// `{"device": "NAME", "reason": "..."}`.
    private mutating func revokeLease(
        _ document: RequestDocument, _ identity: String
    ) throws(Refusal) -> [UInt8] {
        try document.allow("device", "reason")
        let reason = try document.reason()
        let device = try device(document)
        let index = try devices.known(device, now: now)
        logger.notice(
            "lease revoked",
            metadata: ["device": "\(device.name)", "by": "\(identity)", "reason": "\(reason)"])
        leases.advance(to: now)
        leases.revoke(index, .revoked(reason: reason))
        settleLeases()
        return Array("{}".utf8)
    }
}
