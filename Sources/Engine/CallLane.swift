import CLiburing
import Glibc
import RingFault
import RingPolicy
import Synchronization

/// The call engine for one device: a thread that runs its system calls one after the other, and a bounded queue in which
/// sessions take turns.
///
/// `@unchecked Sendable` is sound because every stored variable but those that say otherwise is touched only while `lock` is
/// held, and an operation belongs to the lane from `enqueue` until it is in the finished list.
final class CallLane: @unchecked Sendable {
    private let lock = ThreadLock()
    private let finished: FinishedList
    private let counters: EngineCounters
    private var waiting = FairQueue<OperationPointer>(quantum: EngineLimits.laneQuantum)
    private var depth = 0
    /// Nanoseconds from one call's end to the next one's while others wait, on average over the last ones.
    private var usualTime: UInt64 = 0
    /// When a call has ended behind which others waited; else 0.
    private var lastEnd: UInt64 = 0
    private var running: OperationPointer?
    /// When it began, or 0: written by the thread without the lock, which others wait for.
    private let began = Moment()
    /// When the running call got its first signal; 0 when it got none.
    private var interrupted: UInt64 = 0
    private var isStopping = false
    /// Whether the thread waits for something to do.
    private var isIdling = false
    /// Whether it was given something since it was woken last. Touched by the engine's thread alone.
    var hasNews = false
    private var thread = pthread_t()
    /// Operations on files of the device that are closed. Touched by the engine's thread alone, without the lock.
    var startedBefore = 0
    /// Whom the queue was too full for in this turn of the engine. Touched by the engine's thread alone.
    private var crowd = Crowd()

    init(finished: FinishedList, counters: EngineCounters) throws(EngineError) {
        self.finished = finished
        self.counters = counters
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, EngineLimits.laneStack)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let context = Unmanaged.passRetained(self)
        let result =
            Fault.thread.strikes
            ?? pthread_create(
                &thread, &attributes,
                { context in
                    Unmanaged<CallLane>.fromOpaque(context.unsafelyUnwrapped).takeRetainedValue().run()
                    return nil
                }, context.toOpaque())
        guard result == 0 else {
            context.release()
            throw .failed(call: "pthread_create", errno: result)
        }
    }

    /// Takes the operation over. False when the queue is full, or where others wait too the session's share of it, and
    /// `isUrgent` is not set. Who has nothing there finds a place however many others have, so that a flood keeps nobody
    /// out.
    func enqueue(_ operation: OperationPointer, isUrgent: Bool = false) -> Bool {
        lock.locked {
            let flow = operation.pointee.tag.flow
            let share = EngineLimits.laneDepth / 4
            let own = waiting.count(of: flow)
            let isOver = depth >= EngineLimits.laneDepth || (waiting.flowCount > 1 && own >= share)
            guard isUrgent || !isOver || (own == 0 && depth < 2 * EngineLimits.laneDepth) else {
                return false
            }
            waiting.append(operation, of: flow, cost: operation.pointee.cost)
            depth += 1
            return true
        }
    }

    /// Lets the thread see what was enqueued. Not part of that, so that it finds all of a turn's operations, and the lock
    /// free.
    func wake() {
        if lock.locked({ isIdling }) { lock.signal() }
    }

    /// How long it will be until there is room for one more of the session, if it was turned away in this turn already.
    func turnsAway(_ tag: OperationTag, turn: UInt64) -> UInt64? {
        crowd.turn == turn && crowd.flow == tag.flow ? crowd.add() : nil
    }

    /// The queue was too full for the session. The result is how long that will be.
    func turnAway(_ tag: OperationTag, turn: UInt64) -> UInt64 {
        crowd = lock.locked {
            Crowd(
                flow: tag.flow, turn: turn, wait: UInt64(depth) &* usualTime,
                share: UInt64(waiting.count(of: tag.flow)))
        }
        return crowd.add()
    }

    /// Lets the thread end once it is idle. A thread stuck in the kernel cannot be ended and is left behind.
    func stop() {
        lock.locked {
            isStopping = true
            lock.signal()
        }
    }

    // MARK: The thread

    private func run() {
        allowOnlyInterrupts()
        while !serve() {}
    }

    /// Runs operations until the lane stops. False when there is no memory for arguments: then one is answered so, and it is
    /// tried again with the next.
    private func serve() -> Bool {
        do throws(EngineError) {
            var arena = try GuardedArena(counters)
            while let operation = takeNext() {
                let now = KernelClock.monotonic()
                began.value.store(now, ordering: .relaxed)
                SystemCall.run(operation, from: now, in: &arena, counters)
                giveBack(operation, now &+ operation.pointee.deviceTime)
            }
            return true
        } catch {
            guard let operation = takeNext() else { return true }
            fail(operation)
            return false
        }
    }

    private func takeNext() -> OperationPointer? {
        lock.locked {
            if waiting.isEmpty { lastEnd = 0 }
            isIdling = true
            while waiting.isEmpty && !isStopping { lock.wait() }
            isIdling = false
            running = waiting.take()
            return running
        }
    }

    /// `end` is when the call has come back.
    private func giveBack(_ operation: OperationPointer, _ end: UInt64) {
        lock.locked {
            operation.pointee.settle()
            let time = lastEnd == 0 ? operation.pointee.deviceTime : end &- lastEnd
            lastEnd = end
            usualTime = (7 * usualTime &+ time) / 8
            running = nil
            began.value.store(0, ordering: .relaxed)
            interrupted = 0
            depth -= 1
        }
        finished.append(operation)
    }

    /// Without memory for arguments the lane answers and closes, but runs nothing.
    private func fail(_ operation: OperationPointer) {
        let fd = Int32(truncatingIfNeeded: operation.pointee.value)
        if operation.pointee.kind == .close { close(fd) }
        operation.pointee.result = operation.pointee.kind == .close ? 0 : -ENOMEM
        giveBack(operation, KernelClock.monotonic())
    }

    /// The process's own signals belong to other threads.
    private func allowOnlyInterrupts() {
        var signals = sigset_t()
        sigfillset(&signals)
        sigdelset(&signals, rg_interrupt_signal())
        pthread_sigmask(SIG_SETMASK, &signals, nil)
    }
}

