import RingPolicy
import RingProtocol

/// Lets so many things through in a second on average, and as many at once after a pause of a second or more.
///
/// Integers only: the level is kept in billionths, so that a nanosecond at rate 1 is one unit.
struct TokenBucket {
    private var level: UInt64
    private var filledAt: UInt64

    private static let token: UInt64 = 1_000_000_000
    private static let second: UInt64 = 1_000_000_000
    /// Above this nothing is held back; keeps the products inside 64 bits.
    private static let maximumRate: UInt64 = 1_000_000_000

    private static func clamped(_ rate: Int) -> UInt64 { min(UInt64(max(rate, 0)), maximumRate) }

    /// A full one.
    init(rate: Int, now: UInt64) {
        level = Self.clamped(rate) * Self.token
        filledAt = now
    }

    /// Adds what has come in since the last time; whether there is a whole token now.
    mutating func hasToken(rate: Int, now: UInt64) -> Bool {
        let rate = Self.clamped(rate)
        let elapsed = min(now > filledAt ? now - filledAt : 0, Self.second)
        level = min(level + elapsed * rate, rate * Self.token)
        filledAt = max(now, filledAt)
        return level >= Self.token
    }

    /// To be called only after `hasToken`.
    mutating func take() { level -= Self.token }
}

/// Counts entries against the bounds of one rule or device.
struct Meter {
    private(set) var limits: UseLimits
    private(set) var inFlight = 0
    private var bucket: TokenBucket?

    init(_ limits: UseLimits, now: UInt64) {
        self.limits = limits
        bucket = limits.rate.map { TokenBucket(rate: $0, now: now) }
    }

    /// Goes on counting under other bounds. What is in flight stays counted; tokens that were used stay used.
    mutating func change(to limits: UseLimits, now: UInt64) {
        self.limits = limits
        guard let rate = limits.rate else {
            bucket = nil
            return
        }
        if bucket == nil { bucket = TokenBucket(rate: rate, now: now) }
    }

    /// Which bound one more entry would exceed; nil when it may go on to `enter`.
    mutating func obstacle(now: UInt64) -> String? {
        if let most = limits.inFlight, inFlight >= most { return "\(most) entries are unanswered" }
        if let rate = limits.rate, bucket?.hasToken(rate: rate, now: now) == false {
            return "\(rate) entries a second"
        }
        return nil
    }

    mutating func enter() {
        inFlight += 1
        bucket?.take()
    }

    mutating func leave() { inFlight -= 1 }
}

extension UseLimits {
    /// Whether entries have to be counted at all.
    var needsMeter: Bool { inFlight != nil || rate != nil }
}

/// The meters of one session, one for each rule with limits that it has used: a rule's bounds hold over all
/// its devices together, and opening a device twice does not double them.
struct RuleMeters {
    private var meters: [(rule: String, meter: Meter)] = []

    /// Positions that a tag can name, counted from 1; 0 is no meter.
    typealias Index = UInt16

    /// For each of the grant's limits its meter, made when it is the first time.
    mutating func indices(for grant: Grant, now: UInt64) -> [Index] {
        guard grant.limits.count > 1 else { return [] }
        return zip(grant.limits, grant.limitRules).map { limits, rule in
            limits.needsMeter ? index(of: rule, limits, now) : 0
        }
    }

    private mutating func index(of rule: String, _ limits: UseLimits, _ now: UInt64) -> Index {
        if let known = meters.firstIndex(where: { $0.rule == rule }) {
            if meters[known].meter.limits != limits { meters[known].meter.change(to: limits, now: now) }
            return Index(clamping: known + 1)
        }
        let fresh = (rule: rule, meter: Meter(limits, now: now))
        if let unused = meters.firstIndex(where: { $0.rule.isEmpty }) {
            meters[unused] = fresh
            return Index(clamping: unused + 1)
        }
        meters.append(fresh)
        return Index(clamping: meters.count)
    }

    /// Lets go of the meters of rules that are no more, so that changes of policy do not add up.
    mutating func keep(_ used: Set<Index>) {
        for position in meters.indices
        where meters[position].meter.inFlight == 0 && !used.contains(Index(clamping: position + 1)) {
            meters[position].rule = ""
        }
    }

    /// Refuses one more entry under the rule when that would be one too many.
    mutating func check(_ index: Index, now: UInt64) throws(Refusal) {
        guard index > 0 else { return }
        guard let obstacle = meters[Int(index) - 1].meter.obstacle(now: now) else { return }
        throw Refusal(
            .busy, rule: meters[Int(index) - 1].rule, "the rule allows no more at a time: \(obstacle)")
    }

    mutating func enter(_ index: Index) {
        if index > 0 { meters[Int(index) - 1].meter.enter() }
    }

    mutating func leave(_ index: Index) {
        if index > 0 { meters[Int(index) - 1].meter.leave() }
    }
}

/// What an operation is counted by until it comes back, as its tag carries it.
struct Counted: Equatable {
    /// The device whose files an open, a close or a command that gives a file changes the number of, or whose
    /// limits count the entry.
    var device = DeviceTable.Index(0)
    /// Whether the device's limits count it.
    var isMetered = false
    var rule = RuleMeters.Index(0)

    init(device: DeviceTable.Index = 0, isMetered: Bool = false, rule: RuleMeters.Index = 0) {
        self.device = device
        self.isMetered = isMetered
        self.rule = rule
    }

    /// Bits 0 to 14 the device, bit 15 whether it is metered, bits 16 to 31 the rule; 0 for nothing.
    init(bits: UInt32) {
        device = DeviceTable.Index(bits & 0x7fff)
        isMetered = bits & 0x8000 != 0
        rule = RuleMeters.Index(bits >> 16)
    }

    var bits: UInt32 { UInt32(device) | (isMetered ? 0x8000 : 0) | UInt32(rule) << 16 }
}
