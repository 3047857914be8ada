import Glibc
import RingPolicy

/// One opened device file: a descriptor for the call engine and the same index in the rings' file tables.
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
    var isOnWideRing = false
    /// Whether a read or write may wait inside the driver: it must then not run on the loop's thread.
    var mayWait = false
    /// Reads and writes of a file that may wait take turns, each among its kind.
    var reads = TurnQueue()
    var writes = TurnQueue()
    /// Operations that use the file.
    var inFlight = 0
    /// Whom the close is to be answered to; nil when the session is gone.
    var closeTag: OperationTag?
    var lane: CallLane?

    /// Stands for "not the kind of node the policy names" in an open's result; no errno has it.
    static let wrongKind: Int32 = -4095

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
        }
    }
}

/// Indices of open files, lowest free one first.
struct OpenFileTable: ~Copyable {
    private(set) var files = [OpenFile](repeating: OpenFile(), count: EngineLimits.openFiles)
    private var free = Array((0..<UInt32(EngineLimits.openFiles)).reversed())

    var inUse: Int { EngineLimits.openFiles - free.count }

    mutating func take(_ file: OpenFile) -> UInt32? {
        guard let index = free.popLast() else { return nil }
        files[Int(index)] = file
        return index
    }

    mutating func release(_ index: UInt32) {
        files[Int(index)] = OpenFile()
        free.append(index)
    }

    /// Closes what is open and not in use.
    func closeIdle() {
        for file in files where file.state == .open && file.inFlight == 0 { close(file.fd) }
    }

    subscript(index: UInt32) -> OpenFile {
        @inline(__always) _read { yield files[Int(index)] }
        @inline(__always) _modify { yield &files[Int(index)] }
    }
}
