import COpenSSL
import RingPolicy

/// Reads from a certificate what policies may go by.
enum CertificateIdentity {
    private static let textLimit = 512

    static func read(_ certificate: OpaquePointer) -> Result<PeerIdentity, IdentityError> {
        guard rg_is_authority(certificate) == 0 else { return .failure(.authority) }
        let count = Int(rg_uri_count(certificate))
        guard count >= 0 else { return .failure(.unusableURI) }
        guard count <= 1 else { return .failure(.severalURIs(count)) }
        var uris: [String] = []
        if count == 1 {
            guard let uri = text({ rg_first_uri(certificate, $0, $1) }) else { return .failure(.unusableURI) }
            uris = [uri]
        }
        var hash = [UInt8](repeating: 0, count: 32)
        guard rg_key_hash(certificate, &hash) == 1 else { return .failure(.unusableURI) }
        return .success(
            PeerIdentity(
                uris: uris, keyHash: hash, commonName: text { rg_common_name(certificate, $0, $1) },
                issuer: text { rg_issuer(certificate, $0, $1) } ?? ""))
    }

    /// Text a shim copies into a buffer; nil when it is absent, too long, or not UTF-8.
    private static func text(_ copy: (UnsafeMutablePointer<UInt8>, Int32) -> Int32) -> String? {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: textLimit) { buffer in
            let length = Int(copy(buffer.baseAddress.unsafelyUnwrapped, Int32(textLimit)))
            guard length >= 0, length <= textLimit else { return nil }
            return String(validating: buffer[..<length], as: UTF8.self)
        }
    }
}
