import RingProtocol
import Testing

@testable import RingClient

/// Files that commands give: their slots, and how they end with their owner.
@Suite(.timeLimit(.minutes(5)))
struct HandleTests {
    private let command = EncodedCommand(code: SubOpcode(0xb407), argument: [1, 2], replySize: 8)

    private func openHandle(
        of owner: RemoteDevice, _ session: FakeSession, slot: UInt64
    ) async throws -> RemoteDevice {
        async let opened = owner.openHandle(command, profile: "gpio-line")
        let request = try await session.request()
        #expect(request.operation == .command && request.subOpcode == 0xb407 && request.argument == [1, 2])
        #expect(request.slot == owner.slot.index && request.offset == slot)
        try await session.answer(request, payload: [0, 0, 0, 0, UInt8(slot), 0, 0, 0], flags: .engine(.call))
        let (handle, reply) = try await opened
        #expect(reply.payload[4] == UInt8(slot) && reply.requestID == RequestID(request.id))
        #expect(handle.slot.index == UInt16(slot) && handle.name == "null/gpio-line")
        return handle
    }

    @Test func `a command that gives a file names the lowest free slot as its offset`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let owner = try await openDevice(connection, session)
        let handle = try await openHandle(of: owner, session, slot: 1)
        async let read = handle.read(count: 4)
        let request = try await session.request()
        #expect(request.operation == .read && request.slot == 1)
        try await session.answer(request, result: 1, payload: [9])
        #expect(try await read == [9])
        try await gateway.stop()
    }

    @Test func `closing the owner closes what it gave, and frees the slots`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let owner = try await openDevice(connection, session)
        let handle = try await openHandle(of: owner, session, slot: 1)
        let close = Task { try await owner.close() }
        try await session.answer(session.request())
        try await close.value
        await #expect(throws: RingError.refused(Refusal(.slotNotOpen, "the device was closed"))) {
            try await handle.sync()
        }
        try await handle.close()  // Sends nothing: the next request is the open.
        let first = try await openDevice(connection, session, slot: 0)
        let second = try await openDevice(connection, session, slot: 1)
        #expect(first.slot != second.slot)
        try await gateway.stop()
    }

    @Test func `a handle that is dropped is closed and lets its owner go`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        var owner: RemoteDevice? = try await openDevice(connection, session)
        var handle: RemoteDevice? = try await openHandle(of: #require(owner), session, slot: 1)
        owner = nil
        #expect(handle?.owner?.isClosed == false)
        handle = nil
        let requests = try await session.requests(2)
        #expect(requests.map(\.operation) == [.close, .close] && requests.map(\.slot) == [1, 0])
        try await gateway.stop()
        #expect(owner == nil && connection.session == 0)
    }

    @Test func `a command that fails gives nothing and keeps no slot`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let owner = try await openDevice(connection, session)
        async let failed = owner.submit(command, fillingSlotFor: "gpio-line")
        let denial = Refusal(.noRule, "no")
        try await session.refuse(session.request(), denial)
        let (none, reply) = try await failed
        #expect(none == nil && reply.failure(of: "x") == .denied(denial))
        _ = try await openHandle(of: owner, session, slot: 1)
        try await gateway.stop()
    }

    @Test func `a file that the gateway closed by itself closes without complaint`() async throws {
        let gateway = try await FakeGateway.start()
        let (connection, session) = try await gateway.connect()
        let device = try await openDevice(connection, session)
        let close = Task { try await device.close() }
        try await session.refuse(session.request(), Refusal(.slotNotOpen, "cut by the policy"))
        try await close.value
        let again = try await openDevice(connection, session, slot: 0)
        #expect(again.slot.index == 0)
        try await gateway.stop()
    }
}

@Suite struct SlotTableTests {
    private func take(from slots: inout SlotTable, for owner: SlotLease? = nil) throws -> SlotLease {
        let lease = slots.take(for: owner)
        return try #require(lease)
    }

    @Test func `slots of handles go with the owner's, at any depth`() throws {
        var slots = SlotTable(count: 4)
        let owner = try take(from: &slots)
        let handle = try take(from: &slots, for: owner)
        let below = try take(from: &slots, for: handle)
        let other = try take(from: &slots)
        let none = slots.take()
        #expect(none == nil && slots.usedCount == 4)
        slots.free(owner)
        #expect(!slots.holds(owner) && !slots.holds(handle) && !slots.holds(below) && slots.holds(other))
    }

    @Test func `a slot whose own close is under way waits for that`() throws {
        var slots = SlotTable(count: 2)
        let owner = try take(from: &slots)
        let handle = try take(from: &slots, for: owner)
        slots.markClosing(handle)
        slots.free(owner)
        #expect(slots.holds(handle))
        slots.free(handle)
        #expect(slots.usedCount == 0)
    }

    @Test func `a late answer does not free the slot of the next file`() throws {
        var slots = SlotTable(count: 1)
        let first = try take(from: &slots)
        slots.free(first)
        let second = try take(from: &slots)
        #expect(first.slot == second.slot)
        slots.free(first)
        #expect(slots.holds(second) && !slots.holds(first))
    }
}
