import RingProtocol
import Testing

@testable import RingClient

/// Commands by name, and what typed devices make of answers that a gateway should not give.
@Suite(.timeLimit(.minutes(5)))
struct NamedDeviceTests {
    /// A device whose commands a hostile gateway describes: `GET` with an `out` block of so many bytes.
    private func device(
        _ name: String, size: Int, field: String = "addr", _ session: FakeSession,
        _ connection: RingConnection
    ) async throws -> NamedDevice {
        let command = CommandDescription(
            name: name, code: 0x8000_4400 | UInt32(size) << 16, engine: "call", effect: "read",
            argumentSize: 0,
            replySize: size,
            fields: [FieldDescription(name: field, type: "bytes", offset: 0, size: size)], constraints: [],
            summary: "")
        let file = try await openDevice(connection, session)
        return try NamedDevice(
            file,
            DeviceDescription(device: "null", profile: "p", read: nil, write: nil, commands: [command]))
    }

    @Test func `a command that is not described is not sent`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let device = try await device("GET", size: 4, session, connection)
        #expect(device.allows("GET") && !device.allows("SET"))
        do {
            try await device.call("SET", ["value": "1"])
            Issue.record("it was sent")
        } catch let error as RingError {
            #expect(error.didRun == .no)
            #expect("\(error)".contains("no rule allows SET on null"))
        }
        try await gateway.stop()
    }

    @Test func `values come by their names, and nothing else does`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let device = try await device("GET", size: 4, session, connection)
        async let reply = device.call("GET")
        let request = try await session.request()
        try await session.answer(request, payload: [1, 2, 3, 4], flags: .engine(.call))
        let values = try await reply
        #expect(try values.bytes("addr") == [1, 2, 3, 4])
        #expect(throws: FieldError.self) { try values.number("addr") }
        #expect(throws: FieldError.self) { try values.bytes("addr", atLeast: 5) }
        try await gateway.stop()
    }

    /// The description and the reply agree with each other, but not with the kernel's struct.
    @Test func `a struct that is too short is an error and no trap`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let device = try await device("TCGETS2", size: 4, field: "c_cc", session, connection)
        let made = Task { try await SerialPort(device).makeRaw(speed: 9600) }
        let request = try await session.request()
        try await session.answer(request, payload: [1, 2, 3, 4], flags: .engine(.call))
        await #expect(throws: FieldError.self) { try await made.value }
        try await gateway.stop()
    }

    @Test func `values that no struct can hold are refused here`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let device = try await device("TCGETS2", size: 44, session, connection)
        await #expect(throws: FieldError.self) {
            try await SerialPort(device).makeRaw(speed: 9600, framing: .init(dataBits: 2))
        }
        await #expect(throws: FieldError.self) {
            try await I2CBus(device).writeBlock(Array(repeating: 0, count: 34), register: 0)
        }
        try await gateway.stop()
    }

    @Test func `the status of a disk says what it was`() {
        #expect(NVMeStatus(0) == nil && NVMeStatus(-5) == nil)
        let status = NVMeStatus(0x4281)
        #expect(status?.type == 2 && status?.code == 0x81 && status?.mayRetry == false)
        #expect(status.map { "\($0)" } == "NVMe status 0x4281: unrecovered read error")
    }

    @Test func `lines are bits in the order they were asked for`() {
        #expect(GPIOLines.bits([true, false, true]) == 0b101)
        #expect(GPIOLines.mask(2) == 0b11 && GPIOLines.mask(64) == .max)
    }
}