/// Entries of one session that a full queue has turned away in one turn. That holds to the turn's end, so that a flood does not
/// ask for the lock once for each of its entries; and each is told to come when those before it will have had their turn,
/// not all of them at once.
private struct Crowd {
    var flow: UInt64 = 0
    var turn: UInt64 = 0
    /// Nanoseconds until the worker will have done what waits now.
    var wait: UInt64 = 0
    /// How many of the session's are among that.
    var share: UInt64 = 0
    var count: UInt64 = 0

    /// One more. The result is how long it should wait.
    mutating func add() -> UInt64 {
        count += 1
        return wait &* (1 + (count - 1) / max(share, 1))
    }
}

/// A time that one thread writes all the time and others rarely read. An object of its own, because in the lane it
/// would share a cache line with what the loop writes.
private final class Moment: Sendable {
    let value = Atomic<UInt64>(0)
}

// MARK: Ending what takes too long

extension CallLane {
    /// Ends the operations on open file `file`: those that wait at once, the one that runs by a signal.
    ///
    /// The signal may arrive just before the system call begins and be lost, so this is called again until
    /// the operation has come back.
    func cancel(file: UInt32, now: UInt64) {
        lock.locked {
            endWaiting(-ECANCELED) { $0.file == file && $0.kind == .call }
            guard let running, running.pointee.file == file, running.pointee.kind == .call else { return }
            interrupt(running, .cancelled, now)
        }
    }

    /// Ends one operation, as `cancel` of a file does. One that has come back already stays as it is.
    func cancel(_ operation: OperationPointer, _ reason: Operation.Stop, now: UInt64) {
        lock.locked {
            if running == operation { return interrupt(operation, reason, now) }
            guard !waiting.removeAll(where: { $0 == operation }).isEmpty else { return }
            operation.pointee.result = reason == .expired ? -ETIME : -ECANCELED
            depth -= 1
            finished.append(operation)
        }
    }

    /// Ends what has waited or run for longer than it may; to be called again and again, as `cancel`.
    func expire(now: UInt64) {
        let ended = lock.locked {
            let count = endWaiting(-ETIME) { $0.kind.mayExpire && $0.started + $0.timeout <= now }
            guard let running,
                running.pointee.stop != .none || age(now) >= running.pointee.timeout
            else { return count }
            let isNew = running.pointee.stop == .none && running.pointee.kind.mayExpire
            interrupt(running, .expired, now)
            return isNew ? count + 1 : count
        }
        if ended > 0 { counters.expired.add(ended, ordering: .relaxed) }
    }

