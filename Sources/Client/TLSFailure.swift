import Foundation
import NIOCore
import NIOPosix
import NIOSSL

/// Words for what NIO and BoringSSL throw.
enum TLSFailure {
    /// The error for a failure before the welcome.
    static func error(_ error: any Error) -> RingError {
        switch error {
        case let error as RingError: error
        case is NIOSSLError, is BoringSSLError, is NIOSSLExtraError: .handshake(text(error))
        default: .connectionLost(text(error))
        }
    }

    static func text(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError: connection(error)
        // NIO's own text wraps the reason in the name of the call it used.
        case let error as IOError: String(cString: strerror(error.errnoCode))
        case NIOSSLError.uncleanShutdown: "the connection was cut off (no close_notify)"
        case NIOSSLError.noSuchFilesystemObject: "no such file"
        case NIOSSLError.failedToLoadCertificate, NIOSSLError.failedToLoadPrivateKey:
            "it cannot be read, or holds no such thing as PEM"
        case let error as NIOSSLExtraError where error == .failedToValidateHostname:
            "the gateway's certificate does not carry the name or address connected to"
        case ChannelError.connectTimeout: "nothing answers at that address"
        default: alert(in: String(describing: error)) ?? String(describing: error)
        }
    }

    /// BoringSSL gives reasons only as text such as `SSLV3_ALERT_CERTIFICATE_EXPIRED`.
    private static func alert(in text: String) -> String? {
        alerts.first { text.contains($0.reason) }?.words
    }

    private static let alerts: [(reason: String, words: String)] = [
        ("ALERT_CERTIFICATE_EXPIRED", "the gateway refused our certificate: certificate expired"),
        ("ALERT_CERTIFICATE_REVOKED", "the gateway refused our certificate: certificate revoked"),
        ("ALERT_UNKNOWN_CA", "the gateway refused our certificate: unknown CA"),
        ("ALERT_BAD_CERTIFICATE", "the gateway refused our certificate: bad certificate"),
        (
            "ALERT_UNSUPPORTED_CERTIFICATE",
            "the gateway refused our certificate: not for client authentication"
        ),
        ("ALERT_CERTIFICATE_UNKNOWN", "the gateway refused our certificate: certificate unknown"),
        ("CERTIFICATE_REQUIRED", "the gateway requires a client certificate"),
        ("ALERT_ACCESS_DENIED", "the gateway refused our certificate: access denied"),
        (
            "ALERT_DECRYPT_ERROR",
            "the gateway could not verify our signature: does the key belong to the certificate?"
        ),
        ("NO_APPLICATION_PROTOCOL", "the server does not speak ringgate/1"),
        ("ALERT_PROTOCOL_VERSION", "the server does not speak TLS 1.3"),
        ("UNSUPPORTED_PROTOCOL", "the server does not speak TLS 1.3"),
        ("ALERT_HANDSHAKE_FAILURE", "the server found nothing in common with us"),
        ("ALERT_INTERNAL_ERROR", "the gateway failed inside (TLS alert internal_error)"),
        (
            "CERTIFICATE_VERIFY_FAILED",
            "the gateway's certificate does not verify: unknown CA, or certificate expired; check the CA file"
        ),
        ("WRONG_VERSION_NUMBER", "the server does not speak TLS"),
        ("EOF during handshake", "the server closed the connection during the handshake"),
    ]

    private static func connection(_ error: NIOConnectionError) -> String {
        let place = "\(error.host):\(error.port)"
        if let failure = error.connectionErrors.first {
            return "cannot connect to \(place): \(text(failure.error))"
        }
        return "cannot find the address of \(error.host)"
    }
}
