import CSandbox

/// A privilege that the kernel gives apart from root's others (capabilities(7)).
public struct Capability: Sendable, Hashable, CustomStringConvertible {
    /// As linux/capability.h has it.
    let number: Int

    /// nil for what is no capability's name, such as `CAP_SYS_TIME`.
    public init?(_ name: String) {
        guard let number = Self.names.firstIndex(of: name) else { return nil }
        self.number = number
    }

    private init(number: Int) { self.number = number }

    /// Those that this thread has and may use.
    public static var held: Set<Capability> {
        var permitted: UInt64 = 0
        guard rg_capabilities(&permitted) == 0 else { return [] }
        return Set(names.indices.filter { permitted >> UInt64($0) & 1 == 1 }.map(Capability.init(number:)))
    }

    public var description: String { Self.names[number] }

    /// By number.
    public static let names = [
        "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
        "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE",
        "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER",
        "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT",
        "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME",
        "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
        "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM",
        "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
    ]

    private static func bits(_ capabilities: Set<Capability>) -> UInt64 {
        capabilities.reduce(0) { $0 | 1 << UInt64($1.number) }
    }

    /// Takes all but `kept` from what programs that it runs could get back.
    static func dropForGood(but kept: Set<Capability>) {
        // Without CAP_SETPCAP this is refused, and without privileges there is nothing that could come back.
        for number in 0..<64 where !kept.contains(Capability(number: number)) {
            _ = rg_drop_from_bounding_set(Int32(number))
        }
    }

    /// Takes all but `kept` from this thread. Returns which of them it has.
    static func keep(_ kept: Set<Capability>) throws(SandboxError) -> Set<Capability> {
        var permitted: UInt64 = 0
        try SandboxError.check(rg_capabilities(&permitted), "capget")
        permitted &= bits(kept)
        try SandboxError.check(rg_set_capabilities(permitted), "capset")
        return kept.filter { permitted >> UInt64($0.number) & 1 == 1 }
    }
}

extension SandboxError {
    package static func check(_ result: Int32, _ what: String) throws(SandboxError) {
        if result < 0 { throw SandboxError(what, result) }
    }
}
