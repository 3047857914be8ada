import Glibc
import RingEngine
import RingPolicy
import RingProtocol
import Synchronization

/// What the loops of one gateway have in common: who is there, and who has which device. Entries on open files touch
/// none of it unless the policy counts them, so the loops meet here only when files are opened and closed, when leases
/// and consoles change, and for administration.
///
/// `@unchecked Sendable` is sound because every variable is touched only between `enter` and `leave`, by one thread at a
/// time.
final class Commons: @unchecked Sendable {
    /// One of all sessions, as other loops need to know it.
    struct Person {
        let identity: String
        var policy: PeerPolicy
    }

    let epoch = UInt64.random(in: 1...UInt64.max)
    /// One for each loop, then one for each of `links`.
    let mailboxes: [Mailbox]
    let loops: Int
    /// Devices with a process of their own.
    let links: [DeviceLink]
    var devices: DeviceTable
    var leases = LeaseTable()
    var consoles: [DeviceTable.Index: Console] = [:]
    var requests = RequestNotes()
    var trace = TraceLog()
    var replays: Replays
    /// Whether `trace` has anybody, for loops to look at outside of the lock.
    let isTraced = Atomic(false)
    var door: Doorkeeper
    /// By the numbers of their sessions.
    private(set) var people: [UInt64: Person] = [:]
    /// Sessions of each loop whose clients are there.
    private var connected: [Int]
    /// Loops that have nothing to do any more, one bit each.
    private let idle = Atomic<UInt64>(0)
    private let lock = RecursiveLock()

    init(
        _ loops: [Mailbox], _ links: [DeviceLink], _ devices: [Device], _ door: DoorLimits, _ replays: Replays
    ) {
        mailboxes = loops + links.map(\.mailbox)
        self.loops = loops.count
        self.links = links
        self.replays = replays
        self.door = Doorkeeper(door)
        let processes = Dictionary(links.map { ($0.device, $0.number) }) { first, _ in first }
        self.devices = DeviceTable(loops: loops.count, devices, processes: processes)
        connected = Array(repeating: 0, count: loops.count)
    }

    // MARK: The lock

    /// One thread may enter again where it is already. A gateway of one loop has nobody to keep out.
    func enter() {
        if loops > 1 { lock.lock() }
    }

    func leave() {
        if loops > 1 { lock.unlock() }
    }

    /// Does something between the two. The parameter is what has to be changed there: a change by way of a loop's own property
    /// is one that Swift 6.3 cannot compile for ThreadSanitizer.
    func entered<Result, Failure>(_ body: (Commons) throws(Failure) -> Result) throws(Failure) -> Result {
        enter()
        defer { leave() }
        return try body(self)
    }

    /// Whether the calling thread may touch what is here.
    var isEntered: Bool { loops == 1 || lock.isHeld }

    // MARK: Sessions

    /// The loop that has the session. Its number is the loop's own plus a multiple of their count.
    func loop(of session: UInt64) -> UInt8 { UInt8(session % UInt64(loops)) }

    /// The loop for one more session: the one that has fewest, for lost ones make room.
    var emptiest: UInt8 {
        UInt8(connected.indices.min { connected[$0] < connected[$1] } ?? 0)
    }

    /// A client of the loop has come to its session, or left it.
    func countConnected(_ loop: UInt8, by change: Int) { connected[Int(loop)] += change }

    func add(_ session: UInt64, _ person: Person) { people[session] = person }

    func change(_ session: UInt64, _ policy: PeerPolicy) { people[session]?.policy = policy }

    func remove(_ session: UInt64) { people[session] = nil }

    /// For texts about sessions that may be over.
    func identity(of session: UInt64) -> String { people[session]?.identity ?? "gone" }

    // MARK: The end

    /// Notes whether a stopping loop has nothing to do. The result is whether none of them has.
    func settle(_ loop: UInt8, isIdle: Bool) -> Bool {
        let bit = UInt64(1) << loop
        let all = UInt64.max >> (64 - loops)
        let now =
            isIdle
            ? idle.bitwiseOr(bit, ordering: .acquiringAndReleasing).newValue
            : idle.bitwiseAnd(~bit, ordering: .acquiringAndReleasing).newValue
        return now == all
    }
}

/// A mutex that its holder may lock again (pthread_mutexattr_settype(3), PTHREAD_MUTEX_RECURSIVE).
private final class RecursiveLock {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    /// Who holds it, for `isHeld`; written only while it is held.
    private var holder = pthread_t()
    private var depth = 0

    init() {
        var attributes = pthread_mutexattr_t()
        pthread_mutexattr_init(&attributes)
        pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_RECURSIVE))
        pthread_mutex_init(mutex, &attributes)
        pthread_mutexattr_destroy(&attributes)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func lock() {
        pthread_mutex_lock(mutex)
        depth += 1
        holder = pthread_self()
    }

    func unlock() {
        depth -= 1
        pthread_mutex_unlock(mutex)
    }

    /// Whether this thread holds it.
    var isHeld: Bool { depth > 0 && pthread_equal(holder, pthread_self()) != 0 }
}
