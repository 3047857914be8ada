import CSandbox
import Glibc

/// The walls that a process puts around itself once it knows what it has to reach: no privilege that is not named, no
/// path and no port that is not, no system call it has no use for. None of them can be taken down again.
///
/// What a ring's entry asks a driver (`cmd_op`) is seen by none of them.
public struct Sandbox: Sendable, CustomStringConvertible {
    /// The version of Landlock's interface; nil when the kernel has none.
    public let landlock: Int32?
    /// Why system calls are not filtered; nil when they are.
    public let unfiltered: String?
    /// Those that were kept and that the process had.
    public let capabilities: Set<Capability>

    /// Puts up all that the kernel has. Throws what the kernel should have done and did not.
    ///
    /// Must be called while the process has one thread: others would stay outside.
    public static func enter(_ reach: Reach, as account: Account? = nil) throws(SandboxError) -> Sandbox {
        guard threads == 1 else { throw SandboxError("the process has \(threads) threads already") }
        Capability.dropForGood(but: reach.capabilities)
        try account?.become()
        let capabilities = try Capability.keep(reach.capabilities)
        try SandboxError.check(rg_no_new_privileges(), "PR_SET_NO_NEW_PRIVS")
        let landlock = Landlock.version
        if let landlock { try Landlock.restrict(to: reach, landlock) }
        var unfiltered: String?
        do throws(SandboxError) { try CallFilter.install(reach) } catch { unfiltered = error.description }
        return Sandbox(landlock: landlock, unfiltered: unfiltered, capabilities: capabilities)
    }

    /// Whether every wall stands.
    public var isComplete: Bool { landlock != nil && unfiltered == nil }

    /// For the log.
    public var description: String {
        [
            landlock.map { "Landlock \($0)" } ?? "no Landlock",
            unfiltered.map { "no filter of system calls (\($0))" } ?? "system calls filtered",
            capabilities.isEmpty
                ? "no capabilities" : capabilities.map(\.description).sorted().joined(separator: ", "),
        ].joined(separator: "; ")
    }

    /// /proc/self/status would need parsing; its list of threads has an entry each, beside `.` and `..`.
    package static var threads: Int {
        guard let stream = opendir("/proc/self/task") else { return 1 }
        defer { closedir(stream) }
        var count = -2
        while readdir(stream) != nil { count += 1 }
        return count
    }
}
