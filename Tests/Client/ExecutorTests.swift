import NIOCore
import NIOPosix
import RingProtocol
import Testing

@testable import RingClient

/// Tasks on the thread of their connection.
@Suite(.timeLimit(.minutes(5)))
struct ExecutorTests {
    private func connect(_ gateway: FakeGateway, on loop: any EventLoop) async throws -> (
        RingConnection, FakeSession
    ) {
        let configuration = gateway.certificates.configuration(port: gateway.port)
        let connection = try await RingConnection.connect(configuration, on: loop)
        return (connection, try await gateway.accept())
    }

    @Test func `a task on the executor stays on the connection's thread and gets its answers`() async throws {
        let gateway = try await FakeGateway.start()
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let (connection, session) = try await connect(gateway, on: loop)
        let device = try await openDevice(connection, session)
        let call = Task(executorPreference: connection.executor) {
            loop.assertInEventLoop()
            var results: [Int32] = []
            for code in UInt32(1)...3 {
                results.append(try await device.command(SubOpcode(code)).result)
                loop.assertInEventLoop()
            }
            async let first = device.command(SubOpcode(4)).result
            async let second = device.command(SubOpcode(5)).result
            results += [try await first, try await second]
            return (results, loop.inEventLoop)
        }
        for _ in 1...5 {
            let request = try await session.request()
            try await session.answer(request, result: Int32(request.subOpcode) * 10)
        }
        let (results, isThere) = try await call.value
        #expect(results == [10, 20, 30, 40, 50] && isThere)
        try await gateway.stop()
    }

    @Test func `a cancelled call on the executor ends at once`() async throws {
        let gateway = try await FakeGateway.start()
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let (connection, session) = try await connect(gateway, on: loop)
        let device = try await openDevice(connection, session)
        let read = Task(executorPreference: connection.executor) { try await device.read(count: 4) }
        let request = try await session.request()
        read.cancel()
        await #expect(throws: CancellationError.self) { _ = try await read.value }
        try await session.answer(request, result: 4, payload: [1, 2, 3, 4])
        let early = Task(executorPreference: connection.executor) {
            withUnsafeCurrentTask { $0?.cancel() }
            try await device.sync()
        }
        await #expect(throws: CancellationError.self) { try await early.value }
        let command = Task { try await device.command(SubOpcode(3)) }
        try await session.answer(session.request(), result: 7)
        #expect(try await command.value.result == 7)
        try await gateway.stop()
    }

    @Test func `a connection that is lost fails what is awaited on its executor`() async throws {
        let gateway = try await FakeGateway.start()
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let (connection, session) = try await connect(gateway, on: loop)
        let device = try await openDevice(connection, session)
        let read = Task(executorPreference: connection.executor) { try await device.read(count: 4) }
        _ = try await session.request()
        await connection.close(within: .milliseconds(1))
        await #expect(throws: RingError.self) { _ = try await read.value }
        // The executor outlives its connection, and what is asked for there is refused as anywhere.
        let late = Task(executorPreference: connection.executor) { try await device.sync() }
        await #expect(throws: RingError.self) { try await late.value }
        try await gateway.stop()
    }
}
