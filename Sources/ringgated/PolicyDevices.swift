import Glibc
import Logging
import RingAdministration
import RingPolicy

/// The devices that the policy file names now: what the opener goes by. It looks at the file itself, because whoever asks it
/// may be somebody who has taken the gateway over. A file that is wrong changes nothing.
final class PolicyDevices {
    private let administrator: Administrator
    private let logger: Logger
    private var devices: [String: Device]
    private var file: FileState?

    /// `file` is what the policy was read from.
    init(_ policy: PolicySnapshot, _ file: FileState?, _ administrator: Administrator, _ logger: Logger) {
        self.administrator = administrator
        self.logger = logger
        self.file = file
        devices = Self.named(policy)
    }

    /// What a name stands for; nil for nothing that can be opened.
    func device(_ name: String) -> Device? {
        let now = FileState(administrator.files.policy)
        if now != file {
            file = now
            do { devices = Self.named(try administrator.load()) } catch {
                logger.warning("devices are opened as before, the policy file is wrong:\n\(error)")
            }
        }
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
