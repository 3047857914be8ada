import Glibc
import RingAudit
import RingEngine
import RingPolicy
import RingProtocol

/// Intents: what changes something is in the audit log, on the disk, before it runs. Until then its session's entries wait in
/// their order; those of others go on.
extension GatewayLoop {
    /// Lets an entry wait for its record, before whatever waits already. It is decided again when its time comes.
    mutating func holdForRecord(
        _ entry: Entry, by grant: Grant, _ session: SessionPointer
    ) throws(Refusal) {
        var unit = Unit(entry)
        try session.pointee.state.charge(entry.argument.count)
        do throws(Refusal) {
            unit.record = try intend([(entry, grant)], session)
        } catch {
            session.pointee.state.refund(entry.argument.count)
            throw error
        }
        unit.charges = [entry.argument.count]
        session.pointee.state.sequencer.holdFirst(unit)
    }

    /// Has an entry that waits behind others put on record already, so that many get to the disk together. One that is not
    /// allowed now, or changes nothing, is not: it is decided in its turn.
    mutating func recordAhead(_ unit: inout Unit, _ session: SessionPointer) throws(Refusal) {
        guard audit.log != nil, !unit.isChain else { return }
        var trial = ChainTrial(slots: session.pointee.state.slots, rights: session.pointee.rights.policy)
        var refusal: Refusal?
        var record: UInt64 = 0
        unit.forEach { entry in
            do throws(Refusal) { _ = try trial.judge(entry, &layout) } catch { return }
            guard trial.isMutating, let grant = trial.grants.last ?? nil else { return }
            do throws(Refusal) { record = try intend([(entry, grant)], session) } catch { refusal = error }
        }
        if let refusal { throw refusal }
        unit.record = record
    }

    /// Leaves the record of a chain that changes something.
    mutating func recordChain(
        _ unit: inout Unit, by grants: [Grant?], _ session: SessionPointer
    ) throws(Refusal) {
        var refusal: Refusal?
        var record: UInt64 = 0
        unit.forEachTogether { entries in
            do throws(Refusal) { record = try intend(Array(zip(entries, grants)), session) } catch {
                refusal = error
            }
        }
        if let refusal { throw refusal }
        unit.record = record
    }

    private mutating func intend(
        _ entries: [(entry: Entry, grant: Grant?)], _ session: SessionPointer
    ) throws(Refusal) -> UInt64 {
        guard let log = audit.log else { return 0 }
        var record = newRecord(.intent, session)
        var awaited: [(LoopAudit.Operation, LoopAudit.Awaited)] = []
        var commands: [AuditRecord] = []
        for (entry, grant) in entries {
            let described = grant?.describe(entry)
            commands.append(command(entry, grant, described, session))
            guard let grant, let described, described.effect != .read else { continue }
            awaited.append(
                (
                    LoopAudit.Operation(session, entry.requestID),
                    awaiting(.result, grant.device.name, described.command ?? entry.word, session)
                ))
        }
        record.add("commands", commands)
        let number: UInt64
        do throws(AuditRefusal) { number = try log.add(record, for: self.number) } catch {
            throw Refusal(error)
        }
        for (operation, one) in awaited { audit.awaited[operation] = one }
        audit.waiting.insert(session.pointee.number)
        return number
    }

    /// What has become of intents.
    mutating func recorded(upTo intent: UInt64, isDurable: Bool) {
        let before = audit.recorded
        audit.recorded = intent
        let waiting = audit.waiting
        audit.waiting.removeAll()
        for number in waiting {
            guard let session = find(session: number) else { continue }
            if !isDurable { session.pointee.state.sequencer.failRecords(after: before, upTo: intent) }
            if session.pointee.state.sequencer.awaitsRecord(after: intent) { audit.waiting.insert(number) }
            markReady(session)
        }
    }

    /// What is not on record needs no result there.
    mutating func forgetAwaited(_ unit: Unit, _ session: SessionPointer) {
        unit.forEach { audit.awaited[LoopAudit.Operation(session, $0.requestID)] = nil }
    }

    /// Of what waited for a record that did not come about.
    static let unrecorded = Refusal(
        .unavailable,
        "the gateway's audit log could not be written, so nothing may be changed, and nothing was")

    // MARK: Words

    func newRecord(_ kind: AuditRecord.Kind, _ session: SessionPointer) -> AuditRecord {
        var record = AuditRecord(kind, time: KernelClock.realtime())
        record.add("session", session.pointee.number)
        record.add("identity", session.pointee.identity)
        if let context = session.pointee.context { record.add("traceparent", context.text) }
        return record
    }

