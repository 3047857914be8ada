import Foundation
import RingGateway
import RingPolicyFile
import RingProtocol
import TestSupport
import Testing

/// Who is in is held to what a new handshake would be held to: revocation lists, the deny list, dates, authorities.
@Suite(.timeLimit(.minutes(5)))
struct TrustTests {
    private func text(of client: RawClient) throws -> String {
        let error = try #require(try client.ending())
        #expect(error.code == .revoked)
        return error.text
    }

    @Test func whoIsRevokedIsCutAndNotLetInAgain() throws {
        let site = try Site { certificates, files in
            try certificates.makeList()
            files.revocationLists = certificates.list
        }
        let other = try site.certificates.client(uri: "ringgate://test.example/other")
        let client = try site.greeted()
        let bystander = try site.greeted(other)
        let began = ContinuousClock.now
        try site.certificates.revoke("agent")
        #expect(try text(of: client).contains("revoked"))
        // 2.4 s where nothing else runs: two looks of the watch and a tick.
        #expect(began.duration(to: .now) < .seconds(10))
        #expect(throws: (any Error).self) { try site.greeted() }
        try bystander.submit([.nop(1)])
        #expect(try bystander.completions(1)[0].header.result == 0)
    }

    @Test func aSessionWithoutItsConnectionIsCutAsWell() throws {
        let site = try Site { certificates, files in
            files.denyList = try Self.denying([], in: certificates)
        }
        let client = try site.raw(site.agent)
        _ = try client.greet([.resume])
        try client.submit([.open("null", slot: 0, id: 1)])
        #expect(try client.completions(1)[0].header.result == 0)
        client.vanish()
        #expect(eventually { site.gateway.counters.open == 0 } && site.gateway.engineCounters.openFiles == 1)
        _ = try Self.denying(["{serial: \"\(site.agent.serial())\"}"], in: site.certificates)
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
    }

    @Test func anOverdueListLetsNobodyIn() throws {
        let site = try Site { certificates, files in
            try certificates.makeList(dueIn: 8)
            files.revocationLists = certificates.list
        }
        let client = try site.greeted()
        #expect(try text(of: client).contains("CRL has expired"))
        #expect(throws: (any Error).self) { try site.greeted() }
        try site.certificates.makeList()
        #expect(eventually { (try? site.greeted()) != nil })
    }

    @Test func anOverdueListIsGoodEnoughWhereTheFilesSaySo() throws {
        let site = try Site { certificates, files in
            try certificates.makeList(dueIn: 1)
            files.revocationLists = certificates.list
            files.acceptsOverdueLists = true
        }
        let client = try site.greeted()
        Thread.sleep(forTimeInterval: 2.5)
        try client.submit([.nop(1)])
        #expect(try client.completions(1)[0].header.result == 0)
        _ = try site.greeted()
        try site.certificates.revoke("agent")
        #expect(try text(of: client).contains("revoked"))
    }

    @Test(arguments: [true, false]) func whoIsDeniedIsCutAndNotLetInAgain(bySerial: Bool) throws {
        let site = try Site { certificates, files in
            files.denyList = try Self.denying([], in: certificates)
        }
        let client = try site.greeted()
        let item =
            try bySerial
            ? "{serial: \"\(site.agent.serial())\", reason: laptop stolen}"
            : "{spki: \"sha256:\(Self.keyHash(of: site.agent))\", reason: laptop stolen}"
        _ = try Self.denying([item], in: site.certificates)
        #expect(try text(of: client).contains("laptop stolen"))
        let again = try site.raw(site.agent)
        #expect(try text(of: again).contains("laptop stolen"))
    }

    @Test func whoseCertificateEndsIsCut() throws {
        let site = try Site { _, _ in }
        let brief = try site.certificates.client(uri: Site.agentURI, endingIn: 8)
        let client = try site.greeted(brief)
        let other = try site.greeted()
        #expect(try text(of: client).contains("expired"))
        try other.submit([.nop(1)])
        #expect(try other.completions(1)[0].header.result == 0)
    }

