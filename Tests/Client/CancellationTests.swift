import RingClient
import RingProtocol
import Testing

@Suite(.timeLimit(.minutes(5)))
struct CancellationTests {
    @Test func `a cancelled call ends at once and its late completion is dropped`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        let read = Task { try await device.read(count: 4) }
        let request = try await session.request()
        read.cancel()
        await #expect(throws: CancellationError.self) { _ = try await read.value }
        try await session.answer(request, result: 4, payload: [1, 2, 3, 4])
        let command = Task { try await device.command(SubOpcode(3)) }
        try await session.answer(session.request(), result: 7)
        #expect(try await command.value.result == 7)
        try await gateway.stop()
    }

    @Test func `a cancelled call keeps its credit until it is answered`() async throws {
        var welcome = Welcome()
        welcome.inFlight = 1
        let gateway = try await FakeGateway.start(welcome: welcome)
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        let read = Task { try await device.read(count: 4) }
        let late = try await session.request()
        read.cancel()
        await #expect(throws: CancellationError.self) { _ = try await read.value }
        let sync = Task { try await device.sync() }
        let marker = Task { try await session.answer(late, result: 0) }
        let next = try await session.request()
        #expect(next.operation == .sync && next.id == late.id + 1)
        try await session.answer(next)
        try await marker.value
        try await sync.value
        try await gateway.stop()
    }

    @Test func `entries that wait for credit are never sent once cancelled`() async throws {
        var welcome = Welcome()
        welcome.inFlight = 2
        let gateway = try await FakeGateway.start(welcome: welcome)
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        var batch = Batch()
        for code in UInt32(1)...5 { batch.command(device, SubOpcode(code)) }
        let sent = batch
        let call = Task { try await connection.submit(sent) }
        let begun = try await session.requests(2)
        call.cancel()
        await #expect(throws: CancellationError.self) { _ = try await call.value }
        try await session.answer(begun)
        let sync = Task { try await device.sync() }
        let next = try await session.request()
        #expect(next.operation == .sync)
        try await session.answer(next)
        try await sync.value
        try await gateway.stop()
    }

    @Test func `a call in a cancelled task sends nothing`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        let call = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await device.sync()
        }
        await #expect(throws: CancellationError.self) { try await call.value }
        let command = Task { try await device.command(SubOpcode(9)) }
        let request = try await session.request()
        #expect(request.subOpcode == 9)
        try await session.answer(request)
        _ = try await command.value
        try await gateway.stop()
    }

    @Test func `an open that succeeds after its cancellation is closed again and its slot reused`()
        async throws
    {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let open = Task { try await connection.open("late") }
        let request = try await session.request()
        open.cancel()
        await #expect(throws: CancellationError.self) { _ = try await open.value }
        try await session.answer(request)
        let close = try await session.request()
        #expect(close.operation == .close && close.slot == request.slot)
        // Until the close is answered the slot is in use.
        let second = try await openDevice(connection, session, slot: request.slot + 1)
        try await session.answer(close)
        // Answers arrive in the order they were sent: once the sync is done, the close is known.
        let sync = Task { try await second.sync() }
        try await session.answer(session.request())
        try await sync.value
        let third = try await openDevice(connection, session, slot: request.slot)
        #expect(second.name == third.name)
        try await gateway.stop()
    }

    @Test func `a close in a cancelled task is carried out`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        let close = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await device.close()
        }
        let request = try await session.request()
        #expect(request.operation == .close)
        try await session.answer(request)
        // Whether the cancellation or the answer was first is open; that it was sent is not.
        _ = await close.result
        try await gateway.stop()
    }

    @Test func `cancelling many calls while answers come in resumes each exactly once`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        let calls = (0..<200).map { code in Task { try await device.command(SubOpcode(UInt32(code))) } }
        let requests = try await session.requests(200)
        let answers = Task { try await session.answer(requests, result: 1) }
        for call in calls { call.cancel() }
        try await answers.value
        // A continuation resumed twice traps, one that is not resumed runs into the time limit.
        for call in calls { _ = await call.result }
        let sync = Task { try await device.sync() }
        try await session.answer(session.request())
        try await sync.value
        try await gateway.stop()
    }

    @Test func `a cancelled call that is never answered does not keep the connection open`() async throws {
        let gateway = try await FakeGateway.start()
        let session: FakeSession
        do {
            let (connection, begun) = try await gateway.connect()
            session = begun
            let device = try await openDevice(connection, session)
            let read = Task { try await device.read(count: 4) }
            _ = try await session.request()
            read.cancel()
            await #expect(throws: CancellationError.self) { _ = try await read.value }
        }
        // The dropped device may close its slot first.
        while let event = await session.event(), event != .closed {}
        try await gateway.stop()
    }

    @Test func `connecting can be cancelled`() async throws {
        let gateway = try await FakeGateway.start(welcome: nil)
        let configuration = gateway.certificates.configuration(port: gateway.port)
        let call = Task { try await RingConnection.connect(configuration) }
        let session = try await gateway.accept()
        try await session.expect(.hello)
        call.cancel()
        await #expect(throws: CancellationError.self) { _ = try await call.value }
        try await session.expect(.closed)
        try await gateway.stop()
    }
}
