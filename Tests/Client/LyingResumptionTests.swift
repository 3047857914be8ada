import RingProtocol
import Testing

@testable import RingClient

/// A gateway that lies when a client comes back. What the client says of its calls stays true: each ends once, with its
/// answer, or with an error that does not claim more than is known.
@Suite(.timeLimit(.minutes(5))) struct LyingResumptionTests {
    private static func welcome(_ resumption: Welcome.Resumption = .fresh) -> Welcome {
        var welcome = Welcome()
        welcome.features = [.resume]
        welcome.resumption = resumption
        welcome.epoch = 7
        welcome.session = 3
        welcome.token = SessionToken(1, 2)
        return welcome
    }

    /// Three entries are sent and the first is answered; then the connection is lost, and made again with this welcome.
    private func comeBack(
        with welcome: Welcome, _ body: (FakeSession, [FakeSession.Request]) async throws -> Void = { _, _ in }
    ) async throws -> Result<[Reply], any Error> {
        let gateway = try await FakeGateway.start(welcome: nil)
        var patient = gateway.certificates.configuration(port: gateway.port)
        // The test alone ends connections, however busy the machine is.
        patient.keepAlive = .zero
        patient.reconnects = .seconds(600)
        let configuration = patient
        async let connecting = RingConnection.connect(configuration)
        let first = try await gateway.accept()
        try await first.expect(.hello)
        try await first.send(Self.welcome().encoded())
        let connection = try await connecting
        var batch = Batch()
        for _ in 0..<3 { batch.nop() }
        let sent = batch
        let call = Task { try await connection.submit(sent) }
        let requests = try await first.requests(3)
        try await first.answer(requests[0])
        // Whoever of the two is first, it is closed.
        try? await first.channel.close()
        let second = try await gateway.accept()
        try await second.expect(.hello)
        try await second.send(welcome.encoded())
        try await body(second, requests)
        let result = await call.result
        await connection.close(within: .milliseconds(100))
        try await gateway.stop()
        return result
    }

    /// Whether the session ended because the gateway broke that rule, and nothing more is claimed of the call.
    private func isBroken(_ rule: Int, _ result: Result<[Reply], any Error>) -> Bool {
        guard case .failure(let error) = result, let error = error as? RingError else { return false }
        return error.didRun == .unknown && error.description.contains("R-\(rule)")
    }

    @Test func `the truth is taken`() async throws {
        var welcome = Self.welcome(.resumed)
        welcome.lastRequestID = RequestID(3)
        let result = try await comeBack(with: welcome) { session, requests in
            try await session.answer([requests[2], requests[1]])
        }
        #expect(try result.get().count == 3)
    }

    @Test func `what was not accepted is sent again under its ids`() async throws {
        var welcome = Self.welcome(.resumed)
        welcome.lastRequestID = RequestID(2)
        let result = try await comeBack(with: welcome) { session, requests in
            #expect(try await session.request().id == requests[2].id)
            try await session.answer([requests[1], requests[2]])
        }
        #expect(try result.get().count == 3)
    }

    @Test(arguments: [0, 4, UInt64.max]) func `an id that cannot be the last is refused`(_ last: UInt64)
        async throws
    {
        var welcome = Self.welcome(.resumed)
        welcome.lastRequestID = RequestID(last)
        #expect(isBroken(39, try await comeBack(with: welcome)))
    }

    @Test(arguments: [1, 2, 3]) func `another session is not taken for the one asked for`(_ lie: Int)
        async throws
    {
        var welcome = Self.welcome(.resumed)
        welcome.lastRequestID = RequestID(3)
        switch lie {
        case 1: welcome.epoch = 8
        case 2: welcome.session = 4
        default: welcome.features = []
        }
        #expect(isBroken(39, try await comeBack(with: welcome)))
    }

    @Test func `a welcome that does not say what became of the session is refused`() async throws {
        #expect(isBroken(39, try await comeBack(with: Self.welcome())))
    }

    @Test func `a completion that was had already is not had twice`() async throws {
        var welcome = Self.welcome(.resumed)
        welcome.lastRequestID = RequestID(3)
        let result = try await comeBack(with: welcome) { session, requests in
            try await session.answer([requests[0]])
        }
        #expect(isBroken(20, result))
    }

    @Test func `a completion of nothing is refused`() async throws {
        var welcome = Self.welcome(.resumed)
        welcome.lastRequestID = RequestID(3)
        let result = try await comeBack(with: welcome) { session, _ in
            try await session.send([Answer(id: 77)])
        }
        #expect(isBroken(20, result))
    }

    @Test func `of a session that is gone nothing is claimed`() async throws {
        let result = try await comeBack(with: Self.welcome(.lost))
        let error = #expect(throws: RingError.self) { try result.get() }
        guard case .outcomeUnknown? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(error?.didRun == .unknown)
    }

    @Test func `what never left says so`() async throws {
        var welcome = Welcome()
        welcome.inFlight = 1
        let gateway = try await FakeGateway.start(welcome: welcome)
        var configuration = gateway.certificates.configuration(port: gateway.port)
        configuration.reconnects = .zero
        let connection = try await RingConnection.connect(configuration)
        let session = try await gateway.accept()
        var batch = Batch()
        batch.nop()
        let one = batch
        let first = Task { try await connection.submit(one) }
        _ = try await session.request()
        let second = Task { try await connection.submit(one) }
        try await Task.sleep(for: .milliseconds(50))
        try? await session.channel.close()
        let sent = await #expect(throws: RingError.self) { try await first.value }
        let unsent = await #expect(throws: RingError.self) { try await second.value }
        #expect(sent?.didRun == .unknown && unsent?.didRun == .no)
        let later = await #expect(throws: RingError.self) { try await connection.submit(one) }
        #expect(later?.didRun == .no)
        try await gateway.stop()
    }
}
