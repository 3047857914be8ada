import Logging
import RingAudit
import RingEngine
import Synchronization

/// Where and how the audit log is kept.
public struct AuditSettings: Sendable {
    /// Directory of its files; made where it is missing.
    public var directory: String
    /// Bytes after which another file begins.
    public var fileSize = 16 << 20

    public init(directory: String) { self.directory = directory }
}

/// The audit log of a gateway: loops leave records, a thread of its own chains, writes and synchronizes them, so that no loop
/// ever waits for the disk. What waits for the same disk goes there together.
///
/// A log that cannot be written is tried again every second. Until it can, what would change something is refused; records
/// that nobody waits for are kept, as many as there is room for, and those beyond are counted in one of type `missing`.
final class AuditLog: Sendable {
    let directory: String
    private let queue = AuditQueue()
    private let store: AuditStore
    private let logger: Logger
    private let ending = LoopEnding()
    private let sequence: Atomic<UInt64>
    private let failing = Atomic(false)

    /// Nanoseconds until records that nobody waits for are on the disk.
    static let syncInterval: UInt64 = 200_000_000
    /// Nanoseconds between attempts to write a log that cannot be written.
    static let retryInterval: UInt64 = 1_000_000_000
    /// Nanoseconds after which a checkpoint vouches for the records before it.
    static let checkpointInterval: UInt64 = 10_000_000_000
    /// Records that are kept for when the log can be written again.
    static let kept = 8_192

    init(_ settings: AuditSettings, _ logger: Logger) throws(AuditError) {
        directory = settings.directory
        store = try AuditStore(settings.directory, fileSize: settings.fileSize)
        self.logger = logger
        sequence = Atomic(store.head.sequence)
    }

    /// Number of the last record that is on the disk.
    var head: UInt64 { sequence.load(ordering: .relaxed) }

    var isFailing: Bool { failing.load(ordering: .relaxed) }

    /// Starts the thread. `first` is the first record; what has become of intents is told to the loops that wait for them.
    func start(_ first: AuditRecord, _ mailboxes: [Mailbox]) throws(EngineError) {
        var first = first
        first.add("key", store.keyFingerprint)
        first.add("recovered", store.recovered)
        queue.add(first)
        try DetachedThread.spawn { [self] in
            var writer = AuditWriter(store: store, logger: logger)
            repeat {
                let batch = queue.take(until: writer.nextDuty)
                let isDurable = writer.write(batch)
                queue.setFailing(writer.failure != nil)
                failing.store(writer.failure != nil, ordering: .relaxed)
                sequence.store(store.head.sequence, ordering: .relaxed)
                for (loop, mailbox) in mailboxes.enumerated() where batch.loops >> UInt64(loop) & 1 == 1 {
                    mailbox.post(.recorded(upTo: batch.lastIntent, isDurable: isDurable))
                }
                if batch.isLast { break }
            } while true
            ending.arrive()
        }
    }

    /// Never waits for the disk.
    func add(_ record: AuditRecord) { queue.add(record) }

    /// Leaves the record of what is to run once it is on the disk: `.recorded` tells the loop. Its number counts up.
    func add(_ record: AuditRecord, for loop: UInt8) throws(AuditRefusal) -> UInt64 {
        try queue.add(record, for: loop).get()
    }

    /// After all loops have ended: writes what there is, and waits for that, but not for a disk that hangs.
    func stop() {
        queue.add(AuditRecord(.end, time: KernelClock.realtime()))
        queue.stop()
        if !ending.wait(until: KernelClock.monotonic() + GatewayLimits.auditEnd) {
            logger.error("the audit log's disk hangs; its last records are lost")
        }
    }
}

/// What the log's thread does with its records.
struct AuditWriter {
    private let store: AuditStore
    private let logger: Logger
    /// Records that are not on the disk.
    private var pending: [AuditRecord] = []
    /// How many of them are in the file.
    private var written = 0
    private var missing = 0
    private var lastSync: UInt64 = 0
    /// Since when records are there that no checkpoint vouches for.
    private var unsignedSince: UInt64?
    /// Why nothing can be written, if so.
    private(set) var failure: String?

    init(store: AuditStore, logger: Logger) {
        self.store = store
        self.logger = logger
    }

    /// When there is something to do although no record comes: CLOCK_MONOTONIC in nanoseconds.
    var nextDuty: UInt64 {
        if failure != nil { return lastSync + AuditLog.retryInterval }
        if !pending.isEmpty { return lastSync + AuditLog.syncInterval }
        return unsignedSince.map { $0 + AuditLog.checkpointInterval } ?? .max
    }

    /// Writes a batch. Whether all its intents are on the disk.
    mutating func write(_ batch: AuditQueue.Batch) -> Bool {
        let first = pending.count
        pending += batch.records
        missing += batch.dropped
        do throws(AuditError) {
            try write(
                now: KernelClock.monotonic(), isUrgent: batch.lastIntent != 0 || batch.isLast, batch.isLast)
            if failure != nil { logger.notice("the audit log is written again") }
            failure = nil
            return true
        } catch {
            let isNew = failure == nil
            if isNew {
                logger.error(
                    "the audit log cannot be written; what changes something is refused",
                    metadata: ["reason": "\(error)"])
            }
            failure = "\(error)"
            lastSync = KernelClock.monotonic()
            written = 0
            for index in batch.intents.reversed() { pending.remove(at: first + index) }
            // Also what is tried next: once it is there, so is the rest.
            if isNew { pending.append(Self.gap(batch.intents.count, "\(error)", KernelClock.realtime())) }
            let excess = max(0, pending.count - AuditLog.kept)
            pending.removeFirst(excess)
            missing += excess
            return false
        }
    }

    private mutating func write(now: UInt64, isUrgent: Bool, _ isLast: Bool) throws(AuditError) {
        let time = KernelClock.realtime()
        if missing > 0 {
            pending.append(Self.gap(missing, "there was no room for them", time))
            missing = 0
        }
        try store.append(Array(pending[written...]), time: time)
        written = pending.count
        let isDue = unsignedSince.map { now >= $0 + AuditLog.checkpointInterval } ?? false
        if isLast || isDue { try store.checkpoint(time: time) }
        guard isUrgent || isDue || failure != nil || now >= lastSync + AuditLog.syncInterval else { return }
        try store.sync()
        lastSync = now
        pending.removeAll(keepingCapacity: true)
        written = 0
        unsignedSince = store.isUnsigned ? unsignedSince ?? now : nil
    }

    private static func gap(_ records: Int, _ reason: String, _ time: UInt64) -> AuditRecord {
        var record = AuditRecord(.missing, time: time)
        record.add("records", records)
        record.add("reason", reason)
        return record
    }
}
