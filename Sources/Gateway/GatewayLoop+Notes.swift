import Logging
import RingAdministration
import RingEngine
import RingPolicy
import RingProtocol

/// What is noted down about entries, for logs and administration.
extension GatewayLoop {
    /// Denials are counted, kept, and logged with all an admin needs to see why.
    mutating func noteDenial(_ refusal: Refusal, of entry: Entry, _ session: SessionPointer) {
        guard refusal.flags.contains(.denied) else { return }
        counters.denials.increment()
        let name = Self.deviceName(entry, session)
        note(Self.request(entry, session, refusal), deniedOn: name)
        auditDenial(refusal, of: entry, name ?? "", session)
        events.add(
            .info, "denied", session.pointee.peer,
            [
                "identity": "\(session.pointee.identity)", "session": "\(session.pointee.number)",
                "device": "\(name ?? "-")",
                "operation": "\(entry.operation.map { "\($0)" } ?? "unknown") \(entry.subOpcode)",
                "request": "\(entry.requestID.value)",
                "traceparent": "\(session.pointee.context?.text ?? "-")",
                "rule": "\(refusal.rule.isEmpty ? "none" : refusal.rule)", "text": "\(refusal.text)",
            ])
    }

    /// An entry runs that no rule allows, because its device is observed.
    mutating func noteObserved(_ entry: Entry, _ session: SessionPointer) {
        note(Self.request(entry, session, nil))
        events.add(
            .info, "observed", session.pointee.peer,
            [
                "identity": "\(session.pointee.identity)", "session": "\(session.pointee.number)",
                "device": "\(Self.deviceName(entry, session) ?? "-")",
                "operation": "\(entry.operation.map { "\($0)" } ?? "unknown") \(entry.subOpcode)",
                "request": "\(entry.requestID.value)",
            ])
    }

    /// A denial counts for its device. What is no device's name is the client's word, and is not kept.
    private func note(_ request: @autoclosure () -> LoggedRequest, deniedOn name: String? = nil) {
        commons.entered { commons in
            commons.requests.add(request())
            // A file that a command gave is DEVICE/PROFILE.
            if let device = name.map({ String($0.prefix { $0 != "/" }) }), commons.devices.find(device) != nil
            {
                commons.requests.countDenial(on: device)
            }
        }
    }

    /// One loop's intervals are all loops'.
    func endRequestInterval() {
        guard number == 0 else { return }
        commons.entered { $0.requests.endInterval(logger) }
    }

    private static func request(
        _ entry: Entry, _ session: SessionPointer, _ refusal: Refusal?
    ) -> LoggedRequest {
        LoggedRequest(
            time: KernelClock.realtimeSeconds(), session: session.pointee.number,
            requestID: entry.requestID, identity: session.pointee.identity,
            principals: session.pointee.rights.policy.principals,
            device: deviceName(entry, session) ?? "", operation: entry.operation ?? .nop,
            code: entry.subOpcode, offset: entry.offset,
            argument: loggedArgument(entry),
            argumentLength: entry.argument.count, refusal: refusal)
    }

    /// Of a stream, what one read of it would have: its credit says nothing about a right.
    private static func loggedArgument(_ entry: Entry) -> [UInt8] {
        if entry.isStream, entry.operation == .read, let read = ReadArgument.decode(entry) {
            return ReadArgument.encode(count: read.count)
        }
        return Array(entry.argument.pointer.prefix(RequestLog.argumentLimit))
    }

    /// As the slot has it, or as an open or describe names it; nil when that is no name.
    static func deviceName(_ entry: Entry, _ session: SessionPointer) -> String? {
        switch entry.operation {
        case .open, .describe:
            guard entry.argument.count <= Limits.deviceName, let name = entry.argument.text,
                name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
            else { return nil }
            return name
        default: return session.pointee.state.slots.grant(entry.slot)?.device.name
        }
    }
}
