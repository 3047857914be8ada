import CLiburing
import Glibc
import RingPolicy
import RingProtocol

/// Runs authorized commands: on fenced device rings, or on one worker thread per device.
///
/// Owned by one loop thread, which prepares operations, calls `flush` once a turn, and takes completions with
/// `next`. Nothing here decides anything: what arrives is authorized, what is full is refused as busy.
public struct DeviceEngine: ~Copyable {
    var ring: DeviceRing
    var wideRing: DeviceRing
    var pool = OperationPool()
    var files = OpenFileTable()
    var lanes: [String: CallLane] = [:]
    /// Lanes of threads that a reset has left in the kernel.
    var lanesLeftBehind: [CallLane] = []
    /// Those that were given something in this turn, to be woken at its end.
    var lanesToWake: [CallLane] = []
    let finished: FinishedList
    /// What the clients of calls that do not come back are told, not given out yet.
    var answers: [EngineCompletion] = []
    /// Operations whose clients have been told already.
    var answered = 0
    /// Operations that were asked to end and have not.
    var stopping: [Stopping] = []
    /// The operation whose completion was given out last; its memory is given back with the next one.
    var lent: OperationPointer?
    /// The result given out last, in memory that never moves.
    let told = UnsafeMutablePointer<EngineCompletion>.allocate(capacity: 1)
    /// The time of this turn, so that not every operation reads the clock.
    var now: UInt64 = 0
    var ringEntries = 0
    public let counters = EngineCounters()
    /// Number of the loop that owns it, by which its files are told from those of others.
    let loop: UInt8
    let opener: DeviceOpener

    /// `wake` is signalled whenever something has finished while the loop may be asleep.
    package init(
        wake: WakeSignal, loop: UInt8 = 0, opener: @escaping DeviceOpener = { OpenedDevice(opening: $0) }
    ) throws(EngineError) {
        let installed = rg_interrupt_install()
        guard installed == 0 else { throw .failed(call: "sigaction", errno: -installed) }
        let ring = try DeviceRing(wake: wake, wide: false)
        let wideRing = try DeviceRing(wake: wake, wide: true)
        self.ring = ring
        self.wideRing = wideRing
        self.loop = loop
        self.opener = opener
        finished = FinishedList(wake: wake)
        told.initialize(to: Self.told(.none, 0))
    }

    /// Files that something still uses stay open: a worker would find another file under their number. Closing
    /// the others may wait for their devices.
    deinit {
        for lane in lanes.values { lane.stop() }
        files.closeIdle(counters)
        told.deinitialize(count: 1)
        told.deallocate()
    }

    /// Operations not yet given out as completions.
    public var inFlight: Int { pool.inUse - answered - (lent == nil ? 0 : 1) + answers.count }
    /// Files open or on their way to be opened or closed.
    public var openFiles: Int { files.inUse }

    /// Sets the time that operations prepared from now on are taken to start at.
    public mutating func beginTurn(now: UInt64) { self.now = now }

    /// Takes a command over. The bytes it refers to are copied or sent before this returns.
    /// A read that `waitsForInput` takes none of the kernel's threads before there is something to read.
    public mutating func submit(
        _ command: consuming AuthorizedCommand, tag: OperationTag, waitsForInput: Bool = false,
        isRepeated: Bool = false
    ) throws(Refusal) {
        try start(command, tag, waitsForInput, isRepeated)
    }

    /// Takes commands of a row over, at most `count` of them; `tag` is that of the first but for its request id. After an
    /// error the first that is left is the one that was refused.
    public mutating func submit(
        _ row: inout AuthorizedRow, upTo count: Int, tag: OperationTag
    ) throws(Refusal) {
        let end = row.count - min(count, row.count)
        if row.command.transport == .ring, !row.command.hasBlocks {
            return try submitRingCommands(&row, downTo: end, tag)
        }
        while row.count > end {
            try start(row.command, tag.of(row.first))
            row.dropFirst()
        }
    }

    @inline(__always)
    private mutating func start(
        _ command: borrowing AuthorizedCommand, _ tag: OperationTag, _ waitsForInput: Bool = false,
        _ isRepeated: Bool = false
    ) throws(Refusal) {
        switch (command.action, command.transport) {
        case (.command, .call): try submitCall(command, tag)
        case (.command, .ring): try submitRingCommand(command, tag)
        case (.command, .wideRing): try submitWideCommand(command, tag)
        case (.command, .gateway), (.command, .procedure):
            throw Refusal(.unsupported, "the gateway answers this command itself")
        case (.read, _): try submitTransfer(command, tag, waitsForInput ? .beforeRead : .none)
        case (.poll, _): try submitTransfer(command, tag, isRepeated ? .repeatedly : .once)
        case (.write, _), (.sync, _): try submitTransfer(command, tag, .none)
        }
    }

    /// Hands everything prepared to the workers and the kernel: one system call per worker that waits and per ring that has
    /// work.
    public mutating func flush() {
        counters.ringEntries.store(ringEntries, ordering: .relaxed)
        counters.files.store(files.inUse, ordering: .relaxed)
        wakeLanes()
        ring.submit()
        wideRing.submit()
    }

    // MARK: Operations

    @inline(__always)
    func userData(_ operation: OperationPointer) -> UInt64 { UInt64(pool.index(of: operation)) }

    @inline(__always)
    mutating func take(
        _ kind: Operation.Kind, payload: Int, alignment: Int = 64, _ file: OpenFileID, _ tag: OperationTag
    ) throws(Refusal) -> OperationPointer {
        try requireUsable(file, onRing: kind != .call)
        let taken =
            kind == .ringCommand && payload == 0
            ? pool.takePlain(tag: tag) : pool.take(kind, payload: payload, alignment: alignment, tag: tag)
        guard let operation = taken else { throw Self.tooMany }
        operation.pointee.file = file.index
        operation.pointee.started = now
        files[file.index].inFlight += 1
        files[file.index].started += 1
        if kind != .call { ringEntries += 1 }
        return operation
    }

    /// Refuses when no operation may begin on the file.
    @inline(__always)
    mutating func requireUsable(_ file: OpenFileID, onRing: Bool) throws(Refusal) {
        precondition(file.loop == loop, "a file of another loop's engine")
        guard files[file.index].state == .open, !files[file.index].isQuarantined else {
            throw notUsable(file.index)
        }
        if onRing, !files[file.index].isRegistered { try register(file.index) }
    }

    static var tooMany: Refusal {
        Refusal(.busy, "the gateway has as many operations in flight as it may; try again")
    }

    static var queueFull: Refusal { Refusal(.busy, "the kernel's queue is full; try again") }

    mutating func giveUp(_ operation: OperationPointer) -> Refusal {
        ringEntries -= 1
        drop(operation)
        return Self.queueFull
    }

    /// Takes an operation back that nothing has begun with.
    mutating func drop(_ operation: OperationPointer) {
        _ = finishDescriptor(operation)
        files[operation.pointee.file].inFlight -= 1
        pool.release(operation)
    }
}
