import CLiburing
import Glibc

/// How reads and writes of a file may be handed to its ring.
enum TransferMode: UInt8 {
    /// As they come: nothing in the driver waits once it has been told not to.
    case parallel
    /// One read and one write at a time, in order: a stream whose driver can be asked not to wait.
    case inTurn
    /// One read and one write at a time, on one of the kernel's threads: the driver may wait even after
    /// poll(2) called the file ready.
    case detached

    /// Memory's devices (major 1: null, zero, full, random) and disks honour a call's own NOWAIT, and so do
    /// sockets. Of all else, files without a name among it, nothing is known.
    init(_ status: stat) {
        switch status.st_mode & S_IFMT {
        case S_IFREG, S_IFBLK: self = .parallel
        case S_IFSOCK: self = .inTurn
        case S_IFCHR where rg_major(UInt64(status.st_rdev)) == 1: self = .parallel
        default: self = .detached
        }
    }

    var takesTurns: Bool { self != .parallel }
}
