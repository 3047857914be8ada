import CLiburing
import Glibc
import RingEngine
import RingFault

/// What a network completion is about, packed into its user data: kind, generation and index.
struct NetworkEvent {
    enum Kind: UInt8 {
        case accept = 1
        case receive
        case send
        case wake
        case tick
        case alarm
        case shutdown
        /// Cancels, whose outcome shows in the operation they end.
        case unobserved
    }

    let kind: Kind
    let generation: UInt32
    let index: UInt32

    init(_ kind: Kind, generation: UInt32 = 0, index: UInt32 = 0) {
        self.kind = kind
        self.generation = generation
        self.index = index
    }

    init(_ kind: Kind, _ place: Place) {
        self.init(kind, generation: place.generation, index: place.index)
    }

    init?(userData: UInt64) {
        guard let kind = Kind(rawValue: UInt8(truncatingIfNeeded: userData >> 56)) else { return nil }
        self.init(
            kind, generation: UInt32(truncatingIfNeeded: userData >> 32) & Place.generationMask,
            index: UInt32(truncatingIfNeeded: userData))
    }

    var userData: UInt64 { UInt64(kind.rawValue) << 56 | UInt64(generation) << 32 | UInt64(index) }
}

/// The ring that speaks to the network and to nothing else: sockets, the wake-up eventfd and a clock.
struct NetworkRing: ~Copyable {
    private let ring: Ring
    private let buffers: ReceiveBuffers
    private let interval: UnsafeMutablePointer<__kernel_timespec>
    /// The kernel reads it when the entry is submitted.
    private let alarm: UnsafeMutablePointer<__kernel_timespec>

    /// No operation here can touch a device file: none is in this ring's table, and no other file can be
    /// named.
    static let fence = RingFence(
        operations: [
            RG_OP_ACCEPT, RG_OP_RECV, RG_OP_SEND, RG_OP_SHUTDOWN, RG_OP_POLL_ADD, RG_OP_TIMEOUT,
            RG_OP_ASYNC_CANCEL,
        ], flags: RG_SQE_BUFFER_SELECT)

    private static let listenerFile: UInt32 = 0
    private static let wakeFile: UInt32 = 1
    private static let firstConnectionFile: UInt32 = 2

    init(listener: Int32, wake: WakeSignal, connections: Int) throws(EngineError) {
        let ring = try Ring(
            entries: GatewayLimits.networkEntries, completions: GatewayLimits.networkCompletions)
        try ring.registerFiles(capacity: UInt32(connections) + Self.firstConnectionFile)
        let buffers = try ReceiveBuffers(ring)
        try ring.enable(Self.fence)
        for (fd, index) in [(listener, Self.listenerFile), (wake.descriptor, Self.wakeFile)] {
            let failure = ring.setFile(fd, at: index)
            guard failure == 0 else {
                throw .failed(call: "io_uring_register(FILES_UPDATE2)", errno: failure)
            }
        }
        interval = .allocate(capacity: 1)
        interval.initialize(to: __kernel_timespec(tv_sec: 0, tv_nsec: Int64(GatewayLimits.tick)))
        alarm = .allocate(capacity: 1)
        alarm.initialize(to: __kernel_timespec())
        self.ring = ring
        self.buffers = buffers
    }

    deinit {
        interval.deallocate()
        alarm.deallocate()
    }

    // MARK: Entries

    /// False when the kernel takes no entry now: the caller starts it again later.
    private func entry(
        _ event: NetworkEvent, _ prepare: (UnsafeMutablePointer<io_uring_sqe>) -> Void
    ) -> Bool {
        guard let sqe = ring.entry(userData: event.userData) else { return false }
        prepare(sqe)
        // liburing's preparations reset the whole entry.
        rg_sqe_set_flags(sqe, sqe.pointee.flags | RG_SQE_FIXED_FILE)
        rg_sqe_set_user_data(sqe, event.userData)
        return true
    }

    func armAccept() -> Bool {
        entry(NetworkEvent(.accept)) {
            io_uring_prep_multishot_accept(
                $0, Int32(Self.listenerFile), nil, nil, Int32(SOCK_CLOEXEC.rawValue))
        }
    }

    func cancelAccept() {
        _ = entry(NetworkEvent(.unobserved)) { io_uring_prep_cancel64($0, NetworkEvent(.accept).userData, 0) }
    }