    private func awaiting(
        _ kind: AuditRecord.Kind, _ device: String, _ command: String, _ session: SessionPointer
    ) -> LoopAudit.Awaited {
        LoopAudit.Awaited(
            kind: kind, session: session.pointee.number, identity: session.pointee.identity,
            context: session.pointee.context, device: device, command: command, hasStarted: false)
    }

    private func command(
        _ entry: Entry, _ grant: Grant?, _ described: EntryDescription?, _ session: SessionPointer
    ) -> AuditRecord {
        var command = AuditRecord()
        add(entry, by: grant, as: described, session, to: &command)
        return command
    }

    /// What an entry is, in the words of its device's profile where there is one.
    func add(
        _ entry: Entry, by grant: Grant?, as described: EntryDescription?, _ session: SessionPointer,
        to command: inout AuditRecord
    ) {
        command.add("request", entry.requestID.value)
        command.add("operation", entry.word)
        guard let grant, let described else {
            if entry.operation == .open { command.add("device", Self.deviceName(entry, session) ?? "") }
            return
        }
        command.add("device", grant.device.name)
        command.add("slot", Int(entry.slot.index))
        if let epoch = leaseEpoch(entry, session) { command.add("lease", epoch) }
        if entry.operation == .command {
            command.add("command", described.command ?? "")
            command.add("code", Int(entry.subOpcode.code))
        }
        command.add("effect", "\(described.effect)")
        command.add("rule", described.rule)
        if !described.values.isEmpty { command.add("arguments", described.values) }
        if entry.operation == .write { command.add("offset", entry.offset) }
        command.add("bytes", entry.argument.count)
        if grant.device.kind == .gateway, entry.argument.count <= LoopAudit.shownDocument {
            command.add("document", entry.argument.text ?? "")
        }
    }

    private func leaseEpoch(_ entry: Entry, _ session: SessionPointer) -> UInt64? {
        guard session.pointee.state.slots.grant(entry.slot)?.device.lease.mode ?? .none != .none else {
            return nil
        }
        commons.enter()
        defer { commons.leave() }
        return leases.epoch(session.pointee.state.slots[entry.slot].device)
    }
}

/// What happened: results, opens, sessions, leases, counts.
extension GatewayLoop {
    /// An entry on a file is given to its device.
    mutating func started(_ entry: Entry, _ session: SessionPointer) {
        audit.awaited[LoopAudit.Operation(session, entry.requestID)]?.hasStarted = true
    }

    /// An open's result belongs into the log.
    mutating func awaitOpen(_ entry: Entry, _ device: String, _ session: SessionPointer) {
        guard audit.log != nil else { return }
        var awaited = awaiting(.open, device, "", session)
        awaited.hasStarted = true
        audit.awaited[LoopAudit.Operation(session, entry.requestID)] = awaited
    }

    /// An entry changes nothing, but its rule wants each on record.
    mutating func awaitRead(_ entry: Entry, by grant: Grant, _ session: SessionPointer) {
        var awaited = awaiting(.read, grant.device.name, "", session)
        awaited.hasStarted = true
        awaited.details = command(entry, grant, grant.describe(entry), session)
        audit.awaited[LoopAudit.Operation(session, entry.requestID)] = awaited
    }

    /// An entry has got its last completion.
    mutating func auditResult(_ header: CompletionHeader, _ session: SessionPointer) {
        guard !header.flags.contains(.more) else { return }
        auditResult(
            LoopAudit.Operation(session, header.requestID), result: header.result,
            time: header.deviceTime, isRefused: header.flags.contains(.refused))
    }

    /// The same for one whose session is over.
    mutating func auditLateResult(_ tag: OperationTag, result: Int32, isRefused: Bool) {
        guard !audit.awaited.isEmpty else { return }
        auditResult(LoopAudit.Operation(tag), result: result, time: 0, isRefused: isRefused)
    }

    private mutating func auditResult(
        _ operation: LoopAudit.Operation, result: Int32, time: UInt64, isRefused: Bool
    ) {
        guard let log = audit.log, let awaited = audit.awaited.removeValue(forKey: operation) else { return }
        var record = AuditRecord(awaited.kind, time: KernelClock.realtime())
        record.add("session", awaited.session)
        record.add("identity", awaited.identity)
        if let context = awaited.context { record.add("traceparent", context.text) }
        record.add("request", operation.request.value)
        record.add("device", awaited.device)
        if !awaited.command.isEmpty { record.add("command", awaited.command) }
        record.add("result", Int(result))
        record.add("ran", awaited.hasStarted && !isRefused)
        if let details = awaited.details { record.add("commands", [details]) }
        if !isRefused, time > 0 { record.add("nanoseconds", time) }
        log.add(record)
    }

