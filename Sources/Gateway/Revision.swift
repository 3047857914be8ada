import COpenSSL

/// Names a policy by its content.
public enum Revision {
    /// SHA-256 (FIPS 180-4) of `bytes`: 32 bytes.
    public static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        var hash = [UInt8](repeating: 0, count: 32)
        let result = bytes.withUnsafeBytes { rg_sha256($0.baseAddress, $0.count, &hash) }
        precondition(result == 1, "OpenSSL has no SHA-256")
        return hash
    }

    /// Lower-case hexadecimal.
    public static func text(_ revision: [UInt8]) -> String {
        revision.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
