import COpenSSL

/// SHA-256 (FIPS 180-4) by OpenSSL.
enum Digest {
    /// Of one behind the other.
    static func sha256(_ first: [UInt8], _ second: [UInt8]) -> [UInt8] {
        var hash = [UInt8](repeating: 0, count: AuditChain.hashSize)
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        let isDone =
            EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1
            && EVP_DigestUpdate(context, first, first.count) == 1
            && EVP_DigestUpdate(context, second, second.count) == 1
            && EVP_DigestFinal_ex(context, &hash, nil) == 1
        precondition(isDone, "OpenSSL has no SHA-256")
        return hash
    }

    static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        var hash = [UInt8](repeating: 0, count: AuditChain.hashSize)
        let result = bytes.withUnsafeBytes { rg_sha256($0.baseAddress, $0.count, &hash) }
        precondition(result == 1, "OpenSSL has no SHA-256")
        return hash
    }
}
