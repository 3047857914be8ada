import Foundation
import Glibc
import RingClient
import RingGateway
import RingProtocol
import TestSupport
import Testing

/// The client library over connections that are cut, silent or slow, against the real gateway (T17).
@Suite(.serialized, .timeLimit(.minutes(10))) struct CutTests {
    private static let commands = 50

    private func site(_ line: SerialLine) throws -> Site {
        try Site(
            devices: ["line: {path: \(line.path), profile: tty, open: read-write}"],
            rules: ["{id: line, principals: [agent], devices: [line], read: true, write: true}"])
    }

    private func configuration(_ site: Site, port: Int) -> ConnectionConfiguration {
        ConnectionConfiguration(
            host: "127.0.0.1", port: port, certificateChain: site.agent.certificate,
            privateKey: site.agent.key, trustRoots: site.certificates.authority.certificate)
    }

    /// Writes a line for each command, each in a frame of its own and several at a time; the results.
    private func run(_ connection: RingConnection) async throws -> [Int] {
        let device = try await connection.open("line")
        return try await withThrowingTaskGroup(of: [Int].self) { group in
            for lane in 0..<5 {
                group.addTask {
                    var results: [Int] = []
                    for index in 0..<Self.commands / 5 {
                        results.append(try await device.write(Array("\(lane).\(index);".utf8)))
                    }
                    return results
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    private static let all = Set((0..<5).flatMap { lane in (0..<10).map { "\(lane).\($0)" } })

    /// What a whole session takes in each direction, so that cuts can be everywhere in it.
    private func measure(_ site: Site, _ line: SerialLine) async throws -> (
        toServer: UInt64, toClient: UInt64
    ) {
        let proxy = try ChaosProxy(to: site.gateway.port)
        let connection = try await RingConnection.connect(configuration(site, port: proxy.port))
        _ = try await run(connection)
        await connection.close()
        #expect(Self.heard(line) == Self.all)
        proxy.stop()
        return (proxy.records[0].toServer.bytes, proxy.records[0].toClient.bytes)
    }

    /// The commands that reached the device, none of them twice.
    private static func heard(_ line: SerialLine) -> Set<String> {
        var text = ""
        while text.split(separator: ";").count < commands {
            let more = line.hear()
            guard !more.isEmpty else { break }
            text += more
        }
        let words = text.split(separator: ";").map(String.init)
        #expect(words.count == Set(words).count, "a command was run twice")
        return Set(words)
    }

    /// Each byte of either direction, in strides that meet all of them in so many runs; all in one with
    /// `RINGGATE_CUTS=1`.
    private static let stride = max(1, Int(ProcessInfo.processInfo.environment["RINGGATE_CUTS"] ?? "") ?? 16)

    @Test(arguments: [true, false])
    func aSessionSurvivesACutAtAnyByte(_ isTowardsServer: Bool) async throws {
        let line = try SerialLine()
        let site = try site(line)
        let size = try await measure(site, line)
        let bytes = isTowardsServer ? size.toServer : size.toClient
        let first = UInt64.random(in: 0..<UInt64(Self.stride))
        var cuts = 0
        for offset in Swift.stride(from: first, to: bytes, by: Self.stride) {
            let ending: ChaosPlan.Ending = offset % 2 == 0 ? .reset : .finish
            let proxy = try ChaosProxy(to: site.gateway.port) { number in
                ChaosPlan { plan in
                    guard number == 0 else { return }
                    if isTowardsServer {
                        plan.toServer.cut = .init(after: offset, ending)
                    } else {
                        plan.toClient.cut = .init(after: offset, ending)
                    }
                }
            }
            defer { proxy.stop() }
            let connection: RingConnection
            do {
                connection = try await RingConnection.connect(configuration(site, port: proxy.port))
            } catch {
                // Cut before there was a session: an error, and nothing has run.
                continue
            }
            let results = try await run(connection)
            #expect(results.count == Self.commands && results.allSatisfy { $0 == 4 }, "cut at \(offset)")
            #expect(Self.heard(line) == Self.all, "cut at \(offset)")
            cuts += proxy.connections > 1 ? 1 : 0
            await connection.close()
        }
        #expect(cuts > 0)
    }

    @Test func manyCutsInOneSession() async throws {
        let line = try SerialLine()
        let site = try site(line)
        // Each connection gets a little further than its handshake.
        let proxy = try ChaosProxy(to: site.gateway.port) { number in
            ChaosPlan { plan in
                if number < 12 { plan.toClient.cut = .init(after: 2_400 + UInt64(number) * 53, .reset) }
            }
        }
        defer { proxy.stop() }
        var connection: RingConnection?
        for _ in 0..<12 where connection == nil {
            connection = try? await RingConnection.connect(configuration(site, port: proxy.port))
        }
        let results = try await run(try #require(connection))
        #expect(results.count == Self.commands)
        #expect(Self.heard(line) == Self.all)
        await connection?.close()
    }

    @Test func aBlackholeIsSurvived() async throws {
        let line = try SerialLine()
        let site = try site(line)
        let proxy = try ChaosProxy(to: site.gateway.port)
        defer { proxy.stop() }
        // Shortened: the real times are 5 s until a probe and 30 s of darkness.
        var configuration = configuration(site, port: proxy.port)
        configuration.keepAlive = .milliseconds(200)
        let connection = try await RingConnection.connect(configuration)
        let device = try await connection.open("line")
        #expect(try await device.write(Array("a;".utf8)) == 2)
        proxy.blackhole(for: .milliseconds(1_500))
        let start = ContinuousClock.now
        #expect(try await device.write(Array("b;".utf8)) == 2)
        let duration = ContinuousClock.now - start
        #expect(duration > .milliseconds(800), "it was dark")
        #expect(line.hear() == "a;b;")
        await connection.close()
    }

    @Test func oneByteAtATimeAndSlowly() async throws {
        let line = try SerialLine()
        let site = try site(line)
        let proxy = try ChaosProxy(to: site.gateway.port) { _ in
            ChaosPlan { plan in
                plan.toServer.segment = 1
                plan.toClient.segment = 1
                plan.toServer.delay = .milliseconds(5)
                plan.toClient.delay = .milliseconds(5)
            }
        }
        defer { proxy.stop() }
        let connection = try await RingConnection.connect(configuration(site, port: proxy.port))
        #expect(try await run(connection).count == Self.commands)
        #expect(Self.heard(line) == Self.all)
        await connection.close()
    }

    @Test func withoutReconnectingAllThatWaitsEnds() async throws {
        let line = try SerialLine()
        let site = try site(line)
        let proxy = try ChaosProxy(to: site.gateway.port)
        defer { proxy.stop() }
        var configuration = configuration(site, port: proxy.port)
        configuration.reconnects = .zero
        let connection = try await RingConnection.connect(configuration)
        let device = try await connection.open("line")
        let waiting = Task { try await device.read(count: 1) }
        #expect(try await site.reaches(inFlight: 1))
        proxy.cut()
        await #expect(throws: RingError.self) { try await waiting.value }
    }

    @Test func aSessionThatIsGoneSaysSo() async throws {
        let line = try SerialLine()
        var limits = GatewayLimits()
        limits.resumeGrace = 50_000_000
        let site = try Site(
            devices: ["line: {path: \(line.path), profile: tty, open: read-write}"],
            rules: ["{id: line, principals: [agent], devices: [line], read: true, write: true}"],
            limits: limits)
        let proxy = try ChaosProxy(to: site.gateway.port)
        defer { proxy.stop() }
        let connection = try await RingConnection.connect(configuration(site, port: proxy.port))
        let session = connection.session
        let device = try await connection.open("line")
        let waiting = Task { try await device.read(count: 1) }
        #expect(try await site.reaches(inFlight: 1))
        try proxy.setRefusing(true)
        proxy.cut()
        #expect(try await site.isDeserted())
        try proxy.setRefusing(false)
        do {
            _ = try await waiting.value
            Issue.record("the read has an answer")
        } catch let error as RingError {
            #expect(error.didRun == .unknown)
            guard case .outcomeUnknown = error else {
                Issue.record("\(error)")
                return
            }
        }
        // The connection goes on with a new session; what was open is not.
        #expect(connection.session != session)
        await #expect(throws: RingError.self) { try await device.write([1]) }
        let again = try await connection.open("line")
        #expect(try await again.write(Array("x".utf8)) == 1)
        await connection.close()
    }
}
