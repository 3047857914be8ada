import Glibc
import RingPolicy

/// One opened device file: a descriptor for the call engine and, once a ring has had to do with it, the same index in the
/// rings' file tables.
///
/// Not before: kernels older than 6.4 keep what was in such a table open for about a second after it was taken out, so that
/// a device which only one may have open (a watchdog, a clock) would be busy for the next. Those have no ring commands.
struct OpenFile {
    enum State: Equatable {
        case free
        case opening
        case open
        /// Waiting for its operations to end, then for close(2).
        case closing
    }

    var state = State.free
    var fd: Int32 = -1
    var isRegistered = false
    var isOnWideRing = false
    var transfers = TransferMode.parallel
    /// Those of a file where they take turns, each among its kind.
    var reads = TurnQueue()
    var writes = TurnQueue()
    /// Operations that were begun on it.
    var started = 0
    /// Operations that use the file, and those of them that do not come back.
    var inFlight = 0
    var stuck = 0
    /// Those of them that are on a ring.
    var stuckOnRing = 0
    /// A call on its device does not come back; nothing new is begun there until it has.
    var isQuarantined = false
    /// Whom the close is to be answered to; nil when the session is gone.
    var closeTag: OperationTag?
    var lane: CallLane?
    /// How it is opened and left.
    var record: DeviceFile?

    static func flags(_ access: FileAccess) -> Int32 {
        switch access {
        case .readOnly: O_RDONLY
        case .writeOnly: O_WRONLY
        case .readWrite: O_RDWR
        }
    }

    static func mode(_ kind: NodeKind) -> UInt32 {
        switch kind {
        case .character: UInt32(S_IFCHR)
        case .block: UInt32(S_IFBLK)
        case .regular: UInt32(S_IFREG)
        case .tcp: UInt32(S_IFSOCK)
        // No file is one: the gateway answers for itself.
        case .gateway: 0
        }
    }
}

/// Indices of open files, lowest free one first.
struct OpenFileTable: ~Copyable {
    /// Not an array: the hot path would ask at each change whether it is shared.
    private let files = UnsafeMutableBufferPointer<OpenFile>.allocate(capacity: EngineLimits.openFiles)
    private var free = Array((0..<UInt32(EngineLimits.openFiles)).reversed())

    init() { files.initialize(repeating: OpenFile()) }

    deinit {
        files.deinitialize()
        files.deallocate()
    }

    var inUse: Int { EngineLimits.openFiles - free.count }

    mutating func take(_ file: OpenFile) -> UInt32? {
        guard let index = free.popLast() else { return nil }
        files[Int(index)] = file
        return index
    }

    mutating func release(_ index: UInt32) {
        files[Int(index)].lane?.startedBefore += files[Int(index)].started
        files[Int(index)] = OpenFile()
        free.append(index)
    }

    /// Whether an open file has this descriptor. One that is being closed may have lost it already.
    func contains(_ fd: Int32) -> Bool { files.contains { $0.fd == fd && $0.state == .open } }

    /// Closes what is open and not in use, here and now, with all that the profiles want done before.
    func closeIdle(_ counters: EngineCounters) {
        let idle = files.filter { $0.state == .open && $0.inFlight == 0 }
        if idle.contains(where: { $0.record?.hasReleases ?? false }), let arena = try? GuardedArena(counters)
        {
            for file in idle { _ = file.record?.release(file.fd, in: arena) }
        }
        for file in idle { close(file.fd) }
    }

    /// In range, whatever the index is.
    @inline(__always)
    private func place(_ index: UInt32) -> UnsafeMutablePointer<OpenFile> {
        precondition(index < UInt32(EngineLimits.openFiles), "a file that does not exist")
        return files.baseAddress.unsafelyUnwrapped + Int(index)
    }

    subscript(index: UInt32) -> OpenFile {
        @inline(__always) _read { yield place(index).pointee }
        @inline(__always) _modify { yield &place(index).pointee }
    }
}
