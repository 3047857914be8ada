import Glibc
import RingAudit
import RingEngine
import RingProtocol

/// Records on their way from the loops to the audit log's thread.
///
/// `@unchecked Sendable` is sound because everything that changes is touched only while `lock` is held.
final class AuditQueue: @unchecked Sendable {
    /// What the thread has to do next.
    struct Batch {
        var records: [AuditRecord] = []
        /// Where among them the intents are.
        var intents: [Int] = []
        /// Records that found no room.
        var dropped = 0
        /// Number of the last intent, and the loops that wait for these, a bit each.
        var lastIntent: UInt64 = 0
        var loops: UInt64 = 0
        /// Nothing comes after it.
        var isLast = false
        fileprivate var bytes = 0
    }

    private let lock = ThreadLock()
    private var batch = Batch()
    private var lastIntent: UInt64 = 0
    /// Whether the file cannot be written.
    private var isFailing = false

    /// Leaves a record that nobody waits for.
    func add(_ record: AuditRecord) {
        lock.locked {
            guard batch.bytes < GatewayLimits.auditQueue, !batch.isLast else { return batch.dropped += 1 }
            append(record)
            lock.signal()
        }
    }

    /// Leaves a record that a loop waits for. Its number, or why it cannot be written.
    func add(_ record: AuditRecord, for loop: UInt8) -> Result<UInt64, AuditRefusal> {
        lock.locked {
            if isFailing { return .failure(.failing) }
            guard batch.bytes < GatewayLimits.auditQueue, !batch.isLast else { return .failure(.full) }
            lastIntent += 1
            batch.lastIntent = lastIntent
            batch.loops |= 1 << UInt64(loop)
            batch.intents.append(batch.records.count)
            append(record)
            lock.signal()
            return .success(lastIntent)
        }
    }

    private func append(_ record: AuditRecord) {
        batch.records.append(record)
        batch.bytes += record.members.count
    }

    /// Whether intents are refused from now on.
    func setFailing(_ isFailing: Bool) { lock.locked { self.isFailing = isFailing } }

    func stop() {
        lock.locked {
            batch.isLast = true
            lock.signal()
        }
    }

    /// Waits for something to do until so many nanoseconds of CLOCK_MONOTONIC.
    func take(until deadline: UInt64) -> Batch {
        lock.locked {
            while batch.records.isEmpty, batch.dropped == 0, !batch.isLast {
                if !lock.wait(until: deadline) { break }
            }
            let taken = batch
            batch = Batch()
            batch.isLast = taken.isLast
            return taken
        }
    }
}

/// Why the audit log takes no intent.
enum AuditRefusal: Error {
    /// Too many records wait for the disk.
    case full
    /// It cannot be written.
    case failing
}

extension Refusal {
    init(_ refusal: AuditRefusal) {
        switch refusal {
        case .full:
            self.init(
                .busy, "too many records wait for the audit log's disk; try again",
                retryAfter: GatewayLimits.auditRetry)
        case .failing:
            self.init(
                .unavailable,
                "the gateway's audit log cannot be written, so nothing may be changed; its own log says why")
        }
    }
}