    mutating func auditBegin(_ session: SessionPointer) {
        guard let log = audit.log else { return }
        var record = newRecord(.session, session)
        record.add("peer", session.pointee.peer.description)
        record.add("principals", session.pointee.rights.policy.principals.description)
        log.add(record)
    }

    /// What still waits will not run; what runs is told of when it comes back.
    mutating func auditEnd(_ session: SessionPointer) {
        guard let log = audit.log else { return }
        flushReads(session)
        // Not a look at all that is awaited: many sessions may end at once.
        session.pointee.state.sequencer.forEachWaiting { entry in
            let operation = LoopAudit.Operation(session, entry.requestID)
            auditResult(operation, result: -ECANCELED, time: 0, isRefused: false)
        }
        log.add(newRecord(.sessionEnd, session))
    }

    /// A session has a device from now on, by asking for it or by opening it.
    func auditLease(_ device: String, by session: UInt64) {
        commons.enter()
        defer { commons.leave() }
        let epoch = devices.index(device).map(leases.epoch) ?? 0
        putOnRecord(.lease) { record in
            record.add("session", session)
            record.add("identity", commons.identity(of: session))
            record.add("device", device)
            record.add("lease", epoch)
        }
    }

    /// Sessions have a device no more.
    func auditLeaseEnd(_ device: DeviceTable.Index, _ sessions: [UInt64], _ ending: LeaseTable.Ending) {
        for session in sessions {
            putOnRecord(.leaseEnd) { record in
                record.add("session", session)
                record.add("identity", commons.identity(of: session))
                record.add("device", devices[device].name)
                record.add("lease", leases.epoch(device))
                record.add("why", ending.words)
            }
        }
    }

    func putOnRecord(_ kind: AuditRecord.Kind, _ body: (inout AuditRecord) -> Void) {
        guard let log = audit.log else { return }
        var record = AuditRecord(kind, time: KernelClock.realtime())
        body(&record)
        log.add(record)
    }

    // MARK: Counts

    mutating func auditDenial(
        _ refusal: Refusal, of entry: Entry, _ device: String, _ session: SessionPointer
    ) {
        guard audit.log != nil else { return }
        let denial = LoopAudit.Denial(
            session: session.pointee.number, identity: session.pointee.identity,
            context: session.pointee.context, device: device, operation: entry.word,
            code: entry.subOpcode.code, rule: refusal.rule, text: refusal.text)
        if audit.denials.count < LoopAudit.deniedKinds || audit.denials[denial] != nil {
            audit.denials[denial, default: 0] += 1
        } else {
            audit.otherDenials += 1
        }
    }

    /// Writes once a second what was only counted.
    mutating func writeCounts() {
        guard audit.log != nil, now >= audit.nextCounts else { return }
        audit.nextCounts = now + LoopAudit.interval
        flushCounts()
    }

    mutating func flushCounts() {
        forEachSession { loop, session in loop.flushReads(session) }
        let denials = audit.denials.sorted { ($0.key.session, $0.key.text) < ($1.key.session, $1.key.text) }
        audit.denials.removeAll(keepingCapacity: true)
        for (denial, count) in denials {
            putOnRecord(.denied) { record in
                record.add("session", denial.session)
                record.add("identity", denial.identity)
                if let context = denial.context { record.add("traceparent", context.text) }
                record.add("device", denial.device)
                record.add("operation", denial.operation)
                record.add("code", Int(denial.code))
                record.add("rule", denial.rule)
                record.add("text", denial.text)
                record.add("count", count)
            }
        }
        guard audit.otherDenials > 0 else { return }
        let others = audit.otherDenials
        audit.otherDenials = 0
        putOnRecord(.denied) { $0.add("count", others) }
    }

    private mutating func flushReads(_ session: SessionPointer) {
        guard !session.pointee.reads.isEmpty else { return }
        commons.enter()
        defer { commons.leave() }
        for (key, count) in session.pointee.reads.take() {
            var record = newRecord(.reads, session)
            record.add("device", key.device == 0 ? "" : devices[key.device].name)
            record.add("operation", key.operation.map { "\($0)" } ?? "")
            if key.operation == .command {
                let commands = devices[key.device].device.commands(key.code)
                if commands.count == 1 { record.add("command", commands[0].name) }
                record.add("code", Int(key.code.code))
            }
            record.add("count", count)
            audit.log?.add(record)
        }
    }
}

extension Entry {
    fileprivate var word: String { operation.map { "\($0)" } ?? "unknown" }
}
