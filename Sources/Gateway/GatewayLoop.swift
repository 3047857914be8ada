import CLiburing
import Logging
import RingEngine
import RingPolicy
import RingProtocol

/// One thread of the gateway, mostly its only one: it owns its network ring, its device engine, its connections and their
/// sessions. What it has in common with other loops is in `commons`; all else they ask of each other by their mailboxes.
struct GatewayLoop: ~Copyable {
    enum Mode: Equatable {
        case serving
        /// No new entries; what was accepted is awaited.
        case draining(deadline: UInt64)
        /// What still ran was cancelled; its answers are awaited.
        case cancelling(deadline: UInt64)
        /// Every connection is being cut.
        case stopping(deadline: UInt64)
        case ended
    }

    /// 0 for the first, which also accepts and greets.
    let number: UInt8
    let commons: Commons
    let limits: GatewayLimits
    var policy: PolicySnapshot
    let counters: GatewayCounters
    let logger: Logger
    let mailbox: Mailbox
    /// What certificates are judged by, and when the first one in must be judged again: seconds since 1970.
    var trust: Trust
    var nextJudgement = Int64.max
    let network: NetworkRing
    /// The first loop's alone.
    let listener: Listener?
    var engine: DeviceEngine
    var connections: PlaceTable<Connection>
    var sessions: PlaceTable<Session>
    /// Sessions that are over, to be removed when nothing of this turn refers to them any more.
    var ended: [SessionPointer] = []
    /// Sessions in which something may go on: a chain's next element, what waited behind a drain.
    var ready: [SessionPointer] = []
    var mode = Mode.serving
    var now = KernelClock.monotonic()
    var isAccepting = false
    var isTicking = false
    var isWakeable = false
    var events: EventLog
    /// What each set of principals that has connected may do.
    var rights: [PrincipalSet: PeerRights] = [:]
    /// When rights change although the policy does not, in seconds since 1970; nil for never.
    var nextChangeOfRights: UInt64?
    /// The blocks of the command being decided.
    var layout = Layout()
    /// Sessions by their numbers.
    var numbers: [UInt64: SessionPointer] = [:]
    var desk: AdministrationDesk
    var audit: LoopAudit
    var trace = LoopTrace()
    /// nil when the kernel gave none: then devices that come and go are seen only when they are opened.
    var deviceWatch: DeviceWatch?
    /// Procedures being run, by place.
    var runs = [ProcedureRun?](repeating: nil, count: ProcedureRun.limit)
    /// How often consoles have been opened; starts over.
    var consoleOpenings: UInt16 = 0
    var timers = TimerQueue<TimerKey>()
    /// When the kernel will wake the loop for a timer, and which alarm that is.
    var alarm = UInt64.max
    var alarmNumber: UInt32 = 0
    /// For the engine, once a turn.
    var cancelOrders: [CancelOrder] = []
    /// Of the session that began last.
    var sessionNumber: UInt64
    /// What other loops, and devices' own processes, are to be told at the end of the turn, and how many operations each
    /// has of this one's.
    var outgoing: [[Mailbox.Order]]
    var handedOver: [Int]
    /// Events that were dropped because another loop does not take them.
    var droppedEvents: [OperationTag: UInt64] = [:]
    /// Connections with something to send, each once.
    var dirty: [UInt32] = []
    /// Where plaintext is decrypted to while a connection has no incomplete frame.
    let scratch = UnsafeMutableRawBufferPointer.allocate(
        byteCount: GatewayLimits.plaintextScratch, alignment: 16)

    deinit { scratch.deallocate() }

    /// Turns until the gateway has ended: sleep, look at the network, hand over to the devices, collect their
    /// results, send the answers.
    mutating func run() {
        accept()
        watchNodes()
        setConsoles()
        nextChangeOfRights = policy.nextChange(after: KernelClock.realtimeSeconds())
        while mode != .ended {
            sleep()
            now = KernelClock.monotonic()
            engine.beginTurn(now: now)
            beginTrace()
            handleNetworkCompletions()
            fireTimers()
            advanceSessions()
            cancelInEngine()
            engine.flush()
            handleDeviceCompletions()
            advanceChains()
            flushDirtyConnections()
            flushOutgoing()
        }
        flushCounts()
        reportReplays()
        desk.stop()
        deviceWatch?.stop()
    }

