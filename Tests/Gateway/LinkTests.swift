import RingGateway
import RingProtocol
import TestSupport
import Testing

/// A gateway behind links that are slow, split everything, or are lost.
@Suite struct LinkTests {
    private let site: Site

    init() throws { site = try Site() }

    private func client(_ proxy: ChaosProxy) throws -> RawClient {
        try RawClient(
            port: proxy.port, identity: site.agent, authority: site.certificates.authority.certificate)
    }

    /// Opens `/dev/null` and closes it; what it got.
    private func use(_ client: RawClient) throws -> [Int32] {
        _ = try client.greet()
        try client.submit([.open("null", slot: 0, id: 1)])
        let opened = try client.completions(1)
        try client.submit([RawEntry(.close, id: 2, slot: 0)])
        return (opened + (try client.completions(1))).map(\.header.result)
    }

    @Test func aSessionStandsSegmentsOfOneByte() throws {
        let proxy = try ChaosProxy(to: site.gateway.port) { _ in
            ChaosPlan {
                $0.toServer.segment = 1
                $0.toClient.segment = 1
            }
        }
        #expect(try use(client(proxy)) == [0, 0])
        #expect(proxy.records[0].toServer.segments == proxy.records[0].toServer.bytes)
    }

    /// Idle connections give their record buffers back, but not one that holds part of a record (CVE-2024-4741): cut inside
    /// its header, right behind it, and inside its body.
    @Test(arguments: [3, 5, 30])
    func aRecordMayPauseAnywhere(after count: Int) throws {
        let client = try RawClient(
            port: site.gateway.port, identity: site.agent,
            authority: site.certificates.authority.certificate)
        _ = try client.greet()
        let opening = RawEntry.frame([.open("null", slot: 0, id: 1)])
        try client.send(opening, pausingAfter: count, for: .milliseconds(800))
        #expect(try client.completions(1).map(\.header.result) == [0])
        try client.submit([RawEntry(.close, id: 2, slot: 0)])
        #expect(try client.completions(1).map(\.header.result) == [0])
    }

    @Test func aSessionStandsDelayAndABlackhole() throws {
        let proxy = try ChaosProxy(to: site.gateway.port) { _ in
            ChaosPlan { $0.toServer.delay = .milliseconds(20) }
        }
        let client = try client(proxy)
        proxy.blackhole(for: .milliseconds(200))
        #expect(try use(client) == [0, 0])
    }

    /// Wherever a connection is lost, in TLS, in the hello or in a frame: the next one is served.
    @Test(arguments: [true, false])
    func aConnectionMayBeLostAnywhere(toServer: Bool) throws {
        let whole = try ChaosProxy(to: site.gateway.port)
        #expect(try use(client(whole)) == [0, 0])
        // A signature, and with it a handshake, may be some bytes shorter the next time.
        let total = toServer ? whole.records[0].toServer.bytes : whole.records[0].toClient.bytes
        var random = SeededRandom(seed: 4)
        for _ in 0..<40 {
            let cut = ChaosPlan.Cut(
                after: random.number(0...total - 16), random.happens(50) ? .reset : .finish)
            let proxy = try ChaosProxy(to: site.gateway.port) { _ in
                ChaosPlan { if toServer { $0.toServer.cut = cut } else { $0.toClient.cut = cut } }
            }
            #expect(throws: (any Error).self, "\(cut)") { try use(client(proxy)) }
        }
        #expect(try use(client(whole)) == [0, 0])
    }
}
