import RingGateway
import RingProtocol
import TestSupport
import Testing

/// Who may speak to the gateway at all. In each case no byte reaches the frame decoder.
@Suite struct PeerTests {
    /// Connects as `identity`, sends a good hello, and gives back how the gateway refused.
    private func refusal(
        _ site: Site, _ identity: TestCertificates.Pair?, _ manner: RawClient.Manner = .init()
    ) -> String {
        do {
            let client = try site.raw(identity, manner)
            try? client.send(Hello().encoded())
            guard let frame = try client.frame() else { return "closed" }
            guard frame.type == .error else { return "served" }
            return "\(try frame.payload.withUnsafeBytes { try SessionError.decode(WireBytes($0)) }.code)"
        } catch let failure as RawClient.Failure {
            return failure.reason
        } catch {
            return "\(error)"
        }
    }

    private func expectNothingDecoded(_ site: Site) {
        #expect(site.gateway.counters.frames == 0)
        #expect(site.gateway.engineCounters.submittedOpens == 0)
    }

    @Test func aClientOfAnUnknownAuthorityIsRefused() throws {
        let site = try Site()
        let stranger = try site.certificates.clientOfAnotherAuthority(uri: Site.agentURI)
        #expect(refusal(site, stranger) == "tlsv1 alert unknown ca")
        expectNothingDecoded(site)
    }

    @Test func aClientWithoutACertificateIsRefused() throws {
        let site = try Site()
        #expect(refusal(site, nil) == "tlsv13 alert certificate required")
        expectNothingDecoded(site)
    }

    @Test func anExpiredCertificateIsRefused() throws {
        let site = try Site()
        let expired = try site.certificates.expiredClient(uri: Site.agentURI)
        #expect(refusal(site, expired) == "sslv3 alert certificate expired")
        expectNothingDecoded(site)
    }

    @Test func aServersCertificateIsNoClients() throws {
        let site = try Site()
        let server = try site.certificates.clientWithoutClientAuthentication(uri: Site.agentURI)
        #expect(refusal(site, server) == "sslv3 alert unsupported certificate")
        expectNothingDecoded(site)
    }

    @Test func olderTLSIsRefused() throws {
        let site = try Site()
        #expect(refusal(site, site.agent, .tls12) == "tlsv1 alert protocol version")
        expectNothingDecoded(site)
    }

    @Test(arguments: [["h2"], ["ringgate/2", "http/1.1"]])
    func otherProtocolsAreRefused(names: [String]) throws {
        let site = try Site()
        #expect(refusal(site, site.agent, .offering(names)) == "tlsv1 alert no application protocol")
        expectNothingDecoded(site)
    }

    @Test func aClientThatNamesNoProtocolIsClosed() throws {
        let site = try Site()
        #expect(refusal(site, site.agent, .offering([])) == "closed")
        expectNothingDecoded(site)
    }

    @Test func twoURIsAreNoIdentity() throws {
        let site = try Site()
        let double = try site.certificates.client(uris: Site.agentURI, "ringgate://test.example/other")
        #expect(refusal(site, double) == "identity")
        expectNothingDecoded(site)
    }

    @Test func aPeerThePolicyDoesNotKnowIsTold() throws {
        let site = try Site()
        let unlisted = try site.certificates.client(uri: "ringgate://test.example/unlisted")
        #expect(refusal(site, unlisted) == "unknownPrincipal")
        let nameless = try site.certificates.clientWithoutURI()
        #expect(refusal(site, nameless) == "unknownPrincipal")
        expectNothingDecoded(site)
        #expect(site.gateway.counters.unknownPeers == 2)
    }

    @Test func refusedPeersDoNotDisturbOthers() async throws {
        let site = try Site()
        for _ in 0..<5 { _ = refusal(site, nil) }
        let connection = try await site.connect()
        #expect(try await connection.list().devices.map(\.name) == ["absent", "notblock", "null", "random"])
        await connection.close()
        #expect(eventually { site.gateway.counters.handshakeFailures == 5 })
        #expect(eventually { site.gateway.counters.open == 0 })
    }

    @Test func aPeerThatSaysNothingIsClosedAtItsDeadline() throws {
        var limits = Limits()
        limits.greetingDeadline = 300_000_000
        let site = try Site(limits: limits)
        let silent = try site.raw(site.agent)
        let frame = try silent.frame()
        #expect(frame?.type == .error)
        #expect(eventually { site.gateway.counters.open == 0 })
    }

    private typealias Limits = GatewayLimits
}