    @discardableResult
    private func endWaiting(_ result: Int32, where isMeant: (Operation) -> Bool) -> Int {
        guard !waiting.isEmpty else { return 0 }
        let ended = waiting.removeAll { isMeant($0.pointee) }
        for operation in ended {
            operation.pointee.result = result
            finished.append(operation)
        }
        depth -= ended.count
        return ended.count
    }

    /// While `running` is set under the lock, the thread is there.
    private func interrupt(_ running: OperationPointer, _ reason: Operation.Stop, _ now: UInt64) {
        if running.pointee.stop == .none { running.pointee.stop = reason }
        if interrupted == 0 { interrupted = now }
        pthread_kill(thread, rg_interrupt_signal())
    }

    // MARK: Giving up

    /// What the client of a call that does not come back must be told. The call keeps its memory and its files.
    struct Abandoned {
        let kind: Operation.Kind
        let tag: OperationTag
        let file: UInt32
        /// The file whose descriptor the call has.
        let taken: UInt32?
        let givesFile: Bool
        let deviceTime: UInt64
        /// Whether it was its own time that was over.
        let isExpired: Bool
    }

    /// The running call, if signals have not brought it back in time. Told once.
    func abandonStuck(now: UInt64) -> Abandoned? {
        lock.locked { isStuck(now) ? abandonRunning(now) : nil }
    }

    /// Ends the lane for good: what waits is handed over, what runs is left to the thread, which then ends.
    func leaveBehind(now: UInt64) -> (waiting: [OperationPointer], abandoned: Abandoned?) {
        lock.locked {
            let rest = waiting.removeAll { _ in true }
            depth = running == nil ? 0 : 1
            let abandoned = abandonRunning(now)
            if let running { interrupt(running, .cancelled, now) }
            isStopping = true
            lock.signal()
            return (rest, abandoned)
        }
    }

    private func abandonRunning(_ now: UInt64) -> Abandoned? {
        guard let running, !running.pointee.isAnswered else { return nil }
        running.pointee.isAnswered = true
        var givesFile = false
        var taken: UInt32?
        switch running.pointee.plan?.pointee.descriptor {
        case .gives: givesFile = true
        case .takes(_, _, let file, _): taken = file
        default: break
        }
        return Abandoned(
            kind: running.pointee.kind, tag: running.pointee.tag, file: running.pointee.file,
            taken: taken, givesFile: givesFile, deviceTime: age(now),
            isExpired: running.pointee.stop == .expired)
    }

    /// Nanoseconds since the running call began; 0 when it is only about to.
    private func age(_ now: UInt64) -> UInt64 {
        let began = began.value.load(ordering: .relaxed)
        return began == 0 || began > now ? 0 : now - began
    }

    private func isStuck(_ now: UInt64) -> Bool {
        running != nil && interrupted > 0 && now >= interrupted + EngineLimits.stuckAfter
    }

    // MARK: What it is doing

    /// Whether a call of it was given up that has not come back.
    var hasAbandoned: Bool { lock.locked { running?.pointee.isAnswered == true } }

    var isIdle: Bool { lock.locked { running == nil && waiting.isEmpty } }

    /// `started` on the files of the device that are open.
    func state(now: UInt64, started: Int) -> LaneState {
        lock.locked {
            LaneState(
                started: startedBefore + started, operations: depth,
                runningFor: running.map { _ in age(now) },
                isStuck: isStuck(now) || running?.pointee.isAnswered == true)
        }
    }
}

/// What a device's worker is doing.
public struct LaneState: Sendable, Equatable {
    /// Operations that were begun on the device so far, on rings as well.
    public let started: Int
    /// Waiting and running.
    public let operations: Int
    /// Nanoseconds for which the running call has been in the kernel; nil when none is.
    public let runningFor: UInt64?
    /// Whether it is one that signals do not end: nothing else runs until it returns or the lane is reset.
    public let isStuck: Bool

    package init(started: Int, operations: Int, runningFor: UInt64?, isStuck: Bool) {
        self.started = started
        self.operations = operations
        self.runningFor = runningFor
        self.isStuck = isStuck
    }
}
