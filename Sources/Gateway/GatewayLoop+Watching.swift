import Logging
import RingPolicy
import RingProtocol

/// What happens to devices, for those who watch: streams of `list`.
extension GatewayLoop {
    /// Starts a stream of changes; what there is now a `list` of its own tells.
    mutating func watchList(_ entry: Entry, _ session: SessionPointer) throws(Refusal) {
        guard entry.slot.index == 0, entry.subOpcode.code == 0, entry.offset == 0 else {
            throw Refusal(.shape, "a field that this operation does not use is not zero")
        }
        let terms = try StreamTerms(entry)
        try session.pointee.state.charge(terms.charge)
        session.pointee.state.streams.begin(entry, terms)
    }

    /// Tells everybody who watches and may open the device.
    mutating func announce(_ device: String, _ change: DeviceNews.Change, by number: UInt64 = 0) {
        if change == .leased { auditLease(device, by: number) }
        tellOthers(.announce(device: device, change, by: number))
        announceHere(device, change, by: number)
    }

    /// Those of this loop.
    mutating func announceHere(_ device: String, _ change: DeviceNews.Change, by number: UInt64) {
        var json: [UInt8]?
        forEachSession { loop, session in
            guard !session.pointee.state.streams.isEmpty,
                session.pointee.rights.policy.grant(onDevice: device) != nil
            else { return }
            let streams = session.pointee.state.streams.all(of: .list)
            guard !streams.isEmpty else { return }
            let bytes = json ?? loop.news(device, change, number)
            json = bytes
            for id in streams { loop.tell(id, bytes, session) }
        }
    }

    private mutating func tell(_ id: RequestID, _ document: [UInt8], _ session: SessionPointer) {
        document.withUnsafeBytes { tell(id, 0, $0, .engine(.gateway), session) }
    }

    private func news(_ device: String, _ change: DeviceNews.Change, _ number: UInt64) -> [UInt8] {
        commons.enter()
        defer { commons.leave() }
        return LeaseDocument.json(
            DeviceNews(
                device: device, change: change, session: number == 0 ? nil : number,
                identity: commons.people[number]?.identity))
    }

    /// Tells one session how another policy has changed its list.
    mutating func announceRights(_ session: SessionPointer, before: PeerPolicy) {
        let streams = session.pointee.state.streams.all(of: .list)
        guard !streams.isEmpty else { return }
        let old = Set(before.list.devices.map(\.name))
        let new = Set(session.pointee.rights.policy.list.devices.map(\.name))
        for (names, change) in [
            (old.subtracting(new), DeviceNews.Change.withdrawn), (new.subtracting(old), .allowed),
        ] {
            for name in names.sorted() {
                let document = news(name, change, 0)
                for id in streams { tell(id, document, session) }
            }
        }
    }

    // MARK: Nodes that come and go

    /// Looks for the nodes of the policy in force.
    func watchNodes() {
        commons.enter()
        let replays = commons.replays
        commons.leave()
        deviceWatch?.watch(
            policy.devices.filter { $0.kind != .gateway && $0.kind != .tcp && !replays.has($0) }.map {
                WatchedDevice(name: $0.name, path: $0.path, followsLink: $0.followsLink)
            })
    }

    /// Files of a node that went away are of no use any more, and those of one that was replaced are another's: both are
    /// closed. A lease stays, and with it the right to open what comes back; that is looked at as at every open.
    mutating func nodesChanged(_ changes: [DeviceChange]) {
        for change in changes {
            logger.notice(
                "device node", metadata: ["device": "\(change.name)", "change": "\(change.kind)"])
            switch change.kind {
            case .gone:
                closeFiles(ofGone: change.name)
                announce(change.name, .vanished)
            case .back: announce(change.name, .appeared)
            case .replaced:
                closeFiles(ofGone: change.name)
                announce(change.name, .vanished)
                announce(change.name, .appeared)
            }
        }
    }

    private mutating func closeFiles(ofGone name: String) {
        commons.enter()
        let index = devices.index(name)
        commons.leave()
        guard let index else { return }
        endSlots(on: index, .gone(device: name))
        endProcedures(on: index, Refusal(.unavailable, "`\(name)` went away"))
    }
}

/// One change of a device, as a stream of `list` tells it.
struct DeviceNews: Encodable {
    enum Change: String, Encodable, Sendable {
        case appeared
        case vanished
        case allowed
        case withdrawn
        case leased
        case freed
        case disabled
        case enabled
    }

    let device: String
    let change: Change
    /// Who leased it.
    let session: UInt64?
    let identity: String?
}
