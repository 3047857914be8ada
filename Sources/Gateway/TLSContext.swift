import COpenSSL
import Glibc
import RingProtocol

/// The gateway's side of every handshake: TLS 1.3 only, ALPN, client certificate required, nothing resumed.
struct TLSContext: ~Copyable {
    let context: OpaquePointer

    /// When the first revocation list is due again, in seconds since 1970; `.max` without lists.
    let listsDue: Int64

    init(_ files: TrustFiles) throws(GatewayError) {
        guard let context = SSL_CTX_new(TLS_server_method()) else {
            throw .tls(file: "OpenSSL", reason: OpenSSLError.take())
        }
        do throws(GatewayError) {
            try Self.configure(context, files.certificate, files.key, files.clientCA)
            listsDue = try Self.loadLists(context, files)
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        self.context = context
    }

    deinit { SSL_CTX_free(context) }

    private static func configure(
        _ context: OpaquePointer, _ certificate: String, _ key: String, _ clientCA: String
    ) throws(GatewayError) {
        try check(rg_ctx_require_tls13(context), "OpenSSL")
        try check(rg_ctx_set_groups(context), "OpenSSL")
        rg_ctx_set_modes(context)
        rg_ctx_set_strict(context)
        SSL_CTX_set_options(context, UInt64(1) << 14)  // SSL_OP_NO_TICKET
        try check(SSL_CTX_set_num_tickets(context, 0), "OpenSSL")
        for file in [certificate, key, clientCA] where access(file, R_OK) != 0 {
            throw .tls(file: file, reason: String(cString: strerror(errno)))
        }
        try check(SSL_CTX_use_certificate_chain_file(context, certificate), certificate)
        if let flaw = rg_ctx_certificate_flaw(context) {
            throw .tls(file: certificate, reason: String(cString: flaw))
        }
        try check(SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM), key)
        guard SSL_CTX_check_private_key(context) == 1 else {
            throw .tls(file: key, reason: "is not the key of \(certificate)")
        }
        try check(SSL_CTX_load_verify_file(context, clientCA), clientCA)
        guard rg_ctx_trusts_only_authorities(context) == 1 else {
            throw .tls(
                file: clientCA, reason: "holds a certificate that is no CA's; clients could not chain to it")
        }
        SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(clientCA))
        SSL_CTX_set_verify_depth(context, 4)
        SSL_CTX_set_alpn_select_cb(context, selectProtocol, nil)
    }

    /// Revocation lists, which each authority must have: without its list all its clients would be refused.
    private static func loadLists(_ context: OpaquePointer, _ files: TrustFiles) throws(GatewayError) -> Int64
    {
        rg_ctx_require_client(context, files.acceptsOverdueLists ? 1 : 0)
        guard let path = files.revocationLists else { return .max }
        guard access(path, R_OK) == 0 else {
            throw .tls(file: path, reason: String(cString: strerror(errno)))
        }
        guard rg_ctx_load_lists(context, path) > 0 else {
            _ = OpenSSLError.take()
            throw .tls(file: path, reason: "holds no certificate revocation list (PEM, `BEGIN X509 CRL`)")
        }
        var name = [CChar](repeating: 0, count: 256)
        let due = rg_ctx_lists_due(context, &name, Int32(name.count))
        ERR_clear_error()
        guard due != .min else {
            let authority = name.withUnsafeBufferPointer { String(cString: $0.baseAddress.unsafelyUnwrapped) }
            throw .tls(
                file: path,
                reason:
                    "holds no list with a time of its next update that \(authority) of \(files.clientCA) has signed"
            )
        }
        return due
    }

    private static func check(_ result: Int32, _ file: String) throws(GatewayError) {
        guard result == 1 else { throw .tls(file: file, reason: OpenSSLError.take()) }
    }
}

/// Picks `ringgate/1` from the client's list (RFC 7301), or ends the handshake with no_application_protocol.
private let selectProtocol: SSL_CTX_alpn_select_cb_func = { _, output, outputLength, input, inputLength, _ in
    guard let input, let output, let outputLength else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    let wanted = applicationProtocol.utf8
    var position = 0
    while position < Int(inputLength) {
        let length = Int(input[position])
        guard position + 1 + length <= Int(inputLength) else { break }
        let offered = UnsafeBufferPointer(start: input + position + 1, count: length)
        if offered.elementsEqual(wanted) {
            output.pointee = offered.baseAddress
            outputLength.pointee = UInt8(length)
            return SSL_TLSEXT_ERR_OK
        }
        position += 1 + length
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL
}

/// OpenSSL's error queue of this thread, as text.
enum OpenSSLError {
    /// The oldest error's reason; empties the queue.
    static func take() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return "unspecified TLS failure" }
        var buffer = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(code, &buffer, buffer.count)
        if let reason = ERR_reason_error_string(code) { return String(cString: reason) }
        return buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress.unsafelyUnwrapped) }
    }
}
