import COpenSSL
import RingFault
import RingPolicy
import RingProtocol

/// One TLS connection between two memory buffers: ciphertext in and out, plaintext in between, no socket.
struct TLSSession: ~Copyable {
    private let ssl: OpaquePointer
    /// Owned by `ssl`.
    private let incoming: OpaquePointer
    private let outgoing: OpaquePointer

    enum Progress: Equatable {
        case needsMore
        case done
        case failed(String)
    }

    enum ReadResult: Equatable {
        case bytes(Int)
        case needsMore
        /// The peer has said close_notify.
        case closed
        case failed(String)
    }

    /// nil when there is no memory.
    init?(_ context: borrowing TLSContext) {
        guard Fault.session.strikes == nil, let ssl = SSL_new(context.context) else { return nil }
        guard let incoming = rg_memory_bio() else {
            SSL_free(ssl)
            return nil
        }
        guard let outgoing = rg_memory_bio() else {
            BIO_free(incoming)
            SSL_free(ssl)
            return nil
        }
        SSL_set_bio(ssl, incoming, outgoing)
        SSL_set_accept_state(ssl)
        self.ssl = ssl
        self.incoming = incoming
        self.outgoing = outgoing
    }

    deinit { SSL_free(ssl) }

    /// Takes ciphertext from the peer. False when there is no memory.
    ///
    /// OpenSSL's error queue belongs to the thread, and what lies in it would be taken for an error of this
    /// session.
    mutating func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        ERR_clear_error()
        guard Fault.ciphertext.strikes == nil else { return false }
        return BIO_write(incoming, bytes.baseAddress, Int32(bytes.count)) == Int32(bytes.count)
    }

    /// Goes on with the handshake; a failure leaves its alert in the output.
    mutating func handshake() -> Progress {
        let result = SSL_do_handshake(ssl)
        if result == 1 { return hasProtocol ? .done : .failed("the client offered no ALPN protocol") }
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .needsMore
        default: return .failed(OpenSSLError.take())
        }
    }

    /// The select callback is not called for a client that offers nothing.
    private var hasProtocol: Bool {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &length)
        return length > 0
    }

    /// Decrypts into `buffer`.
    @inline(__always)
    mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> ReadResult {
        let count = SSL_read(ssl, buffer.baseAddress, Int32(buffer.count))
        return count > 0 ? .bytes(Int(count)) : readEnd(count)
    }

    /// Whether another read could give anything: ciphertext, or plaintext of a record read in part. Asking is
    /// much cheaper than a read that finds nothing.
    @inline(__always)
    var hasInput: Bool { SSL_has_pending(ssl) == 1 || BIO_ctrl_pending(incoming) > 0 }

    /// Gives the record buffers (33 KiB) back until there is something to read or write again; nothing happens to one
    /// that holds part of a record.
    mutating func releaseBuffers() { rg_free_buffers(ssl) }

    private mutating func readEnd(_ result: Int32) -> ReadResult {
        switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: .needsMore
        case SSL_ERROR_ZERO_RETURN: .closed
        default: .failed(OpenSSLError.take())
        }
    }

    /// Encrypts all of `bytes` into the output. False when the connection is beyond use.
    @inline(__always)
    mutating func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count > 0 else { return true }
        guard Fault.encryption.strikes == nil else { return false }
        if SSL_write(ssl, bytes.baseAddress, Int32(bytes.count)) == Int32(bytes.count) { return true }
        ERR_clear_error()
        return false
    }

    /// Says close_notify.
    mutating func shutdown() {
        _ = SSL_shutdown(ssl)
        ERR_clear_error()
    }

    /// Bytes of ciphertext waiting to be sent.
    var pendingOutput: Int { Int(BIO_ctrl_pending(outgoing)) }

    /// Moves ciphertext to `buffer`; the result is the number of bytes.
    mutating func takeOutput(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        Int(max(0, BIO_read(outgoing, buffer.baseAddress, Int32(buffer.count))))
    }

    /// The peer's certificate, which was verified. Only after the handshake.
    func peerCertificate() -> PeerCertificate? {
        guard let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
        guard SSL_get_verify_result(ssl) == X509_V_OK else {
            X509_free(certificate)
            return nil
        }
        return PeerCertificate(owning: certificate, chain: rg_peer_chain(ssl))
    }

    func isMade(by context: borrowing TLSContext) -> Bool { SSL_get_SSL_CTX(ssl) == context.context }

    /// When the first certificate of the chain that was verified ends, in seconds since 1970.
    var chainEnd: Int64 { SSL_get0_verified_chain(ssl).map { rg_chain_end($0) } ?? .min }
}

/// What OpenSSL keeps for the calling thread.
enum OpenSSLThread {
    /// To be called as the last thing a thread does with OpenSSL (OPENSSL_thread_stop(3)): otherwise it is done when the
    /// thread's local values are destroyed, which may be while the process exits and OpenSSL's own state goes away.
    static func end() { OPENSSL_thread_stop() }
}
