import Glibc
import RingPolicy
import RingProtocol

/// Commands that the device's worker runs.
extension DeviceEngine {
    mutating func submitCall(
        _ command: borrowing AuthorizedCommand, _ tag: OperationTag
    ) throws(Refusal) {
        if let wait = files[command.file.index].lane?.turnsAway(tag, turn: now) { throw Self.full(wait) }
        let argument = command.argument
        let size = max(argument.count, command.replySize)
        let room = command.isPlain ? size : CallPlan.aligned(size) + CallPlan.size(for: command)
        let operation = try take(.call, payload: room, command.file, tag)
        operation.pointee.placement = command.placement
        operation.pointee.code = command.code.code
        operation.pointee.value = UInt64(files[command.file.index].fd)
        operation.pointee.timeout =
            UInt64(command.timeout == 0 ? EngineLimits.callTimeout : command.timeout) * 1_000_000
        operation.pointee.argumentSize = Int32(argument.count)
        operation.pointee.blockSize = Int32(command.blockSize)
        operation.pointee.replySize = Int32(command.replySize)
        if let bytes = argument.pointer.baseAddress {
            operation.pointee.payload.copyMemory(from: bytes, byteCount: argument.count)
        }
        if !command.isPlain { try makePlan(operation, command, at: CallPlan.aligned(size)) }
        guard let lane = files[command.file.index].lane, give(operation, to: lane) else {
            drop(operation)
            throw Self.full(files[command.file.index].lane?.turnAway(tag, turn: now) ?? 0)
        }
        counters.calls.add(1, ordering: .relaxed)
    }

    private static func full(_ wait: UInt64) -> Refusal {
        Refusal(
            .busy, "the device's worker has all the calls waiting that it takes; try again", retryAfter: wait)
    }

    private mutating func makePlan(
        _ operation: OperationPointer, _ command: borrowing AuthorizedCommand, at offset: Int
    ) throws(Refusal) {
        let plan = CallPlan.make(for: command, in: operation.pointee.payload + offset)
        operation.pointee.plan = plan
        guard let extras = command.extras else { return }
        do throws(Refusal) {
            if let gives = extras.gives {
                plan.pointee.descriptor = try keepFile(
                    operation, gives.profile, gives.slot, extras.descriptorAt)
            } else if let taken = extras.takes, let at = extras.descriptorAt {
                plan.pointee.descriptor = try hold(taken, at, command.argument)
            }
        } catch {
            drop(operation)
            throw error
        }
    }

    /// Keeps a place free for the file that a call will give, so that there is one when it does.
    private mutating func keepFile(
        _ operation: OperationPointer, _ profile: Profile, _ slot: FileSlot, _ position: Int?
    ) throws(Refusal) -> CallPlan.Descriptor {
        let record = DeviceFile(givenAs: profile)
        let given = OpenFile(
            state: .opening, isOnWideRing: Self.usesWideRing(profile),
            lane: files[operation.pointee.file].lane,
            record: record)
        guard let file = files.take(given) else {
            throw Refusal(.busy, "\(EngineLimits.openFiles) files are open; close some")
        }
        operation.pointee.record = Unmanaged.passRetained(record)
        let at = position.flatMap { $0 < 0 ? nil : $0 }
        return .gives(at: at, slot: Int32(slot.index), file: file)
    }

    /// Keeps a file from being closed while a call has its descriptor.
    private mutating func hold(
        _ taken: OpenFileID, _ position: Int, _ argument: WireBytes
    ) throws(Refusal) -> CallPlan.Descriptor {
        guard taken.loop == loop else {
            throw Refusal(.unsupported, "the two files are of devices that other threads operate")
        }
        guard files[taken.index].state == .open else {
            throw Refusal(.slotNotOpen, "the file whose descriptor is taken is being closed")
        }
        guard position >= 0, position + 4 <= argument.count else {
            throw Refusal(.shape, "the descriptor lies outside the argument")
        }
        files[taken.index].inFlight += 1
        return .takes(
            at: position, slot: argument.load(Int32.self, at: position), file: taken.index,
            fd: files[taken.index].fd)
    }

    /// A command with a descriptor has ended: the given file is put in its place, the taken one let go.
    mutating func finishDescriptor(_ operation: OperationPointer) -> EngineCompletion.Kind {
        guard let plan = operation.pointee.plan else { return .operation }
        switch plan.pointee.descriptor {
        case .none: return .operation
        case .takes(_, _, let file, _):
            leave(file)
            return .operation
        case .gives(_, _, let file):
            let fd = plan.pointee.given
            guard fd >= 0 else {
                files.release(file)
                return .gaveNothing
            }
            // A number that is in use is no new descriptor, whatever the profile says; nor is it ours to close.
            guard !files.contains(fd) else {
                files.release(file)
                operation.pointee.result = -EBADF
                return .gaveNothing
            }
            admit(fd, at: file, operation.pointee.transfers)
            return .gave(OpenFileID(file, loop: loop))
        }
    }

    static func usesWideRing(_ profile: Profile) -> Bool {
        profile.commands.contains { $0.transport == .wideRing }
    }
}
