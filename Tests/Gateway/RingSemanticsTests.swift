import Foundation
import Glibc
import RingClient
import RingGateway
import RingProtocol
import TestSupport
import Testing

/// Chains, streams, cancels and leases as users of the client library have them.
@Suite(.timeLimit(.minutes(5))) struct RingSemanticsTests {
    private func site(_ line: SerialLine, lease: String = "none") throws -> Site {
        try Site(
            devices: ["line: {path: \(line.path), profile: tty, open: read-write, lease: \(lease)}"],
            rules: ["{id: line, principals: [agent], devices: [line], read: true, write: true}"])
    }

    @Test func aChainIsOneCallWithTheGatewaysOwnTiming() async throws {
        let line = try SerialLine()
        let site = try site(line)
        let connection = try await site.connect()
        let device = try await connection.open("line")
        var batch = Batch()
        batch.chain { chain in
            chain.write(device, Array("high ".utf8))
            chain.delay(.milliseconds(20))
            chain.write(device, Array("low".utf8))
        }
        let start = ContinuousClock.now
        let replies = try await connection.submit(batch)
        #expect(replies.map(\.result) == [5, 0, 3])
        #expect(ContinuousClock.now - start >= .milliseconds(20))
        #expect(line.hear() == "high low")
        // After a failure nothing of it runs.
        var failing = Batch()
        failing.chain { chain in
            chain.read(device, count: 1, timeout: .milliseconds(20))
            chain.write(device, Array("never".utf8))
        }
        failing.drained { $0.nop() }
        let results = try await connection.submit(failing)
        #expect(results.map(\.result) == [-ETIME, -ECANCELED, 0])
        await connection.close()
    }

    @Test func eventsComeAndStopWithTheirReader() async throws {
        let line = try SerialLine()
        let site = try site(line)
        let connection = try await site.connect()
        let device = try await connection.open("line")
        line.say(String(repeating: "0123456789", count: 30))
        var heard = ""
        for try await event in device.events(maxBytes: 10, credit: 4) {
            guard case .event(let event) = event else { continue }
            heard += String(decoding: event.bytes, as: UTF8.self)
            if heard.count == 300 { break }
        }
        #expect(heard == String(repeating: "0123456789", count: 30))
        // Left, which the gateway hears of in a moment: then the next read is ours again.
        #expect(try await site.reaches(inFlight: 0))
        line.say("x")
        #expect(try await device.read(count: 5, timeout: .seconds(5)) == Array("x".utf8))
        for try await event in device.readiness(.writable) {
            guard case .event(let event) = event else { continue }
            #expect(event.result == 4)
            break
        }
        await connection.close()
    }

    @Test func aCancelledTaskEndsItsReadAtTheGateway() async throws {
        let line = try SerialLine()
        let site = try site(line)
        let connection = try await site.connect()
        let device = try await connection.open("line")
        let task = Task { try await device.read(count: 100) }
        #expect(try await site.reaches(inFlight: 1))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        // Were it still waiting, it would take these.
        #expect(try await site.reaches(inFlight: 0))
        line.say("for the next")
        #expect(try await device.read(count: 100, timeout: .seconds(5)) == Array("for the next".utf8))
        await connection.close()
    }

    @Test func aLeaseIsKeptByLiving() async throws {
        let line = try SerialLine()
        let site = try site(line, lease: "exclusive")
        let (first, second) = (try await site.connect(), try await site.connect())
        var lease: Lease? = try await first.acquire(["line"], ttl: .seconds(8))
        let device = try await first.open("line", epoch: try #require(lease?.terms.devices.first?.epoch))
        try await Task.sleep(for: .seconds(10))
        #expect(try await device.write([1]) == 1)
        #expect(try await first.leaseStatus().leases.count == 1)
        await #expect(throws: RingError.self) { _ = try await second.acquire(["line"]) }
        let places = Places()
        async let next = second.acquire(["line"], wait: .seconds(120)) { places.add($0) }
        while places.all.isEmpty { try await Task.sleep(for: .milliseconds(10)) }
        try await lease?.release()
        lease = nil
        #expect(try await next.terms.mode == "exclusive")
        #expect(places.all.first?.position == 1)
        #expect(places.all.first?.ahead.first?.session == first.session)
        await #expect(throws: RingError.self) { try await device.write([1]) }
        await first.close()
        await second.close()
    }

    private final class Places: Sendable {
        private let lock = NSLock()
        nonisolated(unsafe) private var places: [LeasePosition] = []
        func add(_ place: LeasePosition) { lock.withLock { places.append(place) } }
        var all: [LeasePosition] { lock.withLock { places } }
    }

    @Test func whoWatchesHearsOfLeases() async throws {
        let line = try SerialLine()
        let site = try site(line, lease: "exclusive")
        let connection = try await site.connect()
        let watching = Task {
            var changes: [String] = []
            for try await case .event(let event) in connection.watch() {
                changes.append(try JSONDecoder().decode(DeviceNews.self, from: Data(event.bytes)).change)
                if changes.count == 2 { return changes }
            }
            return changes
        }
        #expect(try await site.reaches(inFlight: 1))
        let device = try await connection.open("line")
        try await device.close()
        #expect(try await watching.value == ["leased", "freed"])
        await connection.close()
    }
}
