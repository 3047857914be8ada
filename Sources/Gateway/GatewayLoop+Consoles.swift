import Logging
import RingEngine
import RingPolicy
import RingProtocol

/// Shared consoles: the gateway alone reads the device; whoever may read it looks on, from as far back as the scrollback
/// goes, and one at a time writes.
extension GatewayLoop {
    /// Makes the consoles that the policy in force wants, and ends others.
    mutating func setConsoles() {
        commons.enter()
        defer { commons.leave() }
        var wanted: Set<DeviceTable.Index> = []
        for device in policy.devices {
            let isReplayed = commons.replays.has(device)
            guard let terms = isReplayed ? Console.replayTerms : device.console,
                let index = try? devices.known(device, now: now)
            else { continue }
            guard devices[index].loop == number else { continue }
            wanted.insert(index)
            guard consoles[index]?.terms != terms else { continue }
            endConsole(index)
            consoles[index] = Console(terms, log: terms.log.flatMap { log(device.name, $0) })
            if isReplayed { consoles[index]?.becomeReplayed() }
        }
        for index in ownConsoles where !wanted.contains(index) { endConsole(index) }
        openConsoles()
    }

    private func log(_ device: String, _ path: String) -> ConsoleLog? {
        let logger = logger
        return try? ConsoleLog(path: path) { state in
            switch state {
            case .writing: logger.notice("console log is written", metadata: ["device": "\(device)"])
            case .failing(let call, let errno):
                logger.error(
                    "console log is not written",
                    metadata: [
                        "device": "\(device)", "path": "\(path)", "call": "\(call)", "errno": "\(errno)",
                    ])
            }
        }
    }

    private mutating func endConsole(_ index: DeviceTable.Index) {
        guard let console = consoles.removeValue(forKey: index) else { return }
        if case .open(let file) = console.state { closeFile(file, tag: nil) }
        _ = console.log?.stop(within: 100_000_000)
        for key in console.hub.keys {
            let loop = commons.loop(of: key.session)
            if loop == number { endReader(key) } else { commons.mailboxes[Int(loop)].post(.endReader(key)) }
        }
    }

    /// The console that somebody reads is no more.
    mutating func endReader(_ key: ConsoleHub.Key) {
        guard let session = find(session: key.session) else { return }
        finish(key.request, Refusal(.slotNotOpen, "the policy has no console here any more"), session)
    }

    /// Those of devices that this loop operates.
    private var ownConsoles: [DeviceTable.Index] { consoles.keys.filter { devices[$0].loop == number } }

    mutating func endConsoles() {
        commons.enter()
        defer { commons.leave() }
        for index in ownConsoles { endConsole(index) }
    }

    /// Opens those that are closed and whose time has come.
    mutating func openConsoles() {
        commons.enter()
        defer { commons.leave() }
        for index in ownConsoles {
            guard let console = consoles[index] else { continue }
            guard case .closed(let until) = console.state, now >= until,
                let authorized = policy.authorizeConsole(of: devices[index].device)
            else { continue }
            let grant = authorized.grant
            let opening = consoleOpenings &+ 1
            consoleOpenings = opening
            consoles[index]?.opening = opening
            do throws(Refusal) {
                try openFile(authorized, on: index, tag: consoleTag(index))
                consoles[index]?.grant = grant
                consoles[index]?.state = .opening
            } catch {
                rest(index)
            }
        }
    }

    /// The console's opening is where a session's operations have a slot.
    private func consoleTag(_ index: DeviceTable.Index) -> OperationTag {
        OperationTag(
            session: Console.tagSession, generation: UInt32(index) | ownTagBits, requestID: .none,
            slot: FileSlot(consoles[index]?.opening ?? 0))
    }

    /// An operation of a console has come back.
    mutating func consoleTold(_ completion: EngineCompletion) {
        commons.enter()
        defer { commons.leave() }
        let index = DeviceTable.Index(truncatingIfNeeded: completion.tag.generation & Place.generationMask)
        guard consoles[index]?.opening == completion.tag.slot.index else {
            if case .opened(let file) = completion.kind { closeFile(file, tag: nil) }
            return
        }
        switch completion.kind {
        case .opened(let file):
            consoles[index]?.state = .open(file)
            readNext(index)
        case .operation where completion.result > 0:
            consoles[index]?.hub.append(completion.payload)
            consoles[index]?.log?.append(completion.payload)
            pump(index)
            pumpElsewhere(index)
            readNext(index)
        case .operation: closeConsole(index)
        case .notOpened: rest(index)
        case .gave, .gaveNothing, .closed, .cancelled: break
        }
    }

    private mutating func closeConsole(_ index: DeviceTable.Index) {
        if case .open(let file)? = consoles[index]?.state { closeFile(file, tag: nil) }
        rest(index)
    }

