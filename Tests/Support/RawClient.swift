import COpenSSL
import Foundation
import RingProtocol

/// A TLS client that sends whatever bytes a test wants: the hostile peer. Blocking, with a deadline on every wait.
public final class RawClient {
    public struct Failure: Error, Equatable, CustomStringConvertible {
        public let step: String
        public let reason: String
        public var description: String { "\(step): \(reason)" }

        public init(step: String, reason: String) {
            self.step = step
            self.reason = reason
        }
    }

    /// What makes a client odd.
    public struct Manner: Sendable {
        public var protocols = ["ringgate/1"]
        public var version = TLS1_3_VERSION
        public init() {}

        public static func offering(_ protocols: [String]) -> Manner {
            var manner = Manner()
            manner.protocols = protocols
            return manner
        }

        public static let tls12: Manner = {
            var manner = Manner()
            manner.version = TLS1_2_VERSION
            return manner
        }()
    }

    private let context: OpaquePointer
    private let ssl: OpaquePointer
    private let socket: Int32
    private var received: [UInt8] = []
    /// Completions of the last frame that nobody asked for yet.
    private var waiting: [RawCompletion] = []

    /// Connects to 127.0.0.1 and finishes its side of the handshake. In TLS 1.3 a refusal comes with the first read. After
    /// `patience` seconds without a byte a wait fails.
    public init(
        port: Int, identity: TestCertificates.Pair?, authority: String, manner: Manner = Manner(),
        patience: Int = 20
    ) throws {
        // Writing to a peer that has gone is an error here, not the end of the test run.
        signal(SIGPIPE, SIG_IGN)
        context = try Self.makeContext(identity, authority, manner)
        do { socket = try Self.connect(port, patience) } catch {
            SSL_CTX_free(context)
            throw error
        }
        guard let ssl = SSL_new(context) else { throw Failure(step: "SSL_new", reason: Self.reason()) }
        self.ssl = ssl
        SSL_set_fd(ssl, socket)
        guard SSL_connect(ssl) == 1 else { throw Failure(step: "handshake", reason: Self.reason()) }
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
        close(socket)
    }

    private static func makeContext(
        _ identity: TestCertificates.Pair?, _ authority: String, _ manner: Manner
    ) throws -> OpaquePointer {
        guard let context = SSL_CTX_new(TLS_client_method()) else {
            throw Failure(step: "SSL_CTX_new", reason: reason())
        }
        SSL_CTX_load_verify_file(context, authority)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        rg_ctx_limit_version(context, manner.version)
        let list = manner.protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        if !list.isEmpty { SSL_CTX_set_alpn_protos(context, list, UInt32(list.count)) }
        if let identity {
            // Whether a certificate is good enough is the gateway's to say.
            SSL_CTX_set_security_level(context, 0)
            guard SSL_CTX_use_certificate_chain_file(context, identity.certificate) == 1,
                SSL_CTX_use_PrivateKey_file(context, identity.key, SSL_FILETYPE_PEM) == 1
            else { throw Failure(step: "identity", reason: reason()) }
        }
        return context
    }

