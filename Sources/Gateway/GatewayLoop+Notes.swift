import Logging
import RingAdministration
import RingEngine
import RingPolicy
import RingProtocol

/// What is noted down about entries, for logs and administration.
extension GatewayLoop {
    /// Denials are counted, kept, and logged with all an admin needs to see why.
    mutating func noteDenial(_ refusal: Refusal, of entry: Entry, _ connection: ConnectionPointer) {
        guard refusal.flags.contains(.denied) else { return }
        counters.denials.increment()
        requests.add(Self.request(entry, connection, refusal))
        events.add(
            .info, "denied", connection.pointee.peer,
            [
                "identity": "\(connection.pointee.identity)", "session": "\(connection.pointee.session)",
                "device": "\(Self.deviceName(entry, connection) ?? "-")",
                "operation": "\(entry.operation.map { "\($0)" } ?? "unknown") \(entry.subOpcode)",
                "request": "\(entry.requestID.value)",
                "rule": "\(refusal.rule.isEmpty ? "none" : refusal.rule)", "text": "\(refusal.text)",
            ])
    }

    /// An entry runs that no rule allows, because its device is observed.
    mutating func noteObserved(_ entry: Entry, _ connection: ConnectionPointer) {
        requests.add(Self.request(entry, connection, nil))
        events.add(
            .info, "observed", connection.pointee.peer,
            [
                "identity": "\(connection.pointee.identity)", "session": "\(connection.pointee.session)",
                "device": "\(Self.deviceName(entry, connection) ?? "-")",
                "operation": "\(entry.operation.map { "\($0)" } ?? "unknown") \(entry.subOpcode)",
                "request": "\(entry.requestID.value)",
            ])
    }

    private static func request(
        _ entry: Entry, _ connection: ConnectionPointer, _ refusal: Refusal?
    ) -> LoggedRequest {
        LoggedRequest(
            time: KernelClock.realtimeSeconds(), session: connection.pointee.session,
            requestID: entry.requestID, identity: connection.pointee.identity,
            principals: connection.pointee.rights?.policy.principals ?? PrincipalSet(names: []),
            device: deviceName(entry, connection) ?? "", operation: entry.operation ?? .nop,
            code: entry.subOpcode, offset: entry.offset,
            argument: Array(entry.argument.pointer.prefix(RequestLog.argumentLimit)),
            argumentLength: entry.argument.count, refusal: refusal)
    }

    /// As the slot has it, or as an open or describe names it; nil when that is no name.
    private static func deviceName(_ entry: Entry, _ connection: ConnectionPointer) -> String? {
        switch entry.operation {
        case .open, .describe:
            guard entry.argument.count <= Limits.deviceName, let name = entry.argument.text,
                name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f })
            else { return nil }
            return name
        default: return try? connection.pointee.state.slots.open(entry.slot).grant.device.name
        }
    }
}
