import NIOCore
import NIOPosix
import NIOSSL
import RingProtocol

@testable import RingClient

/// A gateway that does what a test tells it to, on real TLS at 127.0.0.1.
///
/// It checks the client as the real one does: every frame must pass `Submission.init`, so rising request ids
/// and padding are proven by each test that uses it.
struct FakeGateway: Sendable {
    private let listener: any Channel
    private let sessions: AsyncStream<FakeSession>
    let certificates: TestCertificates

    var port: Int { listener.localAddress?.port ?? 0 }

    /// Listens. `welcome` answers every hello; nil leaves that to the test.
    static func start(
        welcome: Welcome? = Welcome(), certificate: String = "gateway", alpn: [String] = [applicationProtocol]
    ) async throws -> FakeGateway {
        let certificates = try TestCertificates.made.get()
        let chain = try NIOSSLCertificate.fromPEMFile(certificates.path(certificate + ".pem"))
        let key = try NIOSSLPrivateKey(file: certificates.path(certificate + ".key"), format: .pem)
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        tls.minimumTLSVersion = .tlsv13
        tls.applicationProtocols = alpn
        tls.certificateVerification = .noHostnameVerification
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(certificates.path("ca.pem")))
        let context = try NIOSSLContext(configuration: tls)
        let (sessions, accepted) = AsyncStream.makeStream(of: FakeSession.self)
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let (events, sink) = AsyncStream.makeStream(of: FakeSession.Event.self)
                    try channel.pipeline.syncOperations.addHandlers(
                        NIOSSLServerHandler(context: context), FakeSessionHandler(welcome, sink))
                    accepted.yield(FakeSession(channel: channel, events: events))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return FakeGateway(listener: listener, sessions: sessions, certificates: certificates)
    }

    /// The next session a client began.
    func accept() async throws -> FakeSession {
        var iterator = sessions.makeAsyncIterator()
        guard let session = await iterator.next() else { throw FakeSession.Surprise(event: nil) }
        return session
    }

    func connect() async throws -> (RingConnection, FakeSession) {
        let connection = try await RingConnection.connect(certificates.configuration(port: port))
        return (connection, try await accept())
    }

    func stop() async throws { try await listener.close() }
}

/// One session as the fake gateway sees it.
struct FakeSession: Sendable {
    struct Request: Equatable, Sendable {
        let operation: Operation?
        let slot: UInt16
        let subOpcode: UInt32
        let id: UInt64
        let offset: UInt64
        let argument: [UInt8]
        /// Number of the submit frame it came in, from 1.
        let frame: Int
    }

    enum Event: Equatable, Sendable {
        case hello
        case request(Request)
        case goodbye
        case violation(WireError)
        case failed(String)
        case closed
    }

    /// The client did something the test does not expect.
    struct Surprise: Error {
        let event: Event?
    }

    let channel: any Channel
    let events: AsyncStream<Event>

    func event() async -> Event? {
        var iterator = events.makeAsyncIterator()
        return await iterator.next()
    }

    /// The next entry the client sends.
    func request() async throws -> Request {
        var event = await event()
        if event == .hello { event = await self.event() }
        guard case .request(let request)? = event else { throw Surprise(event: event) }
        return request
    }

    func requests(_ count: Int) async throws -> [Request] {
        var requests: [Request] = []
        while requests.count < count { requests.append(try await request()) }
        return requests
    }

    func expect(_ expected: Event) async throws {
        var event = await event()
        if event == .hello, expected != .hello { event = await self.event() }
        guard event == expected else { throw Surprise(event: event) }
    }

    func send(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }

    /// Completes requests, in this order, in one frame.
    func answer(
        _ requests: [Request], result: Int32 = 0, payload: [UInt8] = [],
        flags: CompletionFlags = .engine(.ring)
    ) async throws {
        try await send(requests.map { Answer(id: $0.id, result: result, payload: payload, flags: flags) })
    }

    func answer(
        _ request: Request, result: Int32 = 0, payload: [UInt8] = [], flags: CompletionFlags = .engine(.ring)
    ) async throws {
        try await answer([request], result: result, payload: payload, flags: flags)
    }

    func refuse(_ request: Request, _ refusal: Refusal) async throws {
        try await answer(request, result: refusal.result, payload: refusal.encoded(), flags: refusal.flags)
    }

    func send(_ answers: [Answer]) async throws {
        try await send(Answer.frame(answers))
    }

    /// Closes with close_notify.
    func close() async throws { try await channel.close() }
}

/// One completion to send.
struct Answer {
    let id: UInt64
    var result: Int32 = 0
    var payload: [UInt8] = []
    var flags: CompletionFlags = .engine(.ring)

    static func frame(_ answers: [Answer]) -> [UInt8] {
        let headers = answers.map {
            CompletionHeader(
                RequestID($0.id), result: $0.result, payloadLength: $0.payload.count, deviceTime: 1500,
                flags: $0.flags)
        }
        let length = headers.reduce(0) { $0 + $1.size }
        return Frame.encoded(.complete, payloadLength: length, count: answers.count) { buffer in
            var position = 0
            for (header, answer) in zip(headers, answers) {
                header.encode(into: UnsafeMutableRawBufferPointer(rebasing: buffer[position...]))
                answer.payload.withUnsafeBytes {
                    buffer.storeWirePadded($0, at: position + Limits.completionHeader)
                }
                position += header.size
            }
        }
    }
}