    private static func connect(_ port: Int, _ patience: Int) throws -> Int32 {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        // What it sends first goes right behind the end of its handshake.
        var now: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &now, socklen_t(MemoryLayout<Int32>.size))
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            let code = errno
            close(descriptor)
            throw Failure(step: "connect", reason: String(cString: strerror(code)))
        }
        return descriptor
    }

    private static func reason() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0, let text = ERR_reason_error_string(code) else { return "closed" }
        return String(cString: text)
    }

    // MARK: Bytes

    public func send(_ bytes: [UInt8]) throws {
        guard !bytes.isEmpty else { return }
        guard SSL_write(ssl, bytes, Int32(bytes.count)) == Int32(bytes.count) else {
            throw Failure(step: "write", reason: Self.reason())
        }
    }

    /// Sends bytes as one TLS record: `count` bytes of it, and the others after a pause.
    public func send(_ bytes: [UInt8], pausingAfter count: Int, for pause: Duration) throws {
        let record = try record(of: bytes)
        try write(record.prefix(count))
        Thread.sleep(forTimeInterval: pause / .seconds(1))
        try write(record.dropFirst(count))
    }

    /// Encrypts without sending.
    private func record(of bytes: [UInt8]) throws -> [UInt8] {
        guard let memory = rg_memory_bio(), let socket = SSL_get_rbio(ssl) else {
            throw Failure(step: "BIO_new", reason: Self.reason())
        }
        BIO_up_ref(memory)
        SSL_set0_wbio(ssl, memory)
        defer {
            BIO_up_ref(socket)
            SSL_set0_wbio(ssl, socket)
            BIO_free(memory)
        }
        try send(bytes)
        var record = [UInt8](repeating: 0, count: Int(BIO_ctrl_pending(memory)))
        BIO_read(memory, &record, Int32(record.count))
        return record
    }

    private func write(_ bytes: ArraySlice<UInt8>) throws {
        guard bytes.withUnsafeBytes({ Glibc.write(socket, $0.baseAddress, $0.count) }) == bytes.count else {
            throw Failure(step: "write", reason: String(cString: strerror(errno)))
        }
    }

    /// The next frame, nil at the peer's close_notify.
    public func frame() throws -> (type: FrameType, count: Int, payload: [UInt8])? {
        while true {
            let frame = try received.withUnsafeBytes { bytes -> (FrameHeader, [UInt8])? in
                try Frame.decode(WireBytes(bytes), payloadLimit: Limits.framePayload).map {
                    ($0.header, $0.payload.array)
                }
            }
            if let (header, payload) = frame {
                received.removeFirst(Limits.frameHeader + header.length)
                return (header.type, header.count, payload)
            }
            guard try readMore() else { return nil }
        }
    }

    private func readMore() throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        let count = SSL_read(ssl, &buffer, Int32(buffer.count))
        guard count <= 0 else {
            received += buffer[..<Int(count)]
            return true
        }
        if SSL_get_error(ssl, count) == SSL_ERROR_ZERO_RETURN { return false }
        throw Failure(step: "read", reason: Self.reason())
    }

    /// Sends a FIN; reading goes on.
    public func endWriting() { shutdown(socket, Int32(SHUT_WR)) }

    /// Ends this side abruptly: no goodbye, no close_notify, a reset where the kernel sends one.
    public func vanish() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        shutdown(socket, Int32(SHUT_RDWR))
    }

    // MARK: Frames

    /// Says hello and takes the welcome. With a `resumption`, `features` must hold `resume`.
    @discardableResult
    public func greet(
        _ features: Features = [], resumption: Hello.Resumption? = nil
    ) throws -> Welcome {
        try send(Hello(features: features, resumption: resumption).encoded())
        guard let (type, _, payload) = try frame(), type == .welcome else {
            throw Failure(step: "greet", reason: "no welcome")
        }
        return try payload.withUnsafeBytes { try Welcome.decode(WireBytes($0)) }
    }

    /// Sends entries in one frame.
    public func submit(_ entries: [RawEntry]) throws { try send(RawEntry.frame(entries)) }

    /// Says how many completions have been received in the session.
    public func acknowledge(_ received: UInt64) throws {
        try send(Acknowledge(received: received).encoded())
    }

    /// The completions up to the last one of the entry, that included, in order of arrival.
    public func completions(upTo id: UInt64) throws -> [RawCompletion] {
        var found: [RawCompletion] = []
        while true {
            let next = try completions(1)
            found += next
            if let last = next.last, last.id == id, !last.isEvent { return found }
        }
    }

    /// The next `count` completions, in order of arrival.
    public func completions(_ count: Int) throws -> [RawCompletion] {
        while waiting.count < count {
            guard let next = try frame() else { throw Failure(step: "completions", reason: "closed") }
            if next.type == .error {
                let error = try next.payload.withUnsafeBytes { try SessionError.decode(WireBytes($0)) }
                throw error
            }
            if next.type == .complete { waiting += try RawCompletion.all(next.payload, next.count) }
        }
        defer { waiting.removeFirst(count) }
        return Array(waiting.prefix(count))
    }
}
