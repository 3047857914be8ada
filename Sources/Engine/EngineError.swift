import Glibc

/// Why the engine could not start. After the start, kernel errors are results, not errors of ours.
public enum EngineError: Error, Equatable, Sendable {
    /// io_uring_setup(2) is unknown: an old kernel, one built without it, or a filter that hides it.
    case missing
    /// io_uring_setup(2) is forbidden, by sysctl `kernel.io_uring_disabled` with this value.
    case disabled(sysctl: Int)
    /// io_uring_setup(2) is forbidden although the sysctl allows it: a seccomp filter or security module.
    case forbidden
    /// The kernel lacks flags this needs: older than Linux 6.1.
    case tooOld
    /// Another call failed, with its errno.
    case failed(call: String, errno: Int32)
}

extension EngineError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .missing:
            "this kernel offers no io_uring (ENOSYS): it needs Linux 6.1 or newer built with CONFIG_IO_URING, "
                + "and in a container a seccomp profile that lets io_uring_setup, io_uring_enter and "
                + "io_uring_register pass"
        case .disabled(let value):
            "io_uring is disabled by sysctl kernel.io_uring_disabled = \(value): set it to 0 (sysctl -w "
                + "kernel.io_uring_disabled=0), or to 1 with the daemon's group in kernel.io_uring_group"
        case .forbidden:
            "io_uring_setup is forbidden (EPERM) although sysctl kernel.io_uring_disabled allows it: the seccomp "
                + "profiles that Docker and containerd use by default block io_uring; start the container with a "
                + "profile that allows io_uring_setup, io_uring_enter and io_uring_register"
        case .tooOld:
            "this kernel's io_uring lacks DEFER_TASKRUN or restrictions (EINVAL): Linux 6.1 or newer is needed"
        case .failed(let call, let errno):
            "\(call) failed: \(String(cString: strerror(errno))) (errno \(errno))" + Self.remedy(errno)
        }
    }

    private static func remedy(_ code: Int32) -> String {
        switch code {
        case EMFILE: ": raise the limit of open files (ulimit -n, LimitNOFILE=) above the number of sessions"
        case ENOMEM: ": raise the limit of locked memory (ulimit -l, LimitMEMLOCK=)"
        default: ""
        }
    }

    /// What a failed io_uring_setup(2) means on this machine.
    static func setup(errno code: Int32) -> EngineError {
        switch code {
        case ENOSYS: .missing
        case EINVAL: .tooOld
        case EPERM, EACCES:
            switch disabledSysctl() {
            case .some(let value) where value > 0: .disabled(sysctl: value)
            default: .forbidden
            }
        default: .failed(call: "io_uring_setup", errno: code)
        }
    }

    private static func disabledSysctl() -> Int? {
        let fd = open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var digit: UInt8 = 0
        guard Glibc.read(fd, &digit, 1) == 1 else { return nil }
        return Int(digit) - 48
    }
}
