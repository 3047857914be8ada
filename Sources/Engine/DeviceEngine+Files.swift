import CLiburing
import Glibc
import RingPolicy
import RingProtocol

extension DeviceEngine {
    /// Opens a device on its worker. The completion tells the file, or why not.
    public mutating func open(_ authorized: consuming AuthorizedOpen, tag: OperationTag) throws(Refusal) {
        let device = authorized.device
        let lane = try lane(for: device)
        let path = device.path.utf8CString
        let usesWideRing = device.profile.commands.contains { $0.transport == .wideRing }
        let opening = OpenFile(state: .opening, isOnWideRing: usesWideRing, lane: lane)
        guard let file = files.take(opening) else {
            throw Refusal(.busy, "\(EngineLimits.openFiles) files are open; close some")
        }
        guard let operation = pool.take(.open, payload: path.count, tag: tag) else {
            files.release(file)
            throw Refusal(.busy, "the gateway has as many operations in flight as it may; try again")
        }
        operation.pointee.file = file
        operation.pointee.code = OpenFile.mode(device.kind)
        operation.pointee.value = UInt64(OpenFile.flags(device.access))
        path.withUnsafeBytes {
            operation.pointee.payload.copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: $0.count)
        }
        guard lane.enqueue(operation) else {
            files.release(file)
            pool.release(operation)
            throw Refusal(.busy, "the device's worker has \(EngineLimits.laneDepth) calls waiting; try again")
        }
        counters.opens.add(1, ordering: .relaxed)
    }

    private mutating func lane(for device: Device) throws(Refusal) -> CallLane {
        if let lane = lanes[device.name] { return lane }
        guard lanes.count < EngineLimits.lanes else {
            throw Refusal(.busy, "\(EngineLimits.lanes) devices have a worker already")
        }
        do {
            let lane = try CallLane(finished: finished)
            lanes[device.name] = lane
            return lane
        } catch {
            throw Refusal(.busy, "no thread for the device's worker: \(error)")
        }
    }

    /// Cancels what runs on the file, waits for it, then closes it. With a tag the end is told as a
    /// completion.
    public mutating func close(_ file: OpenFileID, tag: OperationTag?) {
        guard files[file.index].state == .open else { return }
        files[file.index].state = .closing
        files[file.index].closeTag = tag
        cancelAll(on: file.index)
        closeIfIdle(file.index)
    }

    /// Cancels again what closing files still wait for: a first signal may have come just before the call
    /// began, a first cancel entry may have found the ring's queue full. To be called a few times a second.
    public mutating func repeatCancellations() {
        for index in 0..<UInt32(EngineLimits.openFiles)
        where files[index].state == .closing && files[index].inFlight > 0 {
            cancelAll(on: index)
        }
    }

    private mutating func cancelAll(on file: UInt32) {
        guard files[file].inFlight > 0 else { return }
        ring.cancelAll(on: file)
        if files[file].isOnWideRing { wideRing.cancelAll(on: file) }
        files[file].lane?.cancel(file: file)
        cancelWaitingTransfers(on: file)
    }

    /// The last operation of a closing file is gone: out of the rings' tables and off to close(2), which may
    /// wait for a terminal to drain and so runs on the worker.
    mutating func closeIfIdle(_ file: UInt32) {
        guard files[file].state == .closing, files[file].inFlight == 0 else { return }
        _ = ring.setFile(-1, at: file)
        if files[file].isOnWideRing { _ = wideRing.setFile(-1, at: file) }
        let tag = files[file].closeTag ?? .none
        guard let lane = files[file].lane, let operation = pool.take(.close, payload: 0, tag: tag) else {
            preconditionFailure("an open file has a worker, and the pool an operation for its close")
        }
        operation.pointee.file = file
        operation.pointee.value = UInt64(files[file].fd)
        files[file].inFlight = 1
        _ = lane.enqueue(operation, isUrgent: true)
    }

    /// An open has come back: into the rings' tables, or forgotten.
    mutating func finishOpen(_ operation: OperationPointer) -> EngineCompletion.Kind {
        let file = operation.pointee.file
        let fd = operation.pointee.result
        guard fd >= 0 else {
            files.release(file)
            return .notOpened
        }
        var failure = ring.setFile(fd, at: file)
        if failure == 0 && files[file].isOnWideRing { failure = wideRing.setFile(fd, at: file) }
        guard failure == 0 else {
            _ = ring.setFile(-1, at: file)
            _ = Glibc.close(fd)
            files.release(file)
            operation.pointee.result = -failure
            return .notOpened
        }
        files[file].fd = fd
        files[file].mayWait = operation.pointee.mayWait
        files[file].state = .open
        operation.pointee.result = 0
        return .opened(OpenFileID(file))
    }
}

extension OperationTag {
    /// Nobody: the completion will find no session.
    static let none = OperationTag(
        session: .max, generation: 0, requestID: RequestID(0), slot: FileSlot(0))
}
