import CLiburing
import Glibc
import RingFault

/// What a ring may do once it is enabled. The kernel holds it to this; nothing can widen it later.
package struct RingFence: Sendable {
    /// Operations that may be submitted.
    package let operations: [UInt8]
    /// Entry flags that may be set, beside FIXED_FILE, which must be.
    package let flags: UInt8

    package init(operations: [UInt8], flags: UInt8 = 0) {
        self.operations = operations
        self.flags = flags
    }
}

/// One io_uring, owned by the thread that made it.
///
/// It is born disabled. Between `init` and `enable` files, buffers and an eventfd are registered; `enable`
/// fences it in. All entries must then name registered files: a plain descriptor of the process is out of
/// reach.
package struct Ring: ~Copyable {
    /// Entries and completions that a ring has room for which is made to overflow.
    private static let tight: UInt32 = 4

    /// Heap memory, so that its address never changes: liburing and completions in place refer to it.
    private let ring: UnsafeMutablePointer<io_uring>

    package init(entries: UInt32, completions: UInt32, wide: Bool = false) throws(EngineError) {
        // Not `self.ring` before it is good: a throw after that runs `deinit` as well.
        let ring = UnsafeMutablePointer<io_uring>.allocate(capacity: 1)
        ring.initialize(to: io_uring())
        var parameters = io_uring_params()
        parameters.flags =
            RG_SETUP_R_DISABLED | RG_SETUP_SINGLE_ISSUER | RG_SETUP_DEFER_TASKRUN | RG_SETUP_SUBMIT_ALL
            | RG_SETUP_CLAMP | RG_SETUP_CQSIZE
        if wide { parameters.flags |= RG_SETUP_SQE128 | RG_SETUP_CQE32 }
        let isTight = Fault.completions.strikes != nil
        parameters.cq_entries = isTight ? Self.tight : completions
        let result = io_uring_queue_init_params(isTight ? Self.tight : entries, ring, &parameters)
        guard result == 0 else {
            ring.deallocate()
            throw .setup(errno: -result)
        }
        self.ring = ring
    }

    deinit {
        io_uring_queue_exit(ring)
        ring.deallocate()
    }

    // MARK: Before enabling

    package func registerFiles(capacity: UInt32) throws(EngineError) {
        try check(io_uring_register_files_sparse(ring, capacity), "io_uring_register(FILES2)")
    }

    package func registerEventfd(_ fd: Int32) throws(EngineError) {
        try check(io_uring_register_eventfd(ring, fd), "io_uring_register(EVENTFD)")
    }

    package func registerBuffers(_ buffers: UnsafeMutablePointer<io_uring_buf_reg>) throws(EngineError) {
        try check(io_uring_register_buf_ring(ring, buffers, 0), "io_uring_register(PBUF_RING)")
    }

    /// Restricts the ring to `fence` and to exchanging registered files, then starts it.
    ///
    /// Register operations are listed beside entry operations because newer kernels leave a half that is not
    /// listed at all unrestricted. UNREGISTER_RING_FDS touches no ring, only the thread's own list of them:
    /// without it that list would keep the ring, and with it all its registered files, until the thread ends.
    package func enable(_ fence: RingFence) throws(EngineError) {
        // An optimization, a registered descriptor for io_uring_enter(2); it works as well without.
        _ = io_uring_register_ring_fd(ring)
        var list = [io_uring_restriction](repeating: .init(), count: fence.operations.count + 5)
        for (index, operation) in fence.operations.enumerated() {
            rg_restriction_set(&list[index], RG_RESTRICT_SQE_OP, operation)
        }
        let rest = fence.operations.count
        rg_restriction_set(&list[rest], RG_RESTRICT_FLAGS_REQUIRED, RG_SQE_FIXED_FILE)
        rg_restriction_set(&list[rest + 1], RG_RESTRICT_FLAGS_ALLOWED, RG_SQE_FIXED_FILE | fence.flags)
        rg_restriction_set(&list[rest + 2], RG_RESTRICT_REGISTER_OP, UInt8(RG_REGISTER_FILES_UPDATE2))
        rg_restriction_set(&list[rest + 3], RG_RESTRICT_REGISTER_OP, UInt8(RG_REGISTER_ENABLE_RINGS))
        rg_restriction_set(&list[rest + 4], RG_RESTRICT_REGISTER_OP, UInt8(RG_UNREGISTER_RING_FDS))
        try check(
            register(RG_REGISTER_RESTRICTIONS, &list, UInt32(list.count)), "io_uring_register(RESTRICTIONS)")
        try check(register(RG_REGISTER_ENABLE_RINGS, nil, 0), "io_uring_register(ENABLE_RINGS)")
    }

    /// io_uring_register(2) on this ring; also the way tests try to cross the fence.
    package func register(_ opcode: UInt32, _ argument: UnsafeMutableRawPointer?, _ count: UInt32) -> Int32 {
        io_uring_register(UInt32(ring.pointee.ring_fd), opcode, argument, count)
    }

    private func check(_ result: Int32, _ call: String) throws(EngineError) {
        guard result >= 0 else { throw .failed(call: call, errno: -result) }
    }

    // MARK: Running

    /// Puts `fd` into slot `index` of the registered files, or empties the slot with -1. Result: errno or 0.
    package func setFile(_ fd: Int32, at index: UInt32) -> Int32 {
        if fd >= 0, let code = Fault.file.strikes { return code }
        var fd = fd
        var tag: UInt64 = 0
        let result = io_uring_register_files_update_tag(ring, index, &fd, &tag, 1)
        return result < 0 ? -result : 0
    }

    /// A zeroed entry with FIXED_FILE set. When the queue is full what is queued is submitted first.
    @inline(__always)
    package func entry(userData: UInt64) -> UnsafeMutablePointer<io_uring_sqe>? {
        guard let sqe = freeEntry() else { return nil }
        rg_sqe_clear(ring, sqe)
        rg_sqe_set_user_data(sqe, userData)
        rg_sqe_set_flags(sqe, RG_SQE_FIXED_FILE)
        return sqe
    }

    /// An entry like `model`, which is a whole one; not on a wide ring. When the queue is full what is queued is submitted
    /// first. False when there is none even then.
    @inline(__always)
    package func addEntry(like model: io_uring_sqe, userData: UInt64) -> Bool {
        guard let sqe = freeEntry() else { return false }
        sqe.pointee = model
        rg_sqe_set_user_data(sqe, userData)
        return true
    }

    @inline(__always)
    private func freeEntry() -> UnsafeMutablePointer<io_uring_sqe>? {
        guard Fault.entry.strikes == nil else { return nil }
        return io_uring_get_sqe(ring) ?? entryAfterSubmitting()
    }

    private func entryAfterSubmitting() -> UnsafeMutablePointer<io_uring_sqe>? {
        _ = io_uring_submit(ring)
        return io_uring_get_sqe(ring)
    }

    /// Entries prepared and not yet handed to the kernel.
    @inline(__always)
    package var unsubmitted: UInt32 { io_uring_sq_ready(ring) }

    /// Hands over what was prepared and runs deferred completions, without waiting.
    package func submit() {
        spoil()
        guard Fault.submission.strikes == nil else { return }
        _ = io_uring_submit_and_get_events(ring)
    }

    /// Lets entries fail that are about to be submitted, by naming a file that is none.
    @inline(__always)
    private func spoil() {
        #if DEBUG
            let queue = ring.pointee.sq
            for position in 0..<io_uring_sq_ready(ring) where Fault.operation.strikes != nil {
                rg_sqe_at(ring, queue.sqe_tail &- position &- 1).pointee.fd = .max
            }
        #endif
    }

    /// Runs deferred completions, without submitting or waiting.
    package func runDeferred() { _ = io_uring_get_events(ring) }

    /// Hands over what was prepared and sleeps until at least one completion is there.
    package func submitAndWait() {
        spoil()
        guard Fault.submission.strikes == nil else { return }
        _ = io_uring_submit_and_wait(ring, 1)
    }

    /// Completions that wait.
    @inline(__always)
    package var ready: UInt32 { io_uring_cq_ready(ring) }

    /// The `index`-th of the waiting completions, in place: valid until `advance`.
    @inline(__always)
    package func completion(_ index: UInt32) -> UnsafePointer<io_uring_cqe> { rg_cqe_at(ring, index) }

    /// The waiting completions from one index to before another, in place: all of them, or those up to the end of the
    /// queue's memory. Not on a wide ring.
    @inline(__always)
    package func completions(_ range: Range<UInt32>) -> UnsafeBufferPointer<io_uring_cqe> {
        let count = min(UInt32(range.count), rg_cq_before_wrap(ring, range.lowerBound))
        return UnsafeBufferPointer(start: completion(range.lowerBound), count: Int(count))
    }

    @inline(__always)
    package func advance(_ count: UInt32) { rg_cq_advance(ring, count) }

    /// Whether completions also signal the eventfd; off while the owner is awake and looks by itself.
    package func setSignalling(_ enabled: Bool) { _ = io_uring_cq_eventfd_toggle(ring, enabled) }
}