    @Test func theGatewaysOwnCertificateIsRenewedUnderItsSessions() throws {
        let site = try Site { _, _ in }
        let client = try site.greeted()
        let before = try Self.shownSerial(of: site)
        #expect(try before == site.certificates.server.serial())
        try site.certificates.renewServer()
        #expect(eventually { (try? Self.shownSerial(of: site)) == (try? site.certificates.server.serial()) })
        #expect(try Self.shownSerial(of: site) != before)
        try client.submit([.nop(1)])
        #expect(try client.completions(1)[0].header.result == 0)
    }

    @Test func anAuthorityIsReplacedByAnother() throws {
        let next = try TestCertificates()
        let site = try Site { certificates, files in
            files.clientCA = "\(certificates.authority.certificate).both"
            try Self.join([certificates.authority, next.authority], into: files.clientCA)
        }
        let file = "\(site.certificates.authority.certificate).both"
        let old = try site.greeted()
        let new = try site.greeted(next.client(uri: Site.agentURI))
        try Self.join([next.authority], into: file)
        #expect(try text(of: old).contains("no longer good"))
        #expect(throws: (any Error).self) { try site.greeted() }
        try new.submit([.nop(1)])
        #expect(try new.completions(1)[0].header.result == 0)
    }

    @Test func filesWithErrorsChangeNothing() throws {
        let site = try Site { certificates, files in
            files.denyList = try Self.denying([], in: certificates)
            files.clientCA = "\(certificates.authority.certificate).copy"
            try Self.join([certificates.authority], into: files.clientCA)
        }
        let client = try site.greeted()
        try Data("no certificate".utf8).write(
            to: URL(filePath: "\(site.certificates.authority.certificate).copy"))
        Thread.sleep(forTimeInterval: 2.5)
        site.gateway.reload()
        Thread.sleep(forTimeInterval: 0.5)
        _ = try site.greeted()
        try client.submit([.nop(1)])
        #expect(try client.completions(1)[0].header.result == 0)
        // Good again, with another deny list: both are in force.
        try Self.join(
            [site.certificates.authority], into: "\(site.certificates.authority.certificate).copy")
        _ = try Self.denying(["{serial: \"\(site.agent.serial())\"}"], in: site.certificates)
        #expect(try text(of: client).contains("deny list"))
    }

    @Test func aListThatDoesNotSpeakForTheAuthorityIsNoList() throws {
        let other = try TestCertificates()
        try other.makeList()
        for list in [other.list, other.authority.certificate, "/nonexistent"] {
            let error = #expect(throws: GatewayError.self) {
                try Site { _, files in files.revocationLists = list }
            }
            #expect("\(error.map(String.init(describing:)) ?? "")".hasPrefix(list))
        }
    }

    // MARK: Files

    /// Writes a deny list with these items.
    private static func denying(_ items: [String], in certificates: TestCertificates) throws -> String {
        let path = "\(certificates.authority.certificate).denied"
        let list = items.isEmpty ? "" : "denied:\n" + items.map { "  - \($0)\n" }.joined()
        try Data("version: 1\n\(list)".utf8).write(to: URL(filePath: path), options: .atomic)
        return path
    }

    private static func join(_ authorities: [TestCertificates.Pair], into path: String) throws {
        let text = try authorities.map { try String(contentsOfFile: $0.certificate, encoding: .utf8) }
            .joined()
        try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
    }

    private static func keyHash(of pair: TestCertificates.Pair) throws -> String {
        let command = """
            openssl x509 -in \(pair.certificate) -noout -pubkey | openssl pkey -pubin -outform DER | \
            openssl dgst -sha256 -r | cut -d' ' -f1
            """
        return try Tool.require(["bash", "-c", command]).trimmingCharacters(in: .newlines)
    }

    /// Serial number of the certificate that the gateway shows now.
    private static func shownSerial(of site: Site) throws -> String {
        let command = """
            openssl s_client -connect 127.0.0.1:\(site.gateway.port) -alpn ringgate/1 </dev/null 2>/dev/null | \
            openssl x509 -noout -serial
            """
        let text = try Tool.require(["bash", "-c", command])
        return text.replacingOccurrences(of: "serial=", with: "").trimmingCharacters(in: .newlines)
    }
}
