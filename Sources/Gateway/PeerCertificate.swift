import COpenSSL
import RingPolicy

/// A client's certificate, kept to be judged again while its session lives.
///
/// `@unchecked Sendable` is sound because OpenSSL's certificates are counted with atomics and not changed after they were
/// read.
final class PeerCertificate: @unchecked Sendable {
    let certificate: OpaquePointer
    /// What the client sent beside it; nil for nothing.
    let chain: OpaquePointer?

    /// Takes over one count of each.
    init(owning certificate: OpaquePointer, chain: OpaquePointer?) {
        self.certificate = certificate
        self.chain = chain
    }

    deinit {
        rg_chain_free(chain)
        X509_free(certificate)
    }

    func identity() -> Result<PeerIdentity, IdentityError> { CertificateIdentity.read(certificate) }

    /// In lower hexadecimal digits.
    var serial: String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { buffer in
            let length = Int(
                rg_serial(certificate, buffer.baseAddress.unsafelyUnwrapped, Int32(buffer.count)))
            return String(decoding: buffer[..<min(length, buffer.count)], as: UTF8.self)
        }
    }
}
