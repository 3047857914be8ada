import RingAudit
import RingEngine
import RingPolicy
import RingProtocol

/// What a loop remembers of entries that somebody looks at.
struct LoopTrace {
    struct Arrival {
        let line: AuditRecord
        let session: UInt64
        let device: String
        let principals: PrincipalSet
        /// CLOCK_MONOTONIC in nanoseconds.
        let time: UInt64
    }

    /// Whether anybody looks, as it was when the turn began.
    var isOn = false
    var arrivals: [LoopAudit.Operation: Arrival] = [:]

    /// Entries under way that are looked at.
    static let capacity = 4_096
}

/// Entries as they come and are answered, for administrators who look on (`trace.read`). While nobody does, an entry costs a
/// look at two variables.
extension GatewayLoop {
    /// At the start of a turn.
    mutating func beginTrace() {
        trace.isOn = commons.isTraced.load(ordering: .relaxed)
        if !trace.isOn, !trace.arrivals.isEmpty { trace.arrivals.removeAll() }
    }

    /// Those who look are not looked at: what they take would be what they see next.
    mutating func traceArrival(_ entry: Entry, _ session: SessionPointer) {
        let grant = entry.usesSlot ? session.pointee.state.slots.grant(entry.slot) : nil
        let named = entry.namesDevice ? Self.deviceName(entry, session) : nil
        let device = grant?.device.name ?? named ?? ""
        let principals = session.pointee.rights.policy.principals
        let commons = commons
        commons.enter()
        defer { commons.leave() }
        guard !commons.trace.isLooking(session.pointee.number), commons.trace.wants(device, principals),
            !(grant?.device.kind == .gateway && entry.subOpcode.code == GatewayCommand.traceRead.rawValue)
        else { return }
        guard trace.arrivals.count < LoopTrace.capacity else { return commons.trace.addLost() }
        var line = AuditRecord()
        line.add("time", UTCTime.text(nanoseconds: KernelClock.realtime()))
        line.add("session", session.pointee.number)
        line.add("identity", session.pointee.identity)
        if let context = session.pointee.context { line.add("traceparent", context.text) }
        let described = entry.operation == .close ? nil : grant?.describe(entry)
        add(entry, by: grant, as: described, session, to: &line)
        if described == nil, entry.operation != .open, !device.isEmpty { line.add("device", device) }
        trace.arrivals[LoopAudit.Operation(session, entry.requestID)] = LoopTrace.Arrival(
            line: line, session: session.pointee.number, device: device, principals: principals,
            time: KernelClock.monotonic())
    }

    /// Nothing is told of an entry that came before anybody looked.
    mutating func traceAnswer(
        _ header: CompletionHeader, _ payload: UnsafeRawBufferPointer, _ session: SessionPointer
    ) {
        let operation = LoopAudit.Operation(session, header.requestID)
        guard let arrival = trace.arrivals[operation] else { return }
        let goesOn = header.flags.contains(.more)
        if !goesOn { trace.arrivals[operation] = nil }
        var line = arrival.line
        line.add("result", Int(header.result))
        line.add("nanoseconds", KernelClock.monotonic() - arrival.time)
        if header.flags.contains(.refused), let refusal = try? Refusal.decode(WireBytes(payload)) {
            line.add("verdict", header.flags.contains(.denied) ? "denied" : "refused")
            line.add("decidedBy", refusal.rule)
            line.add("text", refusal.text)
        } else {
            line.add("replyBytes", payload.count)
            if !goesOn { line.add("deviceNanoseconds", header.deviceTime) }
        }
        if goesOn { line.add("more", true) }
        if header.flags.contains(.indeterminate) { line.add("indeterminate", true) }
        commons.entered { $0.trace.add(line.object, arrival.device, arrival.principals) }
    }

    /// `{"device": "NAME", "principal": "NAME"}`, both of the policy in force.
    func readTrace(_ document: RequestDocument, _ session: SessionPointer) throws(Refusal) -> [UInt8] {
        try document.allow("device", "principal")
        var filter = TraceLog.Filter()
        if try document.text("device") != nil { filter.device = try device(document).name }
        filter.principal = try document.text("principal")
        if let principal = filter.principal, !policy.principals.contains(where: { $0.name == principal }) {
            throw Refusal(.shape, "the policy has no such principal")
        }
        let now = now
        return try commons.entered { (commons) throws(Refusal) in
            let lines = try commons.trace.take(for: session.pointee.number, filter, now: now)
            commons.isTraced.store(true, ordering: .relaxed)
            return lines
        }
    }

    /// To be called at every tick of the loop.
    mutating func lookAtTrace() {
        guard trace.isOn else { return }
        trace.arrivals = trace.arrivals.filter { find(session: $0.value.session) != nil }
        guard number == 0 else { return }
        let now = now
        commons.entered {
            $0.trace.expire(now: now)
            $0.isTraced.store(!$0.trace.isEmpty, ordering: .relaxed)
        }
    }
}

extension Entry {
    fileprivate var usesSlot: Bool {
        switch operation {
        case .command, .read, .write, .sync, .poll, .close: true
        default: false
        }
    }

    fileprivate var namesDevice: Bool { operation == .open || operation == .describe }
}
