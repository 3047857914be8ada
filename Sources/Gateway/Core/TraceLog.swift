import RingPolicy
import RingProtocol

/// What entries did, as lines of JSON, for the sessions that look on: each gets what it asked for since it last took some.
struct TraceLog {
    /// What a session wants to see; nil for all.
    struct Filter: Equatable {
        var device: String?
        var principal: String?

        func wants(_ device: String, _ principals: PrincipalSet) -> Bool {
            // A file that a command gave is DEVICE/PROFILE.
            (self.device.map { $0 == device || device.hasPrefix($0 + "/") } ?? true)
                && (principal.map(principals.names.contains) ?? true)
        }
    }

    private struct Looker {
        var filter: Filter
        /// CLOCK_MONOTONIC in nanoseconds.
        var deadline: UInt64
        var lines: [[UInt8]] = []
        var size = 0
        var lost: UInt64 = 0
    }

    private var lookers: [UInt64: Looker] = [:]

    /// Sessions that may look at once.
    static let capacity = 4
    /// Bytes of lines that are kept for one of them.
    static let kept = 1 << 20
    /// Nanoseconds after which one that takes nothing looks no more.
    static let patience: UInt64 = 10_000_000_000

    var isEmpty: Bool { lookers.isEmpty }

    func isLooking(_ session: UInt64) -> Bool { lookers[session] != nil }

    func wants(_ device: String, _ principals: PrincipalSet) -> Bool {
        lookers.values.contains { $0.filter.wants(device, principals) }
    }

    mutating func add(_ line: [UInt8], _ device: String, _ principals: PrincipalSet) {
        for (session, looker) in lookers where looker.filter.wants(device, principals) {
            guard looker.size + line.count <= Self.kept else {
                lookers[session]?.lost += 1
                continue
            }
            lookers[session]?.lines.append(line)
            lookers[session]?.size += line.count
        }
    }

    /// Something was not even looked at, because there was too much of it.
    mutating func addLost() {
        for session in lookers.keys { lookers[session]?.lost += 1 }
    }

    /// What there is for the session, as many lines as fit: `{"entries":[...],"lost":N}`. It looks on from now on, through
    /// this filter.
    mutating func take(for session: UInt64, _ filter: Filter, now: UInt64) throws(Refusal) -> [UInt8] {
        guard lookers[session] != nil || lookers.count < Self.capacity else {
            throw Refusal(.busy, "\(Self.capacity) sessions trace already; try again when one has ended")
        }
        var looker = lookers[session] ?? Looker(filter: filter, deadline: 0)
        if looker.filter != filter { looker = Looker(filter: filter, deadline: 0) }
        looker.deadline = now + Self.patience
        var list = ReplyList("entries")
        let fitting = looker.lines.prefix { list.add(json: $0) }.count
        for line in looker.lines.prefix(fitting) { looker.size -= line.count }
        looker.lines.removeFirst(fitting)
        let lost = looker.lost
        looker.lost = 0
        lookers[session] = looker
        return list.finished(hasMore: !looker.lines.isEmpty, ",\"lost\":\(lost)")
    }

    /// To be called now and then.
    mutating func expire(now: UInt64) {
        lookers = lookers.filter { $0.value.deadline > now }
    }
}
