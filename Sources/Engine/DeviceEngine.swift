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
    let finished: FinishedList
    /// The operation whose completion was given out last; its memory is given back with the next one.
    var lent: OperationPointer?
    /// The time of this turn, so that not every operation reads the clock.
    var now: UInt64 = 0
    var ringEntries = 0
    public let counters = EngineCounters()

    /// `wake` is signalled whenever something has finished while the loop may be asleep.
    package init(wake: WakeSignal) throws(EngineError) {
        let installed = rg_interrupt_install()
        guard installed == 0 else { throw .failed(call: "sigaction", errno: -installed) }
        let ring = try DeviceRing(wake: wake, wide: false)
        let wideRing = try DeviceRing(wake: wake, wide: true)
        self.ring = ring
        self.wideRing = wideRing
        finished = FinishedList(wake: wake)
    }

    /// Files that something still uses stay open: a worker would find another file under their number.
    deinit {
        for lane in lanes.values { lane.stop() }
        files.closeIdle()
    }

    /// Operations not yet given out as completions.
    public var inFlight: Int { pool.inUse - (lent == nil ? 0 : 1) }
    /// Files open or on their way to be opened or closed.
    public var openFiles: Int { files.inUse }

    /// Sets the time that operations prepared from now on are taken to start at.
    public mutating func beginTurn(now: UInt64) { self.now = now }

    /// Takes a command over. The bytes it refers to are copied or sent before this returns.
    public mutating func submit(_ command: consuming AuthorizedCommand, tag: OperationTag) throws(Refusal) {
        switch command.action {
        case .command where command.transport == .call: try submitCall(command, tag)
        case .command where command.transport == .wideRing: try submitWideCommand(command, tag)
        case .command: try submitRingCommand(command, tag)
        case .read, .write, .sync: try submitTransfer(command, tag)
        }
    }

    /// Hands everything prepared to the kernel: one system call per ring that has work.
    public mutating func flush() {
        counters.ringEntries.store(ringEntries, ordering: .relaxed)
        counters.files.store(files.inUse, ordering: .relaxed)
        ring.submit()
        wideRing.submit()
    }

    private mutating func submitRingCommand(
        _ command: borrowing AuthorizedCommand, _ tag: OperationTag
    ) throws(Refusal) {
        let operation = try take(.ringCommand, payload: 0, command.file, tag)
        guard let sqe = ring.entry(userData: userData(operation)) else { throw giveUp(operation) }
        Self.fill(sqe, command)
    }

    private mutating func submitWideCommand(
        _ command: borrowing AuthorizedCommand, _ tag: OperationTag
    ) throws(Refusal) {
        let operation = try take(.wideRingCommand, payload: 0, command.file, tag)
        guard let sqe = wideRing.entry(userData: userData(operation)) else { throw giveUp(operation) }
        Self.fill(sqe, command)
    }

    /// Writes a cleared entry from checked values: a client's byte lands only where the shape says.
    @inline(__always)
    private static func fill(
        _ sqe: UnsafeMutablePointer<io_uring_sqe>, _ command: borrowing AuthorizedCommand
    ) {
        let file = Int32(command.file.index)
        guard command.placement == .sqeRange else {
            rg_prep_uring_cmd(sqe, file, command.code.code, 0, 0)
            if command.placement == .sqeCommand, let bytes = command.argument.pointer.baseAddress {
                rg_sqe_command(sqe).copyMemory(from: bytes, byteCount: command.argument.count)
            }
            return
        }
        rg_prep_uring_cmd(
            sqe, file, command.code.code, command.argument.load(UInt64.self, at: 0),
            command.argument.load(UInt64.self, at: 8))
    }

    private mutating func submitCall(_ command: borrowing AuthorizedCommand, _ tag: OperationTag)
        throws(Refusal)
    {
        let argument = command.argument
        let size = max(argument.count, command.replySize)
        let operation = try take(.call, payload: size, command.file, tag)
        operation.pointee.placement = command.placement
        operation.pointee.code = command.code.code
        operation.pointee.value = UInt64(files[command.file.index].fd)
        operation.pointee.argumentSize = argument.count
        operation.pointee.blockSize = command.blockSize
        operation.pointee.replySize = command.replySize
        if let bytes = argument.pointer.baseAddress {
            operation.pointee.payload.copyMemory(from: bytes, byteCount: argument.count)
        }
        guard let lane = files[command.file.index].lane, lane.enqueue(operation) else {
            throw giveUp(operation, "the device's worker has \(EngineLimits.laneDepth) calls waiting")
        }
        counters.calls.add(1, ordering: .relaxed)
    }

    // MARK: Operations

    @inline(__always)
    func userData(_ operation: OperationPointer) -> UInt64 { UInt64(pool.index(of: operation)) }

    mutating func take(
        _ kind: Operation.Kind, payload: Int, _ file: OpenFileID, _ tag: OperationTag
    ) throws(Refusal) -> OperationPointer {
        guard files[file.index].state == .open else {
            throw Refusal(.slotNotOpen, "the file is being closed")
        }
        guard let operation = pool.take(kind, payload: payload, tag: tag) else {
            throw Refusal(.busy, "the gateway has as many operations in flight as it may; try again")
        }
        operation.pointee.file = file.index
        operation.pointee.started = now
        files[file.index].inFlight += 1
        if kind != .call { ringEntries += 1 }
        return operation
    }

    mutating func giveUp(
        _ operation: OperationPointer, _ text: String = "the kernel's queue is full"
    ) -> Refusal {
        files[operation.pointee.file].inFlight -= 1
        if operation.pointee.kind != .call { ringEntries -= 1 }
        pool.release(operation)
        return Refusal(.busy, "\(text); try again")
    }
}
