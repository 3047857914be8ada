import Foundation
import NIOCore
import NIOPosix
import RingProtocol

/// A session with a Ringgate gateway.
///
/// Calls may be made from any number of tasks at once. All throw ``RingError``, or `CancellationError` as
/// soon as the calling task is cancelled; an operation that was sent by then may still take effect. The connection
/// ends with ``close(within:)``, or at the latest when the last reference to it goes.
public final class RingConnection: Sendable {
    /// What the gateway granted: its limits, clocks, run and policy revision. Another one after a session was lost and
    /// a new one begun.
    public var welcome: Welcome { link.current.welcome }
    let link: SessionLink

    /// Number of this session, as the gateway's log has it.
    public var session: UInt64 { welcome.session }
    /// SHA-256 that names the policy in force when the session began.
    public var revision: [UInt8] { welcome.revision }

    /// Runs tasks on the thread that speaks to the gateway: a call that such a task awaits wakes no other thread, which is
    /// some ten microseconds and more of one that is awaited alone.
    ///
    ///     try await withTaskExecutorPreference(connection.executor) { try await device.write(bytes) }
    ///
    /// What blocks in such a task holds up the connection, and all others on its event loop.
    public let executor: any TaskExecutor

    init(_ link: SessionLink) {
        self.link = link
        executor = ConnectionExecutor(link.ended.eventLoop)
    }

    deinit { link.drop() }

    /// Connects, verifies the gateway and waits for its welcome.
    ///
    /// Throws `.timeout` when that takes longer than the configuration's deadline, `.handshake` when either
    /// side refuses the other's certificate, `.session` when the gateway knows no principal for ours.
    public static func connect(
        _ configuration: ConnectionConfiguration,
        on group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) async throws -> RingConnection {
        let attempt = try ConnectionAttempt(configuration, on: group.next())
        return RingConnection(try await attempt.run().0)
    }

    /// ``connect(_:on:)`` with the parts one by one. `identity` is the client's certificate chain and key,
    /// `trust` the CA certificates for the gateway; all are paths of PEM files.
    public static func connect(
        host: String, port: Int, identity: (certificateChain: String, privateKey: String), trust: String
    ) async throws -> RingConnection {
        try await connect(
            ConnectionConfiguration(
                host: host, port: port, certificateChain: identity.certificateChain,
                privateKey: identity.privateKey, trustRoots: trust))
    }

    /// Opens a device by its name in the policy, in a free slot.
    ///
    /// Throws `.denied` for a device that does not exist or is not allowed, `.errno` when open(2) fails.
    /// `epoch` is that of a lease (``Lease/terms``) the open relies on: it is refused when the device has been somebody
    /// else's since. 0 relies on none.
    public func open(_ name: String, epoch: UInt64 = 0) async throws -> RemoteDevice {
        let outcome = try await link.call(.open(name, epoch: epoch))
        try outcome.replies[0].checked("open \(name)")
        return RemoteDevice(name, outcome.lease, connection: self, link: link)
    }

    /// Sends the entries of a batch and returns their replies in the order of the entries.
    ///
    /// They run in the order the gateway chooses, and an entry that fails or is refused does not stop the
    /// others. Waits for credit where the batch is larger than what may be unanswered at once.
    public func submit(_ batch: Batch) async throws -> [Reply] {
        guard !batch.isEmpty else { return [] }
        // Slots are numbers: on another connection the same one may be another device.
        guard batch.devices.allSatisfy({ $0.connection === self }) else {
            throw RingError.refused(Refusal(.slotNotOpen, "the device was opened on another connection"))
        }
        return try await link.call(.batch(batch)).replies
    }

    /// The devices this client may open.
    public func list() async throws -> DeviceList {
        var batch = Batch(entries: 1)
        batch.append(.list, reply: Int(welcome.payloadLimit))
        return try await json("list", batch)
    }

    /// What this client may do on a device. Throws `.denied` for one it may not open.
    public func describe(_ name: String) async throws -> DeviceDescription {
        var batch = Batch(entries: 1)
        Array(name.utf8).withUnsafeBytes {
            batch.append(.describe, argument: $0, reply: Int(welcome.payloadLimit))
        }
        return try await json("describe \(name)", batch)
    }

    /// Says which trace what is sent from now on belongs to; nil for none. The gateway puts it beside what it tells of this
    /// session in its logs, its audit log and `ringctl trace`. It goes with the session.
    ///
    /// Throws `.refused` when the gateway is one that knows of no traces.
    public func setTraceContext(_ context: TraceContext?) async throws {
        var batch = Batch(entries: 1)
        Array((context?.text ?? "").utf8).withUnsafeBytes { batch.append(.context, argument: $0) }
        try await submit(batch)[0].checked("context")
    }

    /// Closes in order: what was submitted before is still sent and answered, then both sides say goodbye.
    ///
    /// When that takes longer than `limit`, for example because a read never ends, or when the task is
    /// cancelled, the connection is cut and calls that are left end with `.connectionLost`.
    public func close(within limit: Duration = .seconds(5)) async {
        await link.close(within: limit)
    }

    private func json<T: Decodable>(_ operation: String, _ batch: Batch) async throws -> T {
        let reply = try await submit(batch)[0].checked(operation)
        return try decode(operation, reply)
    }
}
