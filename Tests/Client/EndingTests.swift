import RingClient
import RingProtocol
import Testing

@Suite(.timeLimit(.minutes(5)))
struct EndingTests {
    @Test func `a connection lost ends every pending call`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        let calls = (0..<3).map { _ in Task { try await device.read(count: 1) } }
        _ = try await session.requests(3)
        try await session.close()
        for call in calls {
            let error = await #expect(throws: RingError.self) { _ = try await call.value }
            #expect(error?.isConnectionLost == true)
        }
        let later = await #expect(throws: RingError.self) { try await device.sync() }
        #expect(later?.didRun == .no)
        try await gateway.stop()
    }

    @Test func `an error frame ends pending calls and later ones with its own words`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        let read = Task { try await device.read(count: 1) }
        _ = try await session.request()
        let error = SessionError(.revoked, "policy changed")
        try await session.send(error.encoded())
        await #expect(throws: RingError.session(error)) { _ = try await read.value }
        try await session.expect(.closed)
        await #expect(throws: RingError.notSent(.session(error))) { try await device.sync() }
        try await gateway.stop()
    }

    @Test func `an error frame instead of the welcome is told`() async throws {
        let gateway = try await FakeGateway.start(welcome: nil)
        let configuration = gateway.certificates.configuration(port: gateway.port)
        let call = Task { try await RingConnection.connect(configuration) }
        let session = try await gateway.accept()
        try await session.expect(.hello)
        let error = SessionError(.unknownPrincipal, "no principal")
        try await session.send(error.encoded())
        await #expect(throws: RingError.session(error)) { _ = try await call.value }
        try await gateway.stop()
    }

    @Test(
        arguments: [
            ([0, 0, 0, 0, 99, 0, 0, 0], 2), ([0, 0, 0, 0, 4, 1, 1, 0], 3),
            ([255, 255, 255, 255, 4, 0, 1, 0], 4),
            ([0, 0, 0, 0, 4, 0, 0, 0], 22), ([0, 0, 0, 0, 3, 0, 0, 0], 9), (Welcome().encoded(), 9),
            (Answer.frame([Answer(id: 4711)]), 20), (Answer.frame([Answer(id: 1)]), 20),
            (Answer.frame([Answer(id: 2, flags: [.engine(.ring), .more])]), 23),
            (Answer.frame([Answer(id: 2, result: -5, payload: [1])]), 24),
            (Answer.frame([Answer(id: 2, result: -22, payload: [1], flags: .refused)]), 25),
            (
                Answer.frame([
                    Answer(
                        id: 2, result: -22, payload: Refusal(.shape, "").encoded(),
                        flags: [.refused, .denied])
                ]), 26
            ), ([8, 0, 0, 0, 6, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0], 28),
        ] as [([UInt8], UInt16)])
    func `bytes that break a rule end the session with its number`(bytes: [UInt8], rule: UInt16) async throws
    {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        let read = Task { try await device.read(count: 1) }
        #expect(try await session.request().id == 2)
        try await session.send(bytes)
        let error = await #expect(throws: RingError.self) { _ = try await read.value }
        #expect(error?.brokenRule == rule)
        try await session.expect(.closed)
        try await gateway.stop()
    }

    @Test func `a second completion for one entry is a violation`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        var batch = Batch()
        batch.nop()
        batch.nop()
        let sent = batch
        let call = Task { try await connection.submit(sent) }
        let first = try await session.requests(2)[0]
        try await session.answer([first, first])
        let error = await #expect(throws: RingError.self) { _ = try await call.value }
        #expect(error?.brokenRule == 20)
        try await gateway.stop()
    }

    @Test func `while the gateway drains, what it has accepted is answered and the rest refused`()
        async throws
    {
        var welcome = Welcome()
        welcome.inFlight = 2
        let gateway = try await FakeGateway.start(welcome: welcome)
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        var batch = Batch()
        for _ in 0..<3 { batch.sync(device) }
        let sent = batch
        let call = Task { try await connection.submit(sent) }
        let accepted = try await session.requests(2)
        try await session.send(Goodbye.draining.encoded())
        try await session.answer(accepted, result: 5)
        let replies = try await call.value
        #expect(replies.map(\.result) == [5, 5, -108])
        let draining = Refusal(.draining, "the gateway is stopping")
        #expect(replies[2].refusal == draining)
        await #expect(throws: RingError.refused(draining)) { try await device.sync() }
        try await gateway.stop()
    }

    @Test func `close sends what waits, takes its answers, and says goodbye`() async throws {
        var welcome = Welcome()
        welcome.inFlight = 1
        let gateway = try await FakeGateway.start(welcome: welcome)
        let (connection, session) = try await gateway.connect()
        var batch = Batch()
        batch.nop()
        batch.nop()
        let sent = batch
        let call = Task { try await connection.submit(sent) }
        let first = try await session.request()
        let close = Task { await connection.close() }
        try await session.answer(first)
        let second = try await session.request()
        try await session.expect(.goodbye)
        try await session.answer(second)
        try await session.send(Goodbye.done.encoded())
        #expect(try await call.value.count == 2)
        await close.value
        try await session.expect(.closed)
        try await gateway.stop()
    }

    @Test func `close is cut off at its deadline and pending calls end`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        let read = Task { try await device.read(count: 1) }
        _ = try await session.request()
        await connection.close(within: .milliseconds(50))
        let error = await #expect(throws: RingError.self) { _ = try await read.value }
        #expect(error?.isConnectionLost == true)
        try await gateway.stop()
    }

    @Test func `dropping the connection closes it`() async throws {
        let gateway = try await FakeGateway.start()
        let session: FakeSession
        do { session = try await gateway.connect().1 }
        try await session.expect(.closed)
        try await gateway.stop()
    }
}

extension RingError {
    fileprivate var isConnectionLost: Bool {
        if case .connectionLost = self { return true }
        return false
    }

    fileprivate var brokenRule: UInt16? {
        if case .protocolViolation(let error) = self { return error.rule }
        return nil
    }
}
