import RingClient
import RingProtocol
import Testing

@Suite(.timeLimit(.minutes(5)))
struct CreditTests {
    private func nops(_ count: Int) -> Batch {
        var batch = Batch(entries: count)
        for _ in 0..<count { batch.nop() }
        return batch
    }

    @Test func `a batch above the credit waits for answers and ends whole`() async throws {
        var welcome = Welcome()
        welcome.inFlight = 4
        let gateway = try await FakeGateway.start(welcome: welcome)
        let (connection, session) = try await gateway.connect()
        let replies = Task { try await connection.submit(nops(10)) }
        var unanswered = try await session.requests(4)
        var nextIndex: UInt64 = 4
        // Each answer lets exactly one more entry come; a client that sent more would have shown it before.
        while nextIndex < 10 {
            try await session.answer(unanswered.removeFirst(), result: Int32(nextIndex))
            let request = try await session.request()
            #expect(request.id == nextIndex + 1)
            unanswered.append(request)
            nextIndex += 1
        }
        try await session.answer(unanswered)
        #expect(try await replies.value.map(\.result) == [4, 5, 6, 7, 8, 9, 0, 0, 0, 0])
        try await gateway.stop()
    }

    @Test func `no frame has more entries than the welcome allows`() async throws {
        var welcome = Welcome()
        welcome.entriesPerFrame = 3
        let gateway = try await FakeGateway.start(welcome: welcome)
        let (connection, session) = try await gateway.connect()
        let replies = Task { try await connection.submit(nops(8)) }
        let requests = try await session.requests(8)
        #expect(requests.map(\.frame) == [1, 1, 1, 2, 2, 2, 3, 3])
        try await session.answer(requests)
        #expect(try await replies.value.count == 8)
        try await gateway.stop()
    }

    @Test func `no frame is longer than the welcome allows`() async throws {
        var welcome = Welcome()
        welcome.payloadLimit = 64
        welcome.frameLimit = 96 * 2
        let gateway = try await FakeGateway.start(welcome: welcome)
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        var batch = Batch()
        for _ in 0..<5 { batch.write(device, Array(repeating: 1, count: 64)) }
        let sent = batch
        let replies = Task { try await connection.submit(sent) }
        let requests = try await session.requests(5)
        #expect(requests.map(\.frame) == [2, 2, 3, 3, 4])
        try await session.answer(requests, result: 64)
        #expect(try await replies.value.allSatisfy { $0.result == 64 })
        try await gateway.stop()
    }

    @Test func `argument and reply bytes in flight stay within the budget`() async throws {
        var welcome = Welcome()
        welcome.payloadInFlight = 1000
        let gateway = try await FakeGateway.start(welcome: welcome)
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        var batch = Batch()
        for _ in 0..<3 { batch.read(device, count: 400) }  // 8 + 400 bytes each
        let sent = batch
        let replies = Task { try await connection.submit(sent) }
        let first = try await session.requests(2)
        try await session.answer(first[1])
        let third = try await session.request()
        #expect(third.frame == first[0].frame + 1)
        try await session.answer([third, first[0]])
        #expect(try await replies.value.count == 3)
        try await gateway.stop()
    }

    @Test func `an entry above the whole budget is sent alone, for the gateway to refuse`() async throws {
        var welcome = Welcome()
        welcome.payloadInFlight = 100
        let gateway = try await FakeGateway.start(welcome: welcome)
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        let bytes = Task { try await device.read(count: 4000) }
        let busy = Refusal(.busy, "budget")
        try await session.refuse(session.request(), busy)
        await #expect(throws: RingError.refused(busy)) { _ = try await bytes.value }
        try await gateway.stop()
    }

    @Test func `an argument above the payload limit is refused here, not sent`() async throws {
        var welcome = Welcome()
        welcome.payloadLimit = 16
        let gateway = try await FakeGateway.start(welcome: welcome)
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        let refusal = Refusal(.shape, "argument of 17 bytes; at most 16 are taken")
        await #expect(throws: RingError.refused(refusal)) {
            try await device.write(Array(repeating: 0, count: 17))
        }
        try await gateway.stop()
    }

    @Test func `a session without a free slot refuses an open by itself`() async throws {
        var welcome = Welcome()
        welcome.slots = 1
        let gateway = try await FakeGateway.start(welcome: welcome)
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        let refusal = Refusal(.slotInUse, "all 1 slots are in use; close a device first")
        await #expect(throws: RingError.refused(refusal)) { _ = try await connection.open("second") }
        #expect(device.name == "null")
        try await gateway.stop()
    }
}
