import COpenSSL
import Glibc

/// Why an audit log or its key cannot be used, in words that name the file.
public struct AuditError: Error, Sendable, Equatable, CustomStringConvertible {
    public let path: String
    public let reason: String
    public var description: String { "\(path): \(reason)" }

    public init(_ path: String, _ reason: String) {
        self.path = path
        self.reason = reason
    }

    /// With what `errno` says.
    static func now(_ path: String, _ what: String) -> AuditError {
        let code = errno
        return AuditError(path, "\(what): \(String(cString: strerror(code)))")
    }
}

/// The Ed25519 key (RFC 8032) that checkpoints are signed with.
///
/// `@unchecked Sendable` is sound because OpenSSL never changes a key that is only used.
public final class AuditKey: @unchecked Sendable {
    private let key: OpaquePointer
    /// SHA-256 of the public key's 32 bytes: what a checkpoint names it by.
    public let fingerprint: String

    public static let signatureSize = 64
    /// Names in an audit directory.
    public static let privateName = "key.pem"
    public static let publicName = "key.pub.pem"

    private init?(owning key: OpaquePointer?) {
        guard let key else { return nil }
        var bytes = [UInt8](repeating: 0, count: 32)
        var count = bytes.count
        guard EVP_PKEY_get_id(key) == EVP_PKEY_ED25519, EVP_PKEY_get_raw_public_key(key, &bytes, &count) == 1
        else {
            EVP_PKEY_free(key)
            return nil
        }
        self.key = key
        fingerprint = Hexadecimal.text(Digest.sha256(bytes))
    }

    deinit { EVP_PKEY_free(key) }

    /// The key of an audit directory. Where there is none, one is made: `key.pem`, readable by the owner alone, and
    /// `key.pub.pem`, for those who verify.
    public static func open(in directory: String) throws(AuditError) -> AuditKey {
        let path = "\(directory)/\(privateName)"
        if access(path, F_OK) != 0, errno == ENOENT { return try make(in: directory) }
        guard let key = AuditKey(owning: read(path) { PEM_read_bio_PrivateKey($0, nil, nil, nil) }) else {
            throw AuditError(path, "is no Ed25519 private key (PEM) that can be read")
        }
        return key
    }

    /// A public key, for verifying.
    public static func load(_ path: String) throws(AuditError) -> AuditKey {
        guard access(path, R_OK) == 0 else { throw .now(path, "cannot be read") }
        guard let key = AuditKey(owning: read(path) { PEM_read_bio_PUBKEY($0, nil, nil, nil) }) else {
            throw AuditError(path, "is no Ed25519 public key (PEM)")
        }
        return key
    }

    private static func read(_ path: String, _ body: (OpaquePointer) -> OpaquePointer?) -> OpaquePointer? {
        guard let file = BIO_new_file(path, "r") else { return nil }
        defer { BIO_free(file) }
        return body(file)
    }

    private static func make(in directory: String) throws(AuditError) -> AuditKey {
        guard let context = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nil) else {
            throw AuditError(directory, "OpenSSL has no Ed25519")
        }
        defer { EVP_PKEY_CTX_free(context) }
        var made: OpaquePointer?
        guard EVP_PKEY_keygen_init(context) == 1, EVP_PKEY_keygen(context, &made) == 1,
            let key = AuditKey(owning: made)
        else { throw AuditError(directory, "OpenSSL cannot make a key") }
        let publicPath = "\(directory)/\(publicName)"
        try write(publicPath, mode: 0o644) { PEM_write_bio_PUBKEY($0, key.key) }
        // Last, because the key is there once this is.
        let path = "\(directory)/\(privateName)"
        try write(path, mode: 0o600) { PEM_write_bio_PrivateKey($0, key.key, nil, nil, 0, nil, nil) }
        return key
    }

    private static func write(
        _ path: String, mode: mode_t, _ body: (OpaquePointer?) -> Int32
    ) throws(AuditError) {
        let temporary = "\(path).new"
        unlink(temporary)
        let descriptor = Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw .now(temporary, "cannot be made") }
        defer { close(descriptor) }
        let file = BIO_new_fd(descriptor, BIO_NOCLOSE)
        defer { BIO_free(file) }
        guard body(file) == 1, fsync(descriptor) == 0, rename(temporary, path) == 0 else {
            throw .now(temporary, "cannot be written")
        }
    }

    // MARK: Signatures

    func sign(_ message: [UInt8]) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: Self.signatureSize)
        var count = signature.count
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        let isDone =
            EVP_DigestSignInit(context, nil, nil, nil, key) == 1
            && EVP_DigestSign(context, &signature, &count, message, message.count) == 1
        precondition(isDone && count == Self.signatureSize, "OpenSSL cannot sign with an Ed25519 key")
        return signature
    }

    func isSignature(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        let context = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(context) }
        return EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1
            && EVP_DigestVerify(context, signature, signature.count, message, message.count) == 1
    }
}

extension AuditChain {
    /// What a checkpoint behind this record signs.
    private var vouched: [UInt8] { Array("ringgate audit 1\n\(sequence) \(Hexadecimal.text(head))\n".utf8) }

    /// A record that vouches for everything up to this one.
    public func checkpoint(by key: AuditKey, time: UInt64) -> AuditRecord {
        var record = AuditRecord(.checkpoint, time: time)
        record.add("of", sequence)
        record.add("key", key.fingerprint)
        record.add("signature", Hexadecimal.text(key.sign(vouched)))
        return record
    }

    /// Whether the signature is the key's for everything up to this record.
    func isVouched(for signature: [UInt8], by key: AuditKey) -> Bool {
        key.isSignature(signature, of: vouched)
    }
}
