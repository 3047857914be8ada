import RingPolicy
import RingPolicyFile

extension DenyList {
    /// Reads the file of certificates that are not let in. Throws with every error in it.
    public static func read(_ path: String) throws(AdministrationError) -> DenyList {
        do throws(PolicyErrors) { return try load(path) } catch { throw .policy(error) }
    }
}