    /// It is opened again after a while.
    private mutating func rest(_ index: DeviceTable.Index) {
        let later = now + Console.retry
        consoles[index]?.state = .closed(until: later)
    }

    private mutating func readNext(_ index: DeviceTable.Index) {
        guard case .open(let file)? = consoles[index]?.state, let grant = consoles[index]?.grant else {
            return
        }
        let isStarted = ReadArgument.encode(count: Console.readSize).withUnsafeBytes { bytes -> Bool in
            let entry = Entry(
                .read, requestID: .none, offset: Entry.currentPosition, argument: WireBytes(bytes))
            do throws(Refusal) {
                let command = try grant.authorize(entry, on: file, &layout) { _ in nil }
                try submit(command, entry, by: grant, tag: consoleTag(index), waitsForInput: true)
                return true
            } catch {
                return false
            }
        }
        if !isStarted { closeConsole(index) }
    }

    // MARK: Those who look on

    /// A read of a console whose right was decided: answered from what the gateway has read.
    mutating func readConsole(
        _ entry: Entry, _ index: DeviceTable.Index, _ session: SessionPointer
    ) throws(Refusal) {
        commons.enter()
        defer { commons.leave() }
        let terms = try StreamTerms(entry, anywhere: true)
        let start: ConsoleHub.Start =
            switch entry.offset {
            case Entry.currentPosition: consoles[index]?.taken.map { .position($0) } ?? .newest
            case 0: .oldest
            default: .position(entry.offset)
            }
        let key = ConsoleHub.Key(session: session.pointee.number, request: entry.requestID)
        try session.pointee.state.charge(terms.charge)
        do throws(Refusal) {
            if entry.isStream {
                try consoles[index]?.hub.begin(
                    key, at: start, eventSize: terms.count, credit: UInt32(terms.credit))
            } else {
                try consoles[index]?.hub.beginSingle(key, at: start, size: terms.count)
            }
        } catch {
            session.pointee.state.refund(terms.charge)
            throw error
        }
        session.pointee.state.streams.begin(entry, terms, console: index)
        if entry.timeout != 0 { watchDeadline(entry, session) }
        pump(index)
    }

    /// Gives those who look on what they have not had.
    mutating func pump(_ index: DeviceTable.Index) {
        commons.enter()
        defer { commons.leave() }
        let (loop, loops) = (UInt64(number), UInt64(commons.loops))
        while let key = consoles[index]?.hub.firstReady(where: { $0.session % loops == loop }) {
            guard let session = find(session: key.session) else {
                consoles[index]?.hub.end(key)
                continue
            }
            guard session.pointee.waitingOutput <= GatewayLimits.outputHighWater else {
                consoles[index]?.hub.setHeld(key, true)
                session.pointee.state.streams.isThrottled = true
                continue
            }
            guard let event = consoles[index]?.hub.take(key) else { continue }
            consoles[index]?.took(event)
            let bytes = consoles[index]?.hub.withBytes(of: event) { Array($0) + Array($1) } ?? []
            hand(bytes, event, key.request, session)
        }
    }

    /// Lets other loops do the same for theirs.
    func pumpElsewhere(_ index: DeviceTable.Index) {
        guard commons.loops > 1, let keys = consoles[index]?.hub.keys else { return }
        for loop in Set(keys.map { commons.loop(of: $0.session) }) where loop != number {
            commons.mailboxes[Int(loop)].post(.pump(index))
        }
    }

    private mutating func hand(
        _ bytes: [UInt8], _ event: ConsoleHub.Event, _ id: RequestID, _ session: SessionPointer
    ) {
        bytes.withUnsafeBytes { payload in
            guard event.isLast else {
                session.pointee.state.streams.lose(id, event.lost)
                return tell(id, Int32(bytes.count), payload, .engine(.gateway), session)
            }
            guard let stream = take(id, session) else { return }
            complete(
                CompletionHeader(
                    id, result: Int32(bytes.count), payloadLength: bytes.count, flags: .engine(.gateway)),
                payload, session)
            answerCancels(of: stream, session)
        }
    }

    /// Who writes to a console is its one writer, until it has closed the device or somebody has a lease.
    mutating func requireWriter(_ index: DeviceTable.Index, _ session: SessionPointer) throws(Refusal) {
        commons.enter()
        defer { commons.leave() }
        guard devices[index].device.lease.mode != .none else { return }
        let number = session.pointee.number
        guard !leases.holders(index).contains(number) else { return }
        leases.advance(to: now)
        do throws(LeaseTable.Obstacle) {
            try leases.enter(
                number, index, isExclusive: devices[index].device.lease.mode == .exclusive)
        } catch {
            throw refusal(error)
        }
    }
}