    /// Does not sleep while there are results already, or nothing that would end the sleep.
    private mutating func sleep() {
        if !isWakeable { isWakeable = network.armWake() }
        if !isTicking { isTicking = network.armTick() }
        setAlarm()
        if ready.isEmpty, engine.prepareToSleep(), isWakeable, isTicking {
            network.submitAndWait()
        } else {
            network.submit()
        }
        engine.wakeUp()
    }

    private mutating func handleNetworkCompletions() {
        let ready = network.ready
        // What another loop wanted before a client has sent something is done before that is looked at.
        if commons.loops > 1 { obeyAll() }
        for index in 0..<ready { handle(network.completion(index)) }
        network.advance(ready)
    }

    private mutating func handle(_ cqe: UnsafePointer<io_uring_cqe>) {
        guard let event = NetworkEvent(userData: cqe.pointee.user_data) else { return }
        let hasMore = cqe.pointee.flags & RG_CQE_MORE != 0
        switch event.kind {
        case .accept: accepted(cqe.pointee.res, hasMore: hasMore)
        case .receive: received(event, cqe, hasMore: hasMore)
        case .send: sent(event, cqe.pointee.res)
        case .shutdown: finishedShutdown(event)
        case .wake:
            isWakeable = hasMore
            mailbox.wake.acknowledge()
            obeyAll()
        case .tick:
            isTicking = false
            accept()
            events.endInterval()
            endRequestInterval()
            lookAtTrace()
            writeCounts()
            lookAtTime()
            lookAtCertificates()
            lookAtDeadlines()
            endLostSessions()
            releaseVacated()
            openConsoles()
        case .alarm: rang(event.generation)
        case .unobserved: break
        }
    }

    private mutating func obeyAll() {
        for order in mailbox.take() { obey(order) }
    }

    private mutating func accept() {
        guard mode == .serving, !isAccepting, number == 0 else { return }
        isAccepting = network.armAccept()
    }

    private mutating func handleDeviceCompletions() {
        now = KernelClock.monotonic()
        engine.beginTurn(now: now)
        repeat { answerPlain() } while answerNext()
    }

    /// One of the completions that are not plain. False when there is none.
    private mutating func answerNext() -> Bool {
        if let completion = engine.next() {
            if isMine(completion.pointee.tag) {
                answer(completion)
            } else {
                forward(completion.pointee)
            }
            return true
        }
        return false
    }

    /// Lets chains go on whose last element is done already: of a device that answers at once, many in one turn.
    private mutating func advanceChains() {
        var rounds = 0
        while !ready.isEmpty, rounds < GatewayLimits.chainRounds {
            rounds += 1
            advanceSessions()
            engine.flush()
            handleDeviceCompletions()
        }
    }

    /// The one place where connections and sessions end for good, so that nobody holds one that is gone.
    private mutating func flushDirtyConnections() {
        var position = 0
        while position < dirty.count {
            let index = dirty[position]
            position += 1
            guard let connection = connections[index], connection.pointee.isDirty else { continue }
            connection.pointee.isDirty = false
            if connection.pointee.stage != .dead { flush(connection) }
            switch connection.pointee.stage {
            case .dead: releaseIfIdle(connection)
            case .departing: departIfIdle(connection)
            case .handshaking, .serving, .finishing, .lingering: break
            }
        }
        dirty.removeAll(keepingCapacity: true)
        removeEndedSessions()
    }

    @inline(__always)
    mutating func markDirty(_ connection: ConnectionPointer) {
        guard !connection.pointee.isDirty else { return }
        connection.pointee.isDirty = true
        dirty.append(connection.pointee.place.index)
    }
}
