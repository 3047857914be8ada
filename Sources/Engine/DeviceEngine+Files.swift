import CLiburing
import Glibc
import RingPolicy
import RingProtocol

extension DeviceEngine {
    /// Opens a device on its worker. The completion tells the file, or why not.
    public mutating func open(_ authorized: consuming AuthorizedOpen, tag: OperationTag) throws(Refusal) {
        let device = authorized.device
        guard device.kind != .gateway else { throw Refusal(.unsupported, "the gateway itself is no file") }
        let lane = try lane(for: device)
        let record = DeviceFile(device, opener)
        let opening = OpenFile(
            state: .opening, isOnWideRing: Self.usesWideRing(device.profile), lane: lane, record: record)
        guard let file = files.take(opening) else {
            throw Refusal(.busy, "\(EngineLimits.openFiles) files are open; close some")
        }
        guard let operation = pool.take(.open, payload: 0, tag: tag) else {
            files.release(file)
            throw Refusal(.busy, "the gateway has as many operations in flight as it may; try again")
        }
        operation.pointee.file = file
        operation.pointee.started = now
        operation.pointee.timeout = UInt64(EngineLimits.callTimeout) * 1_000_000
        operation.pointee.record = Unmanaged.passRetained(record)
        guard give(operation, to: lane) else {
            files.release(file)
            pool.release(operation)
            throw Refusal(.busy, "the device's worker has \(EngineLimits.laneDepth) calls waiting; try again")
        }
        counters.opens.add(1, ordering: .relaxed)
    }

    private mutating func lane(for device: Device) throws(Refusal) -> CallLane {
        if let lane = lanes[device.name] {
            guard !lane.hasAbandoned else { throw Self.quarantined }
            return lane
        }
        guard lanes.count < EngineLimits.lanes || retireLane() else {
            throw Refusal(.busy, "\(EngineLimits.lanes) devices have a worker already")
        }
        do {
            let lane = try CallLane(finished: finished, counters: counters)
            lanes[device.name] = lane
            return lane
        } catch {
            throw Refusal(.busy, "no thread for the device's worker: \(error)")
        }
    }

    /// Ends a worker that nobody has a file for: policies come and go, and their devices' names with them.
    private mutating func retireLane() -> Bool {
        var used: Set<ObjectIdentifier> = []
        for index in 0..<UInt32(EngineLimits.openFiles) {
            if let lane = files[index].lane { used.insert(ObjectIdentifier(lane)) }
        }
        guard let (name, lane) = lanes.first(where: { !used.contains(ObjectIdentifier($0.value)) }) else {
            return false
        }
        lane.stop()
        lanes[name] = nil
        return true
    }

    /// Cancels what runs on the file, waits for it, then closes it. With a tag the end is told as a
    /// completion.
    public mutating func close(_ file: OpenFileID, tag: OperationTag?) {
        precondition(file.loop == loop, "a file of another loop's engine")
        guard files[file.index].state == .open else { return }
        files[file.index].state = .closing
        files[file.index].closeTag = tag
        cancelAll(on: file.index)
        closeIfIdle(file.index)
    }

    mutating func cancelAll(on file: UInt32) {
        guard files[file].inFlight > 0 else { return }
        ring.cancelAll(on: file)
        if files[file].isOnWideRing { wideRing.cancelAll(on: file) }
        files[file].lane?.cancel(file: file, now: KernelClock.monotonic())
        cancelWaitingTransfers(on: file)
    }

    /// The last operation of a closing file is gone: out of the rings' tables and off to close(2), which may
    /// wait for a terminal to drain and so runs on the worker. Whoever would wait for a call that does not come
    /// back is told at once.
    mutating func closeIfIdle(_ file: UInt32) {
        guard files[file].state == .closing else { return }
        guard files[file].inFlight == 0 else {
            guard files[file].inFlight == files[file].stuck, let tag = files[file].closeTag else { return }
            files[file].closeTag = nil
            return answers.append(Self.lost(tag, .closed, 0, -EIO, engine: .call))
        }
        unregister(file)
        let tag = files[file].closeTag ?? .none
        guard let lane = files[file].lane, let operation = pool.take(.close, payload: 0, tag: tag) else {
            preconditionFailure("an open file has a worker, and the pool an operation for its close")
        }
        operation.pointee.file = file
        operation.pointee.value = UInt64(files[file].fd)
        operation.pointee.timeout = UInt64(EngineLimits.callTimeout) * 1_000_000
        operation.pointee.record = files[file].record.map { Unmanaged.passRetained($0) }
        files[file].inFlight = 1
        _ = give(operation, to: lane, isUrgent: true)
    }

    /// An open has come back: into the rings' tables, or forgotten.
    mutating func finishOpen(_ operation: OperationPointer) -> EngineCompletion.Kind {
        let file = operation.pointee.file
        let fd = operation.pointee.result
        guard fd >= 0 else {
            files.release(file)
            return .notOpened
        }
        admit(fd, at: file, operation.pointee.transfers)
        operation.pointee.result = 0
        return .opened(OpenFileID(file, loop: loop))
    }

    /// Puts a descriptor in the place kept for it.
    mutating func admit(_ fd: Int32, at file: UInt32, _ transfers: TransferMode) {
        files[file].fd = fd
        files[file].transfers = transfers
        files[file].state = .open
    }

    /// Makes the file known to the rings, which take no others.
    mutating func register(_ file: UInt32) throws(Refusal) {
        var failure = ring.setFile(files[file].fd, at: file)
        if failure == 0, files[file].isOnWideRing {
            failure = wideRing.setFile(files[file].fd, at: file)
            if failure != 0 { _ = ring.setFile(-1, at: file) }
        }
        guard failure == 0 else {
            throw Refusal(
                .busy, "the kernel has no place for the file in its ring (errno \(failure)); try again")
        }
        files[file].isRegistered = true
    }

    private mutating func unregister(_ file: UInt32) {
        guard files[file].isRegistered else { return }
        _ = ring.setFile(-1, at: file)
        if files[file].isOnWideRing { _ = wideRing.setFile(-1, at: file) }
        files[file].isRegistered = false
    }
}
