import RingProtocol
import Testing

@testable import RingClient

@Suite(.timeLimit(.minutes(5)))
struct HandshakeTests {
    /// The text of the handshake failure that connecting ends with.
    private func failure(_ configuration: ConnectionConfiguration) async throws -> String {
        let error = await #expect(throws: RingError.self) {
            _ = try await RingConnection.connect(configuration)
        }
        guard case .handshake(let text)? = error else {
            Issue.record("not a handshake failure: \(String(describing: error))")
            return ""
        }
        return text
    }

    @Test func `a gateway signed by another CA is refused`() async throws {
        let gateway = try await FakeGateway.start()
        var configuration = gateway.certificates.configuration(port: gateway.port)
        configuration.trustRoots = gateway.certificates.path("other-ca.pem")
        #expect(try await failure(configuration).contains("unknown CA"))
        try await gateway.stop()
    }

    @Test(arguments: ["127.0.0.1", "localhost", "another.example"])
    func `a gateway whose certificate has another name is refused`(name: String) async throws {
        let gateway = try await FakeGateway.start(certificate: "misnamed")
        var configuration = gateway.certificates.configuration(port: gateway.port)
        configuration.serverName = name
        #expect(try await failure(configuration).contains("does not carry the name"))
        try await gateway.stop()
    }

    @Test(arguments: [
        ("addressed", "localhost"), ("addressed", "192.0.2.1"), ("gateway", "foo"), ("gateway", "192.0.2.1"),
        ("localhost", "localhost"), ("localhost", "127.0.0.1"),
    ])
    func `neither the peer's address nor a common name stands for the name asked for`(
        certificate: String, name: String
    ) async throws {
        let gateway = try await FakeGateway.start(certificate: certificate)
        var configuration = gateway.certificates.configuration(port: gateway.port)
        configuration.serverName = name
        #expect(try await failure(configuration).contains("does not carry the name"))
        try await gateway.stop()
    }

    @Test func `a star stands for one whole label`() {
        let star = Array("*.farm.example".utf8)
        #expect(ServerName.matches("gw-1.farm.example", star))
        for other in ["farm.example", "a.b.farm.example", ".farm.example"] {
            #expect(!ServerName.matches(other, star), "\(other)")
        }
        #expect(ServerName.matches("gw.example", Array("GW.Example".utf8)))
        #expect(!ServerName.matches("gw.example", Array("g*.example".utf8)))
    }

    @Test func `a DNS name of the certificate is accepted for an address`() async throws {
        let gateway = try await FakeGateway.start()
        var configuration = gateway.certificates.configuration(port: gateway.port)
        configuration.serverName = "localhost"
        let connection = try await RingConnection.connect(configuration)
        #expect(connection.welcome.version == 1)
        try await gateway.stop()
    }

    @Test(arguments: [("expired", "certificate expired"), ("stranger", "unknown CA")])
    func `the gateway's alert is told in words`(certificate: String, words: String) async throws {
        let gateway = try await FakeGateway.start()
        var configuration = gateway.certificates.configuration(port: gateway.port)
        configuration.certificateChain = gateway.certificates.path(certificate + ".pem")
        configuration.privateKey = gateway.certificates.path(certificate + ".key")
        #expect(try await failure(configuration).contains(words))
        try await gateway.stop()
    }

    @Test func `a TLS server of another protocol is refused`() async throws {
        let gateway = try await FakeGateway.start(alpn: [])
        let text = try await failure(gateway.certificates.configuration(port: gateway.port))
        #expect(text.contains("does not speak ringgate/1"))
        try await gateway.stop()
    }

    @Test func `a file that is missing is named`() async throws {
        let certificates = try TestCertificates.made.get()
        var configuration = certificates.configuration(port: 1)
        configuration.privateKey = certificates.path("absent.key")
        #expect(
            try await failure(configuration).contains("private key file \(certificates.path("absent.key"))"))
    }

    @Test func `a port nobody listens on is a lost connection that says so`() async throws {
        let configuration = try TestCertificates.made.get().configuration(port: 1)
        let error = await #expect(throws: RingError.self) {
            _ = try await RingConnection.connect(configuration)
        }
        guard case .connectionLost(let text)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(text == "cannot connect to 127.0.0.1:1: Connection refused")
    }

    @Test func `a gateway that never says welcome runs into the deadline`() async throws {
        let gateway = try await FakeGateway.start(welcome: nil)
        var configuration = gateway.certificates.configuration(port: gateway.port)
        configuration.deadline = .milliseconds(200)
        await #expect(throws: RingError.timeout) { _ = try await RingConnection.connect(configuration) }
        try await gateway.stop()
    }

    @Test func `a welcome that grants what was not asked for is a violation`() async throws {
        var welcome = Welcome()
        welcome.features = Features(rawValue: 1 << 20)
        let gateway = try await FakeGateway.start(welcome: welcome)
        let configuration = gateway.certificates.configuration(port: gateway.port)
        let violation = RingError.protocolViolation(
            WireError(.reserved, rule: 8, "features \(1 << 20) were not asked for"))
        await #expect(throws: violation) { _ = try await RingConnection.connect(configuration) }
        try await gateway.stop()
    }
}
