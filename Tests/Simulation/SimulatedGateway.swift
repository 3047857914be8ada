import RingPolicy
import RingProtocol
import TestSupport

@testable import RingEngine
@testable import RingGateway

/// The gateway's cores put together as the loop puts them together, over virtual devices: session state, order, replay,
/// policy, leases and turns are the real ones.
struct SimulatedGateway: ~Copyable {
    static let grace: UInt64 = 3_000_000_000
    static let exclusive: UInt16 = 2

    let rights: PeerPolicy
    private(set) var sessions: [UInt64: Session] = [:]
    private var devices: [UInt16: Device] = [:]
    private var leases = LeaseTable()
    private var delays = TimerQueue<Call>()
    private var layout = Layout()
    private var random: SeededRandom
    private var lastSession: UInt64 = 0
    private var isKilled = false
    private(set) var epoch: UInt64 = 1
    /// What must always be so, and was not.
    private(set) var violations: [String] = []
    /// How often each entry reached its device, over all runs of the gateway.
    private(set) var runs: [String: Int] = [:]
    private var now: UInt64 = 0

    init(_ rights: PeerPolicy, seed: UInt64) {
        self.rights = rights
        random = SeededRandom(seed: seed)
        for device in 1...2 as ClosedRange<UInt16> {
            var manner = VirtualDevice<Call>.Manner()
            manner.failures = 5
            manner.stuck = 1
            manner.late = 100
            devices[device] = Device(hardware: VirtualDevice(manner, random: random.split()))
        }
    }

    var next: UInt64? {
        let ends = sessions.values.map(\.deadline).filter { $0 != .max }
        return ([delays.next, leases.nextDeadline] + devices.values.map(\.hardware.next) + ends.map { $0 })
            .compactMap(\.self).min()
    }

    // MARK: Connections

    /// Answers a hello; the welcome and what has to be said again.
    mutating func greet(
        _ hello: Hello, _ link: VirtualNetwork<[UInt8]>.Link, now: UInt64
    ) -> (session: Session, frames: [[UInt8]])? {
        self.now = now
        var welcome = Welcome()
        welcome.epoch = epoch
        let session: Session
        if let asked = hello.resumption, asked.epoch == epoch, let known = sessions[asked.session],
            known.token == asked.token, known.state.resume(received: asked.received)
        {
            session = known
            welcome.resumption = .resumed
        } else {
            guard let state = try? SessionState(hello) else { return nil }
            lastSession += 1
            session = Session(lastSession, SessionToken(random.next(), random.next()), state)
            for device in devices.keys {
                guard let grant = rights.grant(onDevice: Self.name(device)) else { continue }
                session.state.slots.reserve(
                    FileSlot(device), grant, device: device, isMetered: false, meters: [])
                _ = session.state.slots.fill(FileSlot(device), OpenFileID(UInt32(device)))
            }
            sessions[lastSession] = session
            welcome.resumption = hello.resumption == nil ? .fresh : .lost
        }
        session.link = link
        session.deadline = .max
        session.output = []
        welcome.session = session.number
        welcome.token = session.token
        welcome.features = session.state.features
        welcome.lastRequestID = session.state.lastRequestID
        var frames = [welcome.encoded()]
        session.state.replay.replay { completion in
            frames.append(
                Frame.encoded(.complete, payloadLength: completion.count, count: 1) {
                    $0.copyMemory(from: completion)
                })
        }
        return (session, frames)
    }

    static func name(_ device: UInt16) -> String { "device\(device)" }

    mutating func lost(_ session: Session, _ link: VirtualNetwork<[UInt8]>.Link, now: UInt64) {
        guard session.link == link else { return }
        session.link = nil
        session.deadline = now + Self.grace
    }

    /// Frames to send, by session; one turn's completions of a session share a frame.
    mutating func takeOutput() -> [(VirtualNetwork<[UInt8]>.Link, [UInt8])] {
        var frames: [(VirtualNetwork<[UInt8]>.Link, [UInt8])] = []
        for number in sessions.keys.sorted() {
            guard let session = sessions[number], let link = session.link, !session.output.isEmpty else {
                continue
            }
            let size = session.output.reduce(0) { $0 + $1.0.size }
            frames.append(
                (
                    link,
                    Frame.encoded(.complete, payloadLength: size, count: session.output.count) { buffer in
                        var position = 0
                        for (header, payload) in session.output {
                            let space = UnsafeMutableRawBufferPointer(rebasing: buffer[position...])
                            header.encode(into: space)
                            payload.withUnsafeBytes {
                                if $0.count > 0 { space.storeWirePadded($0, at: Limits.completionHeader) }
                            }
                            position += header.size
                        }
                    }
                ))
            session.output = []
        }
        return frames
    }

