import Logging
import RingAdministration
import RingEngine
import RingPolicy
import RingProtocol

extension GatewayLoop {
    /// Devices after the one named, with what each loop knows of them.
    func listDevices(after: String, _ parts: [Gathering.Part]) -> [UInt8] {
        commons.enter()
        defer { commons.leave() }
        let listed = policy.devices.filter { $0.kind != .gateway && $0.name > after }
            .sorted { $0.name < $1.name }
        var list = ReplyList("devices")
        for device in listed {
            guard list.add(report(device, parts)) else { return list.finished(hasMore: true) }
        }
        return list.finished(hasMore: false)
    }

    /// To be called while the commons are entered.
    func report(_ device: Device, _ parts: [Gathering.Part]) -> DeviceReport {
        DeviceReport(
            device, devices.find(device.name),
            sessions: parts.flatMap { $0.users[device.name] ?? [] }.sorted(),
            holders: devices.index(device.name).map { leases.holders($0) } ?? [],
            lane: parts.lazy.compactMap { $0.lanes[device.name] }.first,
            denied: commons.requests.denied[device.name] ?? 0)
    }

    /// This loop's sessions by the devices they have open.
    mutating func usersOfDevices() -> [String: Set<UInt64>] {
        commons.enter()
        defer { commons.leave() }
        var users: [String: Set<UInt64>] = [:]
        forEachSession { loop, session in
            for slot in session.pointee.state.slots.inUse {
                let device = loop.devices[session.pointee.state.slots[slot].device].name
                users[device, default: []].insert(session.pointee.number)
            }
        }
        return users
    }

    /// `{"device": "NAME", "reason": "..."}`, the reason only where something is taken away; lasts until the
    /// opposite is said or the gateway ends, whatever policies come and go.
    mutating func changeDevice(
        _ command: GatewayCommand, _ document: RequestDocument, _ identity: String
    ) throws(Refusal) -> [UInt8] {
        commons.enter()
        defer { commons.leave() }
        try document.allow("device", "reason")
        let device = try device(document)
        let takesAway = command == .deviceDisable || command == .deviceDrain
        let reason = try document.reason(isRequired: takesAway)
        let order = DeviceTable.Order(
            reason: reason, identity: identity, time: KernelClock.realtimeSeconds())
        switch command {
        case .deviceDisable:
            let index = try devices.set(.disabled(order), of: device, now: now)
            dismissWaiting(index, DeviceTable.disabled(device.name, reason))
            endSlots(on: index, .disabled(device: device.name, reason: reason))
            endProcedures(on: index, DeviceTable.disabled(device.name, reason))
            announce(device.name, .disabled)
        case .deviceDrain:
            let index = try devices.set(.draining(order), of: device, now: now)
            let text = "`\(device.name)` takes no new opens: \(reason)"
            dismissWaiting(index, Refusal(.unavailable, text))
        default:
            _ = try devices.set(.enabled, of: device, now: now)
            announce(device.name, .enabled)
        }
        logger.notice(
            "\(command.name)",
            metadata: ["device": "\(device.name)", "by": "\(identity)", "reason": "\(reason)"])
        return Array("{}".utf8)
    }

    /// `{"device": "NAME", "reason": "..."}`: gives the device a new worker, at the loop that has the device.
    mutating func resetLane(
        _ document: RequestDocument, _ identity: String, _ tag: OperationTag
    ) throws(Refusal) {
        try document.allow("device", "reason")
        let device = try device(document)
        let reason = try document.reason(isRequired: false)
        logger.notice(
            "\(GatewayCommand.deviceResetLane.name)",
            metadata: ["device": "\(device.name)", "by": "\(identity)", "reason": "\(reason)"])
        commons.enter()
        let loop = devices.find(device.name)?.loop ?? number
        commons.leave()
        if loop == number {
            resetLane(of: device.name, tag)
        } else {
            tell(loop, .resetLane(device.name, tag))
        }
    }

    mutating func resetLane(of device: String, _ tag: OperationTag) {
        answer(.afterReset(of: device, engine.resetLane(device: device)), tag)
    }

    func device(_ document: RequestDocument) throws(Refusal) -> Device {
        guard let name = try document.text("device") else {
            throw Refusal(.shape, "`device` must be the name of a device")
        }
        guard let device = policy.devices.first(where: { $0.name == name }), device.kind != .gateway else {
            throw Refusal(.shape, "the policy has no such device")
        }
        return device
    }

    /// Tells those who wait for a device why they do so in vain.
    private mutating func dismissWaiting(_ device: DeviceTable.Index, _ refusal: Refusal) {
        leases.advance(to: now)
        for request in leases.dismissWaiting(device) {
            let loop = commons.loop(of: request.session)
            guard loop == number else {
                commons.mailboxes[Int(loop)].post(.refuse(request, refusal))
                continue
            }
            dismiss(request, refusal)
        }
        settleLeases()
    }

    mutating func dismiss(_ request: LeaseTable.Request, _ refusal: Refusal) {
        if let session = find(session: request.session) { refuse(request.id, refusal, session) }
    }

    /// Takes the device's files away from all sessions.
    mutating func endSlots(on device: DeviceTable.Index, _ ending: SlotEnding) {
        tellOthers(.endSlots(device, ending))
        endSlotsHere(on: device, ending)
    }

    /// From those of this loop.
    mutating func endSlotsHere(on device: DeviceTable.Index, _ ending: SlotEnding) {
        forEachSession { loop, session in
            for slot in session.pointee.state.slots.inUse
            where session.pointee.state.slots[slot].device == device {
                for closing in session.pointee.state.slots.end(slot, ending) {
                    loop.close(closing, session)
                }
            }
        }
    }
}

extension AdministrationAnswer {
    static func afterReset(of device: String, _ isReset: Bool) -> AdministrationAnswer {
        guard !isReset else { return AdministrationAnswer(document: Array("{}".utf8)) }
        return AdministrationAnswer(
            refusal: Refusal(.busy, "`\(device)` has no worker, or too many were left behind already"))
    }
}
