import RingClient
import RingProtocol
import Testing

/// Opens a device while the fake gateway agrees.
func openDevice(_ connection: RingConnection, _ session: FakeSession, slot: UInt16 = 0) async throws
    -> RemoteDevice
{
    async let device = connection.open("null")
    let request = try await session.request()
    #expect(request.operation == .open && request.slot == slot)
    #expect(request.argument == Array("null".utf8))
    try await session.answer(request, flags: .engine(.call))
    return try await device
}

@Suite(.timeLimit(.minutes(5)))
struct SessionTests {
    @Test func `the welcome of the gateway is what the connection shows`() async throws {
        var welcome = Welcome()
        welcome.epoch = 7
        welcome.session = 9
        let gateway = try await FakeGateway.start(welcome: welcome)
        let (connection, session) = try await gateway.connect()
        #expect(connection.welcome == welcome)
        try await session.expect(.hello)
        try await gateway.stop()
    }

    @Test func `completions out of order reach the calls they belong to`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        let replies = try await withThrowingTaskGroup(of: (UInt32, [UInt8]).self) { group in
            for code in UInt32(1)...20 {
                group.addTask { (code, try await device.command(SubOpcode(code)).payload) }
            }
            for request in try await session.requests(20).reversed() {
                try await session.answer(request, result: 1, payload: [UInt8(request.subOpcode)])
            }
            return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
        for code in UInt32(1)...20 { #expect(replies[code] == [UInt8(code)]) }
        try await gateway.stop()
    }

    @Test func `replies of a batch come in the order of its entries, refused ones among them`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        var batch = Batch(entries: 3)
        batch.command(device, SubOpcode(1))
        batch.read(device, count: 2)
        batch.write(device, [1, 2, 3], offset: 5)
        let sent = batch
        let replies = Task { try await connection.submit(sent) }
        let requests = try await session.requests(3)
        #expect(requests.map(\.operation) == [.command, .read, .write])
        #expect(requests.map(\.frame) == [2, 2, 2])
        #expect(requests[1].offset == Entry.currentPosition)
        #expect(requests[2].offset == 5 && requests[2].argument == [1, 2, 3])
        let refusal = Refusal(.never, rule: "never/X", "no")
        try await session.send([
            Answer(id: requests[2].id, result: -5),
            Answer(id: requests[1].id, result: 2, payload: [8, 9]),
            Answer(
                id: requests[0].id, result: refusal.result, payload: refusal.encoded(), flags: refusal.flags),
        ])
        let got = try await replies.value
        #expect(got[0].failure(of: "x") == .denied(refusal))
        #expect(got[1].payload == [8, 9])
        #expect(got[1].deviceTime == 1500 && got[1].engine == .ring)
        #expect(got[2].failure(of: "x") == .errno(Errno(5), operation: "x"))
        try await gateway.stop()
    }

    @Test func `a completion frame that arrives byte by byte is understood`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        let bytes = Task { try await device.read(count: 4) }
        let request = try await session.request()
        for byte in Answer.frame([Answer(id: request.id, result: 3, payload: [1, 2, 3])]) {
            try await session.send([byte])
        }
        #expect(try await bytes.value == [1, 2, 3])
        try await gateway.stop()
    }

    @Test func `denied, refused and errno are told apart`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let denial = Refusal(.noRule, "no such device")
        let open = Task { try await connection.open("secret") }
        try await session.refuse(session.request(), denial)
        await #expect(throws: RingError.denied(denial)) { _ = try await open.value }
        let device = try await openDevice(connection, session)
        let sync = Task { try await device.sync() }
        let busy = Refusal(.busy, "queue full")
        try await session.refuse(session.request(), busy)
        await #expect(throws: RingError.refused(busy)) { try await sync.value }
        let command = Task { try await device.command(SubOpcode(1)) }
        try await session.answer(session.request(), result: -110, flags: [.engine(.call), .indeterminate])
        let errno = RingError.errno(Errno(110, isIndeterminate: true), operation: "command 0x1 on null")
        await #expect(throws: errno) { _ = try await command.value }
        try await gateway.stop()
    }

    @Test func `list and describe decode the gateway's JSON and ignore unknown keys`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let list = Task { try await connection.list() }
        let json = #"{"devices": [{"name": "board", "profile": "tty", "new": 1}]}"#
        try await session.answer(session.request(), payload: Array(json.utf8), flags: .engine(.gateway))
        #expect(try await list.value == DeviceList(devices: [.init(name: "board", profile: "tty")]))
        let description = Task { try await connection.describe("board") }
        let request = try await session.request()
        #expect(request.operation == .describe && request.argument == Array("board".utf8))
        let text = #"{"device": "board", "profile": "tty", "read": {"maxLength": 8}, "commands": []}"#
        try await session.answer(request, payload: Array(text.utf8), flags: .engine(.gateway))
        #expect(try await description.value.read?.maxLength == 8)
        try await gateway.stop()
    }

    @Test func `a closed device frees its slot and takes no more calls`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let first = try await openDevice(connection, session)
        let close = Task { try await first.close() }
        let request = try await session.request()
        #expect(request.operation == .close && request.slot == 0)
        try await session.answer(request)
        try await close.value
        try await first.close()
        await #expect(throws: RingError.refused(Refusal(.slotNotOpen, "the device was closed"))) {
            try await first.sync()
        }
        let second = Task { try await connection.open("other") }
        let open = try await session.request()
        #expect(open.operation == .open && open.slot == 0)
        try await session.answer(open)
        _ = try await second.value
        try await gateway.stop()
    }

    @Test func `a device of one connection cannot be used on another`() async throws {
        let gateway = try await FakeGateway.start()
        let (one, session) = try await gateway.connect()
        let (other, _) = try await gateway.connect()
        var batch = Batch()
        batch.sync(try await openDevice(one, session))
        let sent = batch
        let refusal = Refusal(.slotNotOpen, "the device was opened on another connection")
        await #expect(throws: RingError.refused(refusal)) { _ = try await other.submit(sent) }
        try await gateway.stop()
    }

    @Test func `a device that is dropped is closed`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        do { _ = try await openDevice(connection, session) }
        let request = try await session.request()
        #expect(request.operation == .close && request.slot == 0)
        #expect(connection.welcome.version == 1)
        try await gateway.stop()
    }
}