    // MARK: Frames

    /// False when the session ends for cause.
    mutating func receive(_ bytes: [UInt8], _ session: Session, now: UInt64) -> Bool {
        self.now = now
        let isGood = bytes.withUnsafeBytes { raw -> Bool in
            do throws(WireError) {
                guard let frame = try Frame.decode(WireBytes(raw), payloadLimit: Limits.framePayload) else {
                    return false
                }
                if case .entries(var submission) = try session.state.receive(frame) {
                    while let entry = submission.next() { accept(entry, &submission, session) }
                }
                return true
            } catch {
                return false
            }
        }
        guard isGood else {
            end(session)
            return false
        }
        settle(session)
        return true
    }

    private mutating func accept(_ entry: Entry, _ submission: inout Submission, _ session: Session) {
        guard entry.flags.isSequenced || session.state.sequencer.holds, entry.operation != .cancel else {
            return admit(entry, session)
        }
        let unit = Unit(submission.chain(from: entry))
        if session.state.sequencer.holds || unit.drains {
            session.state.sequencer.hold(unit)
        } else {
            start(unit, session)
        }
    }

    private mutating func start(_ unit: Unit, _ session: Session) {
        var unit = unit
        guard unit.isChain else { return unit.takeNext { entry, _ in admit(entry, session) } }
        var trial = ChainTrial(slots: session.state.slots, rights: rights)
        var failure: (id: RequestID, refusal: Refusal)?
        unit.forEach { entry in
            guard failure == nil else { return }
            do throws(Refusal) { _ = try trial.judge(entry, &layout) } catch {
                failure = (entry.requestID, error)
            }
        }
        guard let failure else { return session.state.sequencer.proceed(unit) }
        unit.forEach { entry in
            complete(session, entry.requestID, entry.requestID == failure.id ? failure.refusal.result : -125)
        }
    }

    private mutating func settle(_ session: Session) {
        while let step = session.state.sequencer.next(
            unanswered: session.state.unanswered, recorded: 0)
        {
            switch step {
            case .start(let unit): start(unit, session)
            case .issue(var unit):
                unit.takeNext { entry, rest in
                    session.state.sequencer.issued(entry, rest: rest)
                    admit(entry, session)
                }
            case .cancel(let id): complete(session, id, -125)
            case .refund, .reject: break
            }
        }
    }

    private mutating func admit(_ entry: Entry, _ session: Session) {
        switch entry.operation {
        case .nop: complete(session, entry.requestID, 0)
        case .timeout:
            delays.add(Call(session: session.number, id: entry.requestID.value), at: now + entry.offset)
        case .lease: lease(entry, session)
        case .cancel: cancel(entry, session)
        case .command: command(entry, session)
        default: complete(session, entry.requestID, -95)
        }
    }

    private mutating func command(_ entry: Entry, _ session: Session) {
        do throws(Refusal) {
            let slot = try session.state.slots.open(entry.slot)
            let grant = slot.grant.takeUnretainedValue()
            let command = try grant.authorize(entry, on: slot.file, &layout) { _ in nil }
            let device = UInt16(command.file.index)
            guard device != Self.exclusive || holds(session.number, device) else {
                throw Refusal(.busy, "not leased")
            }
            let call = Call(session: session.number, id: entry.requestID.value)
            devices[device]?.queue.append(call, of: session.number, cost: 1)
            begin(device)
        } catch {
            complete(session, entry.requestID, error.result)
        }
    }

    private func holds(_ session: UInt64, _ device: UInt16) -> Bool {
        leases.leases(of: session).contains { $0.devices.contains { $0.device == device } }
    }

    private mutating func begin(_ device: UInt16) {
        guard devices[device]?.running == nil, let call = devices[device]?.queue.take() else { return }
        runs["\(epoch).\(call.session).\(call.id)", default: 0] += 1
        if device == Self.exclusive, !holds(call.session, device) {
            violations.append("\(call) ran on a device that its session does not have")
        }
        if (runs["\(epoch).\(call.session).\(call.id)"] ?? 0) > 1 { violations.append("\(call) ran twice") }
        devices[device]?.running = call
        devices[device]?.hardware.begin(call, now: now)
    }

