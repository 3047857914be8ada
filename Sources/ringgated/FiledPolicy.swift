import Glibc
import Logging
import RingAdministration
import RingPolicy

/// What the policy file says now: what the processes beside the gateway go by. They look at the file themselves, because whoever
/// asks them may be somebody who has taken the gateway over. A file that is wrong changes nothing.
final class FiledPolicy {
    private let administrator: Administrator
    private let logger: Logger
    private var policy: PolicySnapshot
    private var devices: [String: Device]
    private var file: FileState?

    /// `file` is what the policy was read from.
    init(_ policy: PolicySnapshot, _ file: FileState?, _ administrator: Administrator, _ logger: Logger) {
        self.administrator = administrator
        self.logger = logger
        self.file = file
        self.policy = policy
        devices = Self.named(policy)
    }

    /// The whole of it; the same object until the file is another.
    func now() -> PolicySnapshot {
        let state = FileState(administrator.files.policy)
        guard state != file else { return policy }
        file = state
        do {
            policy = try administrator.load()
            devices = Self.named(policy)
        } catch {
            logger.warning("devices are had as before, the policy file is wrong:\n\(error)")
        }
        return policy
    }

    /// What a name stands for; nil for nothing that can be opened.
    func device(_ name: String) -> Device? {
        _ = now()
        return devices[name]
    }

    private static func named(_ policy: PolicySnapshot) -> [String: Device] {
        Dictionary(
            policy.devices.filter { $0.kind != .gateway }.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    }
}

/// What tells one content of a file from the next without reading it (stat(2)).
struct FileState: Equatable {
    private let numbers: [Int]

    /// nil when there is no file.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        numbers = [
            Int(status.st_dev), Int(status.st_ino), Int(status.st_size), status.st_mtim.tv_sec,
            status.st_mtim.tv_nsec,
        ]
    }
}
