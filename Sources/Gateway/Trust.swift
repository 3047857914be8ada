import COpenSSL
import Glibc
import Logging
import RingAdministration
import RingPolicy

/// The files that decide who is let in, before the policy has a word.
public struct TrustFiles: Sendable, Equatable {
    /// PEM files: the gateway's certificate chain and key, and the CAs that client certificates must chain to.
    public var certificate: String
    public var key: String
    public var clientCA: String
    /// PEM file with a revocation list of each of these CAs; nil when none is asked about.
    public var revocationLists: String?
    /// Whether a list that is due again is still good enough.
    public var acceptsOverdueLists = false
    /// YAML file with certificates that are not let in; nil for none.
    public var denyList: String?

    public init(certificate: String, key: String, clientCA: String) {
        self.certificate = certificate
        self.key = key
        self.clientCA = clientCA
    }

    /// Paths of those that are named.
    public var all: [String] {
        [certificate, key, clientCA] + [revocationLists, denyList].compactMap { $0 }
    }
}

/// What certificates are judged by, the same for all loops. When its files change another takes its place.
///
/// `@unchecked Sendable` is sound because OpenSSL's context is not changed after this was made, and locks what it counts.
final class Trust: @unchecked Sendable {
    let tls: TLSContext
    let denied: DenyList
    /// When the first revocation list is due again, in seconds since 1970; `.max` for never, and where that is no matter.
    let listsDue: Int64

    /// Reads all files. Throws for the first that cannot be used, with what is wrong with it.
    init(_ files: TrustFiles) throws(GatewayError) {
        tls = try TLSContext(files)
        do throws(AdministrationError) {
            denied =
                try files.denyList.map { path throws(AdministrationError) in try DenyList.read(path) }
                ?? DenyList()
        } catch {
            throw .denyList(error.description)
        }
        listsDue = files.acceptsOverdueLists ? .max : tls.listsDue
    }

    /// For the log.
    var metadata: Logger.Metadata {
        ["denied": "\(denied.count)", "listsDue": "\(listsDue == .max ? "never" : "\(listsDue)")"]
    }

    /// Whether a handshake now would let the certificate in.
    enum Judgement: Equatable {
        /// Until then, in seconds since 1970, unless the trust changes.
        case good(until: Int64)
        case bad(String)
    }

    func judge(_ peer: PeerCertificate, _ identity: PeerIdentity) -> Judgement {
        if let reason = denial(of: peer, identity) { return .bad(reason) }
        var end = Int64.max
        let error = rg_ctx_judge(tls.context, peer.certificate, peer.chain, &end)
        guard error == X509_V_OK else {
            return .bad("the certificate is no longer good: \(Self.words(error))")
        }
        return .good(until: min(end, listsDue))
    }

    /// Why the deny list keeps the certificate out, if it does.
    func denial(of peer: PeerCertificate, _ identity: PeerIdentity) -> String? {
        guard denied.count > 0, let reason = denied.reason(serial: peer.serial, keyHash: identity.keyHash)
        else {
            return nil
        }
        return "the certificate is on the gateway's deny list: \(reason)"
    }

    private static func words(_ error: Int32) -> String {
        X509_verify_cert_error_string(Int(error)).map { String(cString: $0) } ?? "error \(error)"
    }
}
