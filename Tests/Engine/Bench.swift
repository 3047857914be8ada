import CLiburing
import Glibc
import RingPolicy
import RingProtocol
import Testing

@testable import RingEngine

/// An engine, the loop that turns it, and a policy that allows one principal what a test says.
///
/// Rings belong to the thread that makes them, so a bench lives within one synchronous test function.
struct Bench: ~Copyable {
    var engine: DeviceEngine
    private let wake: WakeSignal
    private let snapshot: PolicySnapshot
    private let peer: PrincipalSet
    private var grants: [OpenFileID: Grant] = [:]
    /// Grants on the files that commands under way give.
    private var promised: [UInt64: Grant] = [:]
    private var layout = Layout()
    /// What commands that take a descriptor may name.
    var slots: [FileSlot: HeldSlot] = [:]
    private var nextID: UInt64 = 0
    private(set) var outcomes: [Outcome] = []

    /// Everything is allowed on `devices`, and on what commands there give, of which `handles` are the profiles.
    init(
        _ devices: [Device], read: TransferRights? = .all, write: TransferRights? = .all,
        handles: [Profile] = []
    ) throws {
        var given: [String: FileRights] = [:]
        // The innermost first.
        for profile in handles.reversed() {
            given[profile.name] = FileRights(
                commands: profile.commands.map { Rule.Command($0) }, read: read, write: write, handles: given)
        }
        let rights = devices.map { device in
            let commands = device.profile.commands.map { Rule.Command($0) }
            return (device.name, FileRights(commands: commands, read: read, write: write, handles: given))
        }
        let rule = Rule(
            id: "all", principals: ["tester"], rights: Dictionary(uniqueKeysWithValues: rights))
        let snapshot = PolicySnapshot(
            revision: [UInt8](repeating: 0, count: 32),
            principals: [Principal(name: "tester", match: .keyHash([1]))], devices: devices, rules: [rule],
            profiles: handles)
        let peer = try snapshot.recognize(PeerIdentity(uris: [], keyHash: [1], commonName: nil, issuer: ""))
        let wake = try WakeSignal()
        let engine = try DeviceEngine(wake: wake)
        (self.snapshot, self.peer, self.wake) = (snapshot, peer, wake)
        self.engine = engine
    }

    // MARK: Entries

    private mutating func tag() -> OperationTag {
        nextID += 1
        return OperationTag(
            session: 0, generation: 0, requestID: RequestID(nextID), slot: FileSlot(0))
    }

    /// Opens a device, whatever becomes of it.
    mutating func tryOpen(_ name: String) throws -> Outcome {
        let tag = tag()
        let grant = try Array(name.utf8).withUnsafeBytes { bytes in
            let authorized = try snapshot.policy(for: peer, at: 0).authorizeOpen(WireBytes(bytes))
            let grant = authorized.grant
            try engine.open(authorized, tag: tag)
            return grant
        }
        let outcome = try outcome(of: tag.requestID.value)
        if let file = outcome.file { grants[file] = grant }
        return outcome
    }

    /// Opens a device that must open.
    mutating func open(_ name: String) throws -> OpenFileID {
        let outcome = try tryOpen(name)
        return try #require(outcome.file, "\(name): \(outcome.result)")
    }

    /// Starts an operation; the number names it.
    mutating func start(
        _ operation: RingProtocol.Operation, _ file: OpenFileID, code: UInt32 = 0, _ argument: [UInt8] = [],
        offset: UInt64 = 0, waitsForInput: Bool = false
    ) throws -> UInt64 {
        let tag = tag()
        let grant = try #require(grants[file])
        try argument.withUnsafeBytes { bytes in
            let entry = Entry(
                operation, requestID: tag.requestID, subOpcode: SubOpcode(code), offset: offset,
                argument: WireBytes(bytes))
            let slots = slots
            let command = try grant.authorize(entry, on: file, &layout) { slots[$0] }
            if let gives = command.extras?.gives {
                promised[tag.requestID.value] = grant.handles[gives.handle].grant
            }
            try engine.submit(command, tag: tag, waitsForInput: waitsForInput)
        }
        return tag.requestID.value
    }

