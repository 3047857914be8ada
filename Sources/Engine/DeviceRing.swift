import CLiburing

/// A fenced ring for device operations, with a cursor over its completions.
struct DeviceRing: ~Copyable {
    private let ring: Ring
    /// Completions already taken, of those seen ready.
    private var taken: UInt32 = 0
    private var seen: UInt32 = 0
    /// Entries handed to the kernel whose completion was not taken yet.
    private(set) var inFlight = 0

    /// User data of entries whose completion interests nobody.
    static let unobserved = UInt64.max

    /// What an ordinary device ring may do: nothing but transfers, polls, commands and cancelling, on registered
    /// files. ASYNC only moves a transfer from the loop's thread to one of the kernel's.
    static let fence = RingFence(
        operations: [
            RG_OP_URING_CMD, RG_OP_READ, RG_OP_WRITE, RG_OP_FSYNC, RG_OP_POLL_ADD, RG_OP_ASYNC_CANCEL,
        ],
        flags: RG_SQE_ASYNC)
    /// What the wide ring may do: nothing but URING_CMD and cancelling, on registered files.
    static let wideFence = RingFence(operations: [RG_OP_URING_CMD, RG_OP_ASYNC_CANCEL])

    init(wake: WakeSignal, wide: Bool) throws(EngineError) {
        let ring = try Ring(
            entries: wide ? EngineLimits.wideRingEntries : EngineLimits.ringEntries,
            completions: wide ? EngineLimits.wideRingCompletions : EngineLimits.ringCompletions, wide: wide)
        try ring.registerFiles(capacity: UInt32(EngineLimits.openFiles))
        try ring.registerEventfd(wake.descriptor)
        ring.setSignalling(false)
        try ring.enable(wide ? Self.wideFence : Self.fence)
        self.ring = ring
    }

    func setFile(_ fd: Int32, at index: UInt32) -> Int32 { ring.setFile(fd, at: index) }

    /// A cleared entry on registered files, or nil when the kernel takes no more at the moment.
    @inline(__always)
    mutating func entry(userData: UInt64) -> UnsafeMutablePointer<io_uring_sqe>? {
        guard let sqe = ring.entry(userData: userData) else { return nil }
        inFlight += 1
        return sqe
    }

    /// Adds an entry like a whole one. False when the kernel takes no more at the moment.
    @inline(__always)
    mutating func addEntry(like model: io_uring_sqe, userData: UInt64) -> Bool {
        guard ring.addEntry(like: model, userData: userData) else { return false }
        inFlight += 1
        return true
    }

    /// Asks the kernel to cancel everything on the registered file `index`.
    mutating func cancelAll(on index: UInt32) {
        guard let sqe = entry(userData: Self.unobserved) else { return }
        let everyOne = RG_CANCEL_ALL | RG_CANCEL_FD_FIXED
        io_uring_prep_cancel_fd(sqe, Int32(index), everyOne)
        rg_sqe_set_flags(sqe, RG_SQE_FIXED_FILE)
        rg_sqe_set_user_data(sqe, Self.unobserved)
    }

    /// Asks the kernel to cancel one operation; what becomes of it shows in the operation.
    mutating func cancel(userData: UInt64) {
        guard let sqe = entry(userData: Self.unobserved) else { return }
        io_uring_prep_cancel64(sqe, userData, 0)
        rg_sqe_set_flags(sqe, RG_SQE_FIXED_FILE)
        rg_sqe_set_user_data(sqe, Self.unobserved)
    }

    /// Hands over what was prepared, if anything was.
    mutating func submit() {
        if ring.unsubmitted > 0 { ring.submit() }
    }

    /// The next completion, in place until the next call.
    @inline(__always)
    mutating func next() -> UnsafePointer<io_uring_cqe>? {
        guard let cqe = peek() else { return nil }
        take(cqe)
        return cqe
    }

    /// The next completion, which stays the next one until it is taken.
    @inline(__always)
    mutating func peek() -> UnsafePointer<io_uring_cqe>? {
        if taken == seen {
            if seen > 0 { ring.advance(seen) }
            taken = 0
            seen = ring.ready
            guard seen > 0 else { return nil }
        }
        return ring.completion(taken)
    }

    @inline(__always)
    mutating func take(_ cqe: UnsafePointer<io_uring_cqe>) {
        taken += 1
        if cqe.pointee.flags & RG_CQE_MORE == 0 { inFlight -= 1 }
    }

    /// The next completions, as many as lie in a row; they stay the next ones until they are taken.
    @inline(__always)
    mutating func peekRow() -> UnsafeBufferPointer<io_uring_cqe> {
        guard peek() != nil else { return UnsafeBufferPointer(start: nil, count: 0) }
        return ring.completions(taken..<seen)
    }

    /// Takes the first of a row, none of them one that others of its entry follow.
    @inline(__always)
    mutating func takeRow(_ count: Int) {
        taken += UInt32(count)
        inFlight -= count
    }

    /// Arms the eventfd before the loop sleeps. True when something has finished meanwhile, so do not sleep.
    mutating func prepareToSleep() -> Bool {
        guard inFlight > 0 else { return false }
        ring.setSignalling(true)
        // Entries may have been prepared since the last flush: a cancel, or a write whose turn has come.
        ring.submit()
        return ring.ready > 0
    }

    /// The loop is awake and looks by itself.
    mutating func wakeUp() {
        guard inFlight > 0 else { return }
        ring.setSignalling(false)
        ring.runDeferred()
    }
}
