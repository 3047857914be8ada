import CSandbox
import Glibc

/// A user of the system (passwd(5)), whom a process that root has started becomes.
public struct Account: Sendable {
    public let name: String
    public let user: uid_t
    public let group: gid_t

    /// nil when there is none of that name.
    public init?(_ name: String) {
        guard let entry = getpwnam(name) else { return nil }
        self.name = name
        (user, group) = (entry.pointee.pw_uid, entry.pointee.pw_gid)
    }

    func become() throws(SandboxError) {
        try SandboxError.check(rg_become(name, user, group), "becoming the user `\(name)`")
    }
}
