import RingProtocol
import Synchronization

/// An open device of the gateway.
///
/// Operations may be made from several tasks at once; the gateway runs those that need the device's worker
/// one after the other. The file is closed by ``close()``, or when the last reference goes.
public final class RemoteDevice: Sendable {
    /// Name of the device in the gateway's policy.
    public let name: String
    public let connection: RingConnection
    let slot: FileSlot
    private let link: SessionLink
    private let closed = Atomic<Bool>(false)

    init(_ name: String, slot: FileSlot, connection: RingConnection, link: SessionLink) {
        self.name = name
        self.slot = slot
        self.connection = connection
        self.link = link
    }

    deinit {
        if !isClosed { link.closeAbandoned(slot) }
    }

    var isClosed: Bool { closed.load(ordering: .acquiring) }

    /// Sends a device command with its argument block; the reply's payload is the reply block.
    ///
    /// Throws `.denied` with the rule that decided, `.errno` when the kernel or the device fails it. See
    /// ``Batch/command(_:_:argument:replyLimit:)`` for `replyLimit`.
    @discardableResult
    public func command(
        _ subOpcode: SubOpcode, argument: [UInt8] = [], replyLimit: Int? = nil
    ) async throws -> Reply {
        try await run("command \(subOpcode)") {
            $0.command(self, subOpcode, argument: argument, replyLimit: replyLimit)
        }
    }

    /// Up to `count` bytes; fewer when fewer are there, none at the end of the file. Waits for the first one.
    public func read(count: Int, offset: UInt64 = Entry.currentPosition) async throws -> [UInt8] {
        let reply = try await run("read") { $0.read(self, count: count, offset: offset) }
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
        guard !closed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        do {
            try await link.call(.close(slot)).replies[0].checked("close \(name)")
        } catch RingError.refused(let refusal) where refusal.reason == .busy {
            closed.store(false, ordering: .releasing)  // Still open, so it can be tried again.
            throw RingError.refused(refusal)
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
    static func opening(_ name: String, _ slot: FileSlot) -> Batch {
        var batch = Batch(entries: 1)
        Array(name.utf8).withUnsafeBytes { batch.append(.open, slot: slot, argument: $0) }
        return batch
    }

    /// One entry that closes `slot`.
    static func closing(_ slot: FileSlot) -> Batch {
        var batch = Batch(entries: 1)
        batch.append(.close, slot: slot)
        return batch
    }
}
