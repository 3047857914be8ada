import CLiburing
import Glibc
import RingPolicy

/// What a worker must know of a file: how to open it, and how to leave the device when closing it.
///
/// `@unchecked Sendable` is sound because what is mutable belongs to whoever runs the file's open or close,
/// and those follow each other through the locks of a lane and of the finished list.
final class DeviceFile: @unchecked Sendable {
    /// What to open, and how; nil for a file that a command gives.
    private let opening: (device: Device, opener: DeviceOpener)?
    private let releases: [ReleaseAction]
    /// For each action what it is to restore, as it was found when the file was opened.
    private var found: [[UInt8]?] = []
    /// What was opened instead of what the policy names, in words.
    private(set) var mismatch: String?

    init(_ device: Device, _ opener: @escaping DeviceOpener) {
        opening = (device, opener)
        releases = device.profile.releases
    }

    init(givenAs profile: Profile) {
        opening = nil
        releases = profile.releases
    }

    var hasReleases: Bool { !releases.isEmpty }

    /// A descriptor, or a negated errno; -ENODEV with `mismatch` set when something else is there.
    func open() -> (fd: Int32, transfers: TransferMode) {
        guard let opening else { return (-EINVAL, .parallel) }
        let opened = opening.opener(opening.device)
        mismatch = opened.mismatch
        guard opened.descriptor >= 0 else { return (opened.descriptor, .parallel) }
        var status = stat()
        guard fstat(opened.descriptor, &status) == 0 else {
            let code = errno
            close(opened.descriptor)
            return (-code, .parallel)
        }
        return (opened.descriptor, TransferMode(status))
    }

    /// Keeps what closing is to restore. What the driver does not tell is not restored.
    func prepareRelease(_ fd: Int32, in arena: borrowing GuardedArena) {
        guard hasReleases else { return }
        found = releases.map { action in
            guard case .restore(let get, _, let size) = action, size > 0, size <= CommandShape.maximumSize
            else {
                return nil
            }
            let memory = arena.place(size)
            memory.initializeMemory(as: UInt8.self, repeating: 0)
            return rg_ioctl_pointer(fd, get.code, memory.baseAddress) < 0 ? nil : Array(memory)
        }
    }

    /// Leaves the device as the profile says. Nobody is there any more who could be told of a failure, and the
    /// next action may still do good: they are only counted. Result: how many failed.
    func release(_ fd: Int32, in arena: borrowing GuardedArena) -> Int {
        var failures = 0
        for (index, action) in releases.enumerated() {
            let isDone: Bool
            switch action {
            case .restore(_, let set, _):
                let block = found.indices.contains(index) ? found[index] : nil
                isDone = block.map { Self.hand($0, to: set.code, fd, in: arena) } ?? false
            case .write(let bytes): isDone = Glibc.write(fd, bytes, bytes.count) == bytes.count
            case .call(let code, let value): isDone = rg_ioctl_value(fd, code.code, value) >= 0
            }
            if !isDone { failures += 1 }
        }
        return failures
    }

    private static func hand(
        _ block: [UInt8], to code: UInt32, _ fd: Int32, in arena: borrowing GuardedArena
    ) -> Bool {
        let memory = arena.place(block.count)
        memory.copyBytes(from: block)
        return rg_ioctl_pointer(fd, code, memory.baseAddress) >= 0
    }
}
