import NIOCore
import NIOSSL
import RingProtocol

/// The TLS side of a configuration: TLS 1.3 only, mutual, full verification (docs/protocol.md, R-1).
struct TLSSetup: Sendable {
    private let context: NIOSSLContext
    /// What the gateway's certificate must carry; checked after NIOSSL has verified the chain.
    let serverName: ServerName

    /// Reads the files. Throws `.handshake` naming the file that cannot be used.
    init(_ configuration: ConnectionConfiguration) throws(RingError) {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.minimumTLSVersion = .tlsv13
        // The chain; the name is checked by us, against what was asked for and nothing else.
        tls.certificateVerification = .noHostnameVerification
        // Closing waits this long for the gateway's close_notify; NIOSSL's own 5 s would outlast deadlines.
        tls.shutdownTimeout = .seconds(1)
        tls.applicationProtocols = [applicationProtocol]
        tls.certificateChain = try Self.use(configuration.certificateChain, as: "certificate") {
            try NIOSSLCertificate.fromPEMFile($0).map { .certificate($0) }
        }
        tls.privateKey = try Self.use(configuration.privateKey, as: "private key") {
            .privateKey(try NIOSSLPrivateKey(file: $0, format: .pem))
        }
        tls.trustRoots = try Self.use(configuration.trustRoots, as: "CA") {
            .certificates(try NIOSSLCertificate.fromPEMFile($0))
        }
        do {
            context = try NIOSSLContext(configuration: tls)
        } catch {
            throw .handshake("certificate and private key do not go together: \(error)")
        }
        serverName = ServerName(configuration.serverName)
    }

    func makeHandler() throws -> NIOSSLClientHandler {
        try NIOSSLClientHandler(context: context, serverHostname: serverName.hostname)
    }

    private static func use<T>(_ path: String, as role: String, _ read: (String) throws -> T)
        throws(RingError) -> T
    {
        do {
            return try read(path)
        } catch {
            throw .handshake("cannot use the \(role) file \(path): \(TLSFailure.text(error))")
        }
    }
}