    func armWake() -> Bool {
        entry(NetworkEvent(.wake)) { io_uring_prep_poll_multishot($0, Int32(Self.wakeFile), UInt32(POLLIN)) }
    }

    func armTick() -> Bool {
        entry(NetworkEvent(.tick)) { io_uring_prep_timeout($0, interval, 0, 0) }
    }

    /// Tells at `time`, nanoseconds of CLOCK_MONOTONIC. At most one is armed between two submissions.
    func armAlarm(_ number: UInt32, at time: UInt64) -> Bool {
        alarm.pointee = __kernel_timespec(
            tv_sec: Int64(time / 1_000_000_000), tv_nsec: Int64(time % 1_000_000_000))
        return entry(NetworkEvent(.alarm, generation: number)) {
            io_uring_prep_timeout($0, alarm, 0, RG_TIMEOUT_ABS)
        }
    }

    /// Makes it tell at once.
    func cancelAlarm(_ number: UInt32) {
        let target = NetworkEvent(.alarm, generation: number).userData
        _ = entry(NetworkEvent(.unobserved)) { io_uring_prep_cancel64($0, target, 0) }
    }

    func armReceive(_ connection: Place, once: Bool = false) -> Bool {
        entry(NetworkEvent(.receive, connection)) { sqe in
            if once {
                io_uring_prep_recv(sqe, Self.file(connection.index), nil, 0, 0)
            } else {
                io_uring_prep_recv_multishot(sqe, Self.file(connection.index), nil, 0, 0)
            }
            rg_sqe_set_flags(sqe, RG_SQE_BUFFER_SELECT)
            rg_sqe_set_buffer_group(sqe, ReceiveBuffers.group)
        }
    }

    func cancelReceive(_ connection: Place) {
        let target = NetworkEvent(.receive, connection).userData
        _ = entry(NetworkEvent(.unobserved)) { io_uring_prep_cancel64($0, target, 0) }
    }

    /// `bytes` must stay where they are until the completion.
    func send(_ bytes: UnsafeRawBufferPointer, _ connection: Place) -> Bool {
        let count = Fault.shortSend.strikes == nil ? bytes.count : min(1, bytes.count)
        return entry(NetworkEvent(.send, connection)) {
            io_uring_prep_send(
                $0, Self.file(connection.index), bytes.baseAddress, count, Int32(MSG_NOSIGNAL))
        }
    }

    /// The kernel runs a shutdown on a thread of its own, which looks the registered file up when it gets
    /// there: the file's place must not be given to another connection before the completion.
    func shutdown(_ connection: Place, how: Int32) -> Bool {
        entry(NetworkEvent(.shutdown, connection)) {
            io_uring_prep_shutdown($0, Self.file(connection.index), how)
        }
    }

    // MARK: Files

    private static func file(_ index: UInt32) -> Int32 { Int32(index + firstConnectionFile) }

    /// Moves a connected socket into the ring's table; the descriptor is closed either way.
    func adopt(_ fd: Int32, at index: UInt32) -> Bool {
        defer { close(fd) }
        return ring.setFile(fd, at: UInt32(Self.file(index))) == 0
    }

    /// Lets go of a connection's socket, which closes it.
    func release(_ index: UInt32) { _ = ring.setFile(-1, at: UInt32(Self.file(index))) }

    // MARK: Completions

    func submit() { ring.submit() }
    func submitAndWait() { ring.submitAndWait() }
    var ready: UInt32 { ring.ready }
    func completion(_ index: UInt32) -> UnsafePointer<io_uring_cqe> { ring.completion(index) }
    func advance(_ count: UInt32) { ring.advance(count) }

    /// The bytes a receive completion brought, in a provided buffer; nil when it brought none.
    func received(_ cqe: UnsafePointer<io_uring_cqe>) -> (bytes: UnsafeRawBufferPointer, buffer: UInt16)? {
        guard cqe.pointee.flags & RG_CQE_BUFFER != 0 else { return nil }
        let buffer = UInt16(truncatingIfNeeded: cqe.pointee.flags >> RG_CQE_BUFFER_SHIFT)
        return (buffers.bytes(of: buffer, count: Int(max(0, cqe.pointee.res))), buffer)
    }

    /// Gives a provided buffer back to the kernel.
    func recycle(_ buffer: UInt16) { buffers.provide(buffer) }
}
