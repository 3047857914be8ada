import Glibc

/// A block device that exists: a loop device over a file of zeros. Needs root.
///
/// The file has no name from the moment it is open, and the loop detaches at the last close. So nothing is
/// left behind, not even by a process that is killed.
public struct LoopDevice: ~Copyable, Sendable {
    /// Another process may take the free device between asking and configuring.
    private static let attempts = 16
    private static let blockSize: UInt32 = 512

    /// `/dev/loopN`
    public let path: String
    private let device: Descriptor

    /// Makes a device of `mebibytes` MiB; `directory` says on which file system its bytes live.
    ///
    /// Throws ``LabError/unavailable(_:)`` where the kernel, the container or the user rules loop devices out.
    public init(mebibytes: Int, directory: String) throws(LabError) {
        let control = try Self.open("/dev/loop-control")
        let backing = try Self.makeBackingFile(mebibytes: mebibytes, directory: directory)
        for _ in 0..<Self.attempts {
            let number = ioctl(control.number, Request.freeLoop)
            guard number >= 0 else { throw Self.refusal("LOOP_CTL_GET_FREE") }
            let path = "/dev/loop\(number)"
            let device = try Self.open(path)
            if try Self.configure(device.number, backing: backing.number) {
                self.path = path
                self.device = device
                return
            }
        }
        throw .unavailable("every free loop device was taken first, \(Self.attempts) times")
    }

    /// Why no loop device can be had here, or nil when one can. Makes one to know.
    public static func reasonUnavailable(directory: String) -> String? {
        do {
            _ = try LoopDevice(mebibytes: 1, directory: directory)
            return nil
        } catch {
            return error.description
        }
    }

    private static func open(_ path: String) throws(LabError) -> Descriptor {
        do {
            return try Descriptor(opening: path, O_RDWR)
        } catch {
            throw refusal("open \(path)")
        }
    }

    /// False when another process configured the device first.
    private static func configure(_ device: CInt, backing: CInt) throws(LabError) -> Bool {
        var config = [UInt8](repeating: 0, count: LoopConfig.size)
        config.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: UInt32(backing), toByteOffset: LoopConfig.fileOffset, as: UInt32.self)
            bytes.storeBytes(of: blockSize, toByteOffset: LoopConfig.blockSizeOffset, as: UInt32.self)
            bytes.storeBytes(of: LoopConfig.autoclear, toByteOffset: LoopConfig.flagsOffset, as: UInt32.self)
        }
        if ioctl(device, Request.configureLoop, &config) == 0 { return true }
        guard errno == EBUSY else { throw refusal("LOOP_CONFIGURE") }
        return false
    }

    private static func makeBackingFile(mebibytes: Int, directory: String) throws(LabError) -> Descriptor {
        var name = Array("\(directory)/loop-XXXXXX".utf8CString)
        let number = mkstemp(&name)
        guard number >= 0 else { throw .last("mkstemp in \(directory)") }
        let file = Descriptor(owning: number)
        unlink(name)
        guard fcntl(number, F_SETFD, FD_CLOEXEC) == 0 else { throw .last("fcntl") }
        // Reserved and not merely sized: a full file system then fails here and not as an I/O error later.
        let result = posix_fallocate(number, 0, off_t(mebibytes) << 20)
        guard result == 0 else { throw .system(call: "posix_fallocate", errno: result) }
        return file
    }

    /// Sorts the failed call of this thread: the device is ruled out here, or something broke.
    private static func refusal(_ call: String) -> LabError {
        let failure = LabError.last(call)
        return switch errno {
        case EPERM, EACCES, ENOENT, ENXIO, ENODEV, ENOSYS: .unavailable("no loop device: \(failure)")
        default: failure
        }
    }
}
