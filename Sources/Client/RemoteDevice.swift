import RingProtocol
import Synchronization

/// An open device of the gateway.
///
/// Operations may be made from several tasks at once; the gateway runs those that need the device's worker
/// one after the other. The file is closed by ``close()``, or when the last reference goes.
public final class RemoteDevice: Sendable {
    /// Name of the device in the gateway's policy; DEVICE/PROFILE of a file that a command gave.
    public let name: String
    public let connection: RingConnection
    /// The file whose command gave this one; nil when it was opened by name.
    public let owner: RemoteDevice?
    let lease: SlotLease
    let link: SessionLink
    private let closed = Atomic<Bool>(false)

    init(
        _ name: String, _ lease: SlotLease, owner: RemoteDevice? = nil, connection: RingConnection,
        link: SessionLink
    ) {
        self.name = name
        self.lease = lease
        self.owner = owner
        self.connection = connection
        self.link = link
    }

    deinit {
        if !isClosed { link.closeAbandoned(lease) }
    }

    /// The session's number for the file, for commands that take one.
    public var slot: FileSlot { lease.slot }

    /// Whether it was closed, itself or with its owner.
    var isClosed: Bool { closed.load(ordering: .acquiring) || owner?.isClosed == true }

    /// Sends a command as ``ArgumentCodec`` made it, which decodes the reply's payload too.
    ///
    /// Throws `.denied` with the rule that decided, `.errno` when the kernel or the device fails it.
    @discardableResult
    public func command(_ encoded: EncodedCommand) async throws -> Reply {
        try await command(encoded.code, argument: encoded.argument, replyLimit: encoded.replySize)
    }

    /// Sends a command that gives a file with `profile`, and returns that file with the command's reply.
    ///
    /// The file is one of the session like those opened by name. It is closed by its own ``close()``, or together with
    /// this device.
    public func openHandle(
        _ encoded: EncodedCommand, profile: String
    ) async throws -> (handle: RemoteDevice, reply: Reply) {
        let outcome = try await give(encoded)
        let reply = try outcome.replies[0].checked("command \(encoded.code) on \(name)")
        return (handle(outcome, profile), reply)
    }

    /// ``openHandle(_:profile:)`` where a refused or failed command is a reply, without a file.
    public func submit(
        _ encoded: EncodedCommand, fillingSlotFor profile: String
    ) async throws -> (handle: RemoteDevice?, reply: Reply) {
        let outcome = try await give(encoded)
        let reply = outcome.replies[0]
        return (reply.result < 0 ? nil : handle(outcome, profile), reply)
    }

    private func give(_ encoded: EncodedCommand) async throws -> Outcome {
        var batch = Batch(entries: 1)
        batch.command(self, encoded)
        return try await link.call(.give(batch, owner: lease))
    }

    private func handle(_ outcome: Outcome, _ profile: String) -> RemoteDevice {
        RemoteDevice("\(name)/\(profile)", outcome.lease, owner: self, connection: connection, link: link)
    }

    /// Sends a device command with its argument block; the reply's payload is the reply block.
    ///
    /// Throws `.denied` with the rule that decided, `.errno` when the kernel or the device fails it. See
    /// ``Batch/command(_:_:argument:replyLimit:)`` for `replyLimit`.
    @discardableResult
    public func command(
        _ subOpcode: SubOpcode, argument: [UInt8] = [], replyLimit: Int? = nil, timeout: Duration? = nil
    ) async throws -> Reply {
        try await run("command \(subOpcode)") {
            $0.command(self, subOpcode, argument: argument, replyLimit: replyLimit, timeout: timeout)
        }
    }

    /// Up to `count` bytes; fewer when fewer are there, none at the end of the file. Waits for the first one.
    /// Throws `.errno` with ETIME when `timeout` is over.
    public func read(
        count: Int, offset: UInt64 = Entry.currentPosition, timeout: Duration? = nil
    ) async throws -> [UInt8] {
        let reply = try await run("read") {
            $0.read(self, count: count, offset: offset, timeout: timeout)
        }
        guard reply.payload.count == Int(reply.result), reply.payload.count <= count else {
            throw RingError.protocolViolation(
                WireError(.malformed, rule: 0, "read \(reply.result) bytes and sent \(reply.payload.count)"))
        }
        return reply.payload
    }

    /// Writes at least one of `bytes`; the number of bytes written.
    @discardableResult
    public func write(_ bytes: [UInt8], offset: UInt64 = Entry.currentPosition) async throws -> Int {
        Int(try await run("write") { $0.write(self, bytes, offset: offset) }.result)
    }

    /// Flushes what was written to the device: fsync(2).
    public func sync() async throws {
        _ = try await run("sync") { $0.sync(self) }
    }

    /// Closes the file. Operations still running on it end first, mostly with ECANCELED. A second close does
    /// nothing; a close in a cancelled task is still carried out.
    public func close() async throws {
        guard !isClosed, !closed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        do {
            try await link.call(.close(lease)).replies[0].checked("close \(name)")
        } catch RingError.refused(let refusal) where refusal.reason == .busy {
            closed.store(false, ordering: .releasing)  // Still open, so it can be tried again.
            throw RingError.refused(refusal)
        } catch RingError.refused(let refusal) where refusal.reason == .slotNotOpen {
            // The gateway closed it first: with its owner, or because the policy changed.
        }
    }

    private func run(_ operation: String, _ fill: (inout Batch) -> Void) async throws -> Reply {
        var batch = Batch(entries: 1)
        fill(&batch)
        return try await connection.submit(batch)[0].checked("\(operation) on \(name)")
    }
}

extension Batch {
    /// One entry that opens a device in `slot`.
    static func opening(_ name: String, _ slot: FileSlot, epoch: UInt64) -> Batch {
        var batch = Batch(entries: 1)
        Array(name.utf8).withUnsafeBytes { batch.append(.open, slot: slot, offset: epoch, argument: $0) }
        return batch
    }

    /// One entry that closes `slot`.
    static func closing(_ slot: FileSlot) -> Batch {
        var batch = Batch(entries: 1)
        batch.append(.close, slot: slot)
        return batch
    }
}