    private mutating func cancel(_ entry: Entry, _ session: Session) {
        let target = RequestID(entry.offset)
        var isEnded = session.state.sequencer.cancel { $0.requestID == target } > 0
        if !isEnded, delays.remove(Call(session: session.number, id: target.value)) {
            complete(session, target, -125)
            isEnded = true
        }
        for device in devices.keys.sorted() where !isEnded {
            let call = Call(session: session.number, id: target.value)
            guard devices[device]?.queue.removeAll(where: { $0 == call }).isEmpty == false else { continue }
            complete(session, target, -125)
            isEnded = true
        }
        complete(session, entry.requestID, isEnded ? 0 : -2)
    }

    // MARK: Leases

    private mutating func lease(_ entry: Entry, _ session: Session) {
        leases.advance(to: now)
        if entry.leaseVerb == .release {
            let known = leases.leases(of: session.number).first
            if let known { try? leases.release(known.id, by: session.number) }
            complete(session, entry.requestID, known == nil ? -22 : 0)
        } else {
            let demand = LeaseTable.Demand(
                request: .init(session: session.number, id: entry.requestID), devices: [Self.exclusive],
                isExclusive: true, ttl: random.number(1_000_000...500_000_000),
                waitsUntil: now + random.number(0...50_000_000), wantsPosition: false)
            do {
                if try leases.acquire(demand, now: now) != nil { complete(session, entry.requestID, 0) }
            } catch {
                complete(session, entry.requestID, -16)
            }
        }
        settleLeases()
    }

    private mutating func settleLeases() {
        while true {
            let events = leases.takeEvents()
            guard !events.isEmpty else { break }
            for event in events {
                switch event {
                case .granted(let request, _): answer(request, 0)
                case .timedOut(let request, _): answer(request, -16)
                case .ended(_, let devices, let holders, _): takeBack(devices, from: holders)
                case .vacated(let device):
                    devices[device]?.isVacated = true
                    release(device)
                case .position: break
                }
            }
        }
    }

    private mutating func answer(_ request: LeaseTable.Request, _ result: Int32) {
        if let session = sessions[request.session] { complete(session, request.id, result) }
    }

    /// What waits for the device is not run any more; what runs is waited for.
    private mutating func takeBack(_ indices: [UInt16], from holders: [UInt64]) {
        for index in indices {
            for call in devices[index]?.queue.removeAll(where: { holders.contains($0.session) }) ?? [] {
                if let session = sessions[call.session] { complete(session, RequestID(call.id), -125) }
            }
        }
    }

    private mutating func release(_ device: UInt16) {
        guard devices[device]?.isVacated == true, devices[device]?.running == nil else { return }
        devices[device]?.isVacated = false
        leases.released(device)
        settleLeases()
    }

    // MARK: Time

    mutating func advance(to time: UInt64) {
        now = time
        leases.advance(to: now)
        leases.expire(now: now)
        settleLeases()
        while let call = delays.takeDue(now) {
            if let session = sessions[call.session] { complete(session, RequestID(call.id), 0) }
        }
        for index in devices.keys.sorted() {
            while let outcome = devices[index]?.hardware.takeDue(now) {
                devices[index]?.running = nil
                if let session = sessions[outcome.call.session] {
                    complete(session, RequestID(outcome.call.id), outcome.result)
                }
                release(index)
                begin(index)
            }
        }
        for number in sessions.keys.sorted() {
            guard let session = sessions[number] else { continue }
            if now >= session.deadline { end(session) } else { settle(session) }
        }
        settleLeases()
        if leases.holders(Self.exclusive).count > 1 { violations.append("two hold an exclusive device") }
    }

    private mutating func end(_ session: Session) {
        sessions[session.number] = nil
        for index in devices.keys {
            _ = devices[index]?.queue.removeAll { $0.session == session.number }
        }
        leases.advance(to: now)
        leases.end(session: session.number)
        settleLeases()
    }

    /// The gateway is killed and starts again: nothing of a session is left; what runs, runs on.
    mutating func restart() {
        epoch += 1
        sessions = [:]
        leases = LeaseTable()
        delays = TimerQueue()
        for index in devices.keys { _ = devices[index]?.queue.removeAll { _ in true } }
    }

    private mutating func complete(_ session: Session, _ id: RequestID, _ result: Int32) {
        let header = CompletionHeader(id, result: result, flags: .engine(.gateway))
        let isShown =
            !session.state.sequencer.isActive || session.state.sequencer.answered(id, result: result)
        guard isShown else { return session.state.completeUnseen(charge: 0) }
        session.state.complete(header, UnsafeRawBufferPointer(start: nil, count: 0), charge: 0)
        if session.link != nil { session.output.append((header, [])) }
    }
}