    /// Starts a row of commands without an argument, as one frame has them, with these request ids. The result is the ids that
    /// were left when one was refused, and why.
    mutating func startRow(
        _ file: OpenFileID, code: UInt32 = 0, _ ids: some Sequence<UInt64>, upTo count: Int = .max,
        session: UInt32 = 0, charge: UInt32 = 0
    ) throws -> (left: [UInt64], refusal: RefusalReason?) {
        let entries = ids.map {
            Entry(.command, requestID: RequestID($0), subOpcode: SubOpcode(code))
        }
        let size = entries.count * Limits.entryHeader
        let bytes = Frame.encoded(.submit, payloadLength: size, count: entries.count) { payload in
            for (index, entry) in entries.enumerated() {
                let place = payload[(index * Limits.entryHeader)...].prefix(Limits.entryHeader)
                entry.encode(into: UnsafeMutableRawBufferPointer(rebasing: place))
            }
        }
        let grant = try #require(grants[file])
        return try bytes.withUnsafeBytes { bytes in
            let frame = try Frame.decode(WireBytes(bytes), payloadLimit: Limits.framePayload)
            var submission = try Submission(try #require(frame), allowed: [], after: RequestID(0))
            let next = submission.next()
            let first = try #require(next)
            guard var row = grant.authorizeRow(first, &submission, on: file) else {
                throw Failed("no plain command")
            }
            let tag = OperationTag(
                session: session, generation: 0, requestID: first.requestID, slot: FileSlot(0), charge: charge
            )
            var reason: RefusalReason?
            do throws(Refusal) { try engine.submit(&row, upTo: count, tag: tag) } catch {
                reason = error.reason
            }
            var left: [UInt64] = []
            while row.count > 0 {
                left.append(row.first.value)
                row.dropFirst()
            }
            return (left, reason)
        }
    }

    mutating func startRead(
        _ file: OpenFileID, count: Int, offset: UInt64 = .max, waitsForInput: Bool = false
    ) throws -> UInt64 {
        try start(
            .read, file, ReadArgument.encode(count: count), offset: offset, waitsForInput: waitsForInput)
    }

    mutating func startWrite(_ file: OpenFileID, _ bytes: [UInt8], offset: UInt64 = .max) throws -> UInt64 {
        try start(.write, file, bytes, offset: offset)
    }

    /// Runs a command to its end; one that gives a file fills slot `offset`.
    mutating func command(
        _ code: UInt32, _ file: OpenFileID, _ argument: [UInt8] = [], offset: UInt64 = 0
    ) throws -> Outcome {
        try outcome(of: try start(.command, file, code: code, argument, offset: offset))
    }

    mutating func startClose(_ file: OpenFileID) -> UInt64 {
        let tag = tag()
        engine.close(file, tag: tag)
        return tag.requestID.value
    }

    mutating func close(_ file: OpenFileID) throws -> Outcome {
        let id = startClose(file)
        return try outcome(of: id)
    }

    // MARK: Turning

    /// One turn of the loop without sleeping.
    mutating func turn() {
        engine.beginTurn(now: KernelClock.monotonic())
        engine.flush()
        collect()
    }

    private mutating func collect() {
        while let completion = engine.nextPlain().map(EngineCompletion.init) ?? engine.next()?.pointee {
            let outcome = Outcome(completion)
            if let file = outcome.file, let grant = promised[outcome.id] { grants[file] = grant }
            outcomes.append(outcome)
        }
    }

    /// Turns, sleeping as the gateway's loop does, until the operation has come back: at most ten seconds.
    mutating func outcome(of id: UInt64) throws -> Outcome {
        let deadline = KernelClock.monotonic() + 10_000_000_000
        turn()
        while KernelClock.monotonic() < deadline {
            if let index = outcomes.firstIndex(where: { $0.id == id }) { return outcomes.remove(at: index) }
            sleep()
            collect()
        }
        throw Failed("operation \(id) did not come back")
    }

    /// The gateway's tick is in here: every 100 ms, signals that may have been lost are repeated.
    private mutating func sleep() {
        guard engine.prepareToSleep() else { return }
        var ready = pollfd(fd: wake.descriptor, events: Int16(POLLIN), revents: 0)
        if poll(&ready, 1, 100) == 1 {
            var count: UInt64 = 0
            _ = Glibc.read(wake.descriptor, &count, 8)
        } else {
            engine.repeatCancellations()
        }
        wake.acknowledge()
        engine.wakeUp()
    }

    /// The operation must not have come back after one more turn.
    mutating func expectPending(_ id: UInt64, sourceLocation: SourceLocation = #_sourceLocation) {
        turn()
        let outcome = outcomes.first { $0.id == id }
        #expect(outcome == nil, sourceLocation: sourceLocation)
    }
}

extension TransferRights {
    static let all = TransferRights(maxLength: Limits.payload)
}
