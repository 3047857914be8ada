import Glibc
import RingPolicy
import RingProtocol

extension DeviceEngine {
    // MARK: Giving work

    /// False when the lane does not take it.
    mutating func give(_ operation: OperationPointer, to lane: CallLane, isUrgent: Bool = false) -> Bool {
        guard lane.enqueue(operation, isUrgent: isUrgent) else { return false }
        if !lane.hasNews {
            lane.hasNews = true
            lanesToWake.append(lane)
        }
        return true
    }

    mutating func wakeLanes() {
        guard !lanesToWake.isEmpty else { return }
        for lane in lanesToWake {
            lane.hasNews = false
            lane.wake()
        }
        lanesToWake.removeAll(keepingCapacity: true)
    }

    // MARK: Calls that take too long

    /// Ends what has taken longer than it may, and cancels again what closing files still wait for: a first
    /// signal may have come just before the call began, a first cancel entry may have found the ring's queue
    /// full. To be called a few times a second.
    public mutating func repeatCancellations() {
        let now = KernelClock.monotonic()
        for index in 0..<UInt32(EngineLimits.openFiles)
        where files[index].state == .closing && files[index].inFlight > 0 {
            cancelAll(on: index)
        }
        for stop in stopping where stop.operation.pointee.isOnRing { cancelOnRing(stop.operation) }
        giveUpStopping()
        for lane in lanes.values {
            lane.expire(now: now)
            guard let abandoned = lane.abandonStuck(now: now) else { continue }
            counters.stuck.add(1, ordering: .relaxed)
            answer(abandoned)
            updateQuarantine(of: lane)
        }
        lanesLeftBehind.removeAll { $0.isIdle }
        for lane in lanesLeftBehind { lane.expire(now: now) }
    }

    /// Gives a device a new worker. The old one is left in the kernel with the call it has not come back from,
    /// whose client is told -EIO and that the effect is unknown; that call's memory and file stay until it
    /// returns. False when the device has no worker, or too many are left behind already.
    public mutating func resetLane(device: String) -> Bool {
        guard let old = lanes[device], lanesLeftBehind.count < EngineLimits.leftBehind,
            let lane = try? CallLane(finished: finished, counters: counters)
        else { return false }
        let (waiting, abandoned) = old.leaveBehind(now: KernelClock.monotonic())
        for operation in waiting { _ = give(operation, to: lane, isUrgent: true) }
        for index in 0..<UInt32(EngineLimits.openFiles) where files[index].lane === old {
            files[index].lane = lane
            files[index].isQuarantined = false
        }
        lane.startedBefore = old.startedBefore
        lanes[device] = lane
        lanesLeftBehind.append(old)
        counters.resets.add(1, ordering: .relaxed)
        if let abandoned { answer(abandoned) }
        return true
    }

    /// What a device's worker is doing; nil when it has none, because nobody has opened the device yet.
    public func laneState(device: String) -> LaneState? { laneStates[device] }

    /// All of them by their devices' names.
    public var laneStates: [String: LaneState] {
        let now = KernelClock.monotonic()
        var started: [ObjectIdentifier: Int] = [:]
        for index in 0..<UInt32(EngineLimits.openFiles) {
            if let lane = files[index].lane {
                started[ObjectIdentifier(lane), default: 0] += files[index].started
            }
        }
        return lanes.mapValues { $0.state(now: now, started: started[ObjectIdentifier($0)] ?? 0) }
    }

    /// Tells the client of a call that does not come back, and of a close that would wait for it.
    private mutating func answer(_ abandoned: CallLane.Abandoned) {
        answered += 1
        let kind: EngineCompletion.Kind =
            switch abandoned.kind {
            case .open: .notOpened
            case .close: .closed
            default: abandoned.givesFile ? .gaveNothing : .operation
            }
        answers.append(
            Self.lost(
                abandoned.tag, kind, abandoned.deviceTime, abandoned.isExpired ? -ETIME : -EIO,
                engine: .call))
        guard abandoned.kind == .call else { return }
        for file in [abandoned.file, abandoned.taken].compactMap({ $0 }) {
            files[file].stuck += 1
            closeIfIdle(file)
        }
    }

    /// The last word on what the kernel has not come back from.
    static func lost(
        _ tag: OperationTag, _ kind: EngineCompletion.Kind, _ deviceTime: UInt64, _ result: Int32,
        engine: EngineKind
    ) -> EngineCompletion {
        EngineCompletion(
            tag: tag, kind: kind, result: result, engine: engine, deviceTime: deviceTime,
            isIndeterminate: true,
            refusal: nil, payload: UnsafeRawBufferPointer(start: nil, count: 0))
    }

    /// A call has come back after all, although its client was told that it had not.
    mutating func finishAnswered(_ operation: OperationPointer) {
        let file = operation.pointee.file
        let lane = files[file].lane
        settleStop(of: operation)
        defer { if let lane { updateQuarantine(of: lane) } }
        switch operation.pointee.kind {
        case .close: files.release(file)
        case .open:
            if case .opened(let opened) = finishOpen(operation) { close(opened, tag: nil) }
        default:
            files[file].stuck -= 1
            if case .takes(_, _, let taken, _) = operation.pointee.plan?.pointee.descriptor {
                files[taken].stuck -= 1
            }
            if case .gave(let given) = finishDescriptor(operation) { close(given, tag: nil) }
            leave(file)
        }
        pool.release(operation)
        answered -= 1
    }
}
