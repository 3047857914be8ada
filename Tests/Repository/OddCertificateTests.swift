import TestSupport
import Testing

/// The certificates other tests use as bad ones must be bad in the one way they say.
@Suite struct OddCertificateTests {
    private let identity = "spiffe://example.test/pump-7"

    @Test func clientOfAnotherAuthorityIsNotTrusted() throws {
        let certificates = try TestCertificates()
        let client = try certificates.clientOfAnotherAuthority(uri: identity)
        #expect(try verify(client, in: certificates).contains("unable to get local issuer certificate"))
    }

    @Test func expiredClientIsOnlyExpired() throws {
        let certificates = try TestCertificates()
        let client = try certificates.expiredClient(uri: identity)
        #expect(try verify(client, in: certificates).contains("certificate has expired"))
        #expect(try verify(client, in: certificates, "-no_check_time") == "\(client.certificate): OK\n")
    }

    @Test func clientWithoutClientAuthenticationIsOnlyThat() throws {
        let certificates = try TestCertificates()
        let client = try certificates.clientWithoutClientAuthentication(uri: identity)
        #expect(try verify(client, in: certificates).contains("unsuitable certificate purpose"))
        let asServer = try verify(client, in: certificates, "-purpose", "sslserver")
        #expect(asServer == "\(client.certificate): OK\n")
    }

    @Test func clientsWithTwoOrNoURIsAreTrusted() throws {
        let certificates = try TestCertificates()
        let two = try certificates.client(uris: identity, "spiffe://example.test/other")
        #expect(try verify(two, in: certificates) == "\(two.certificate): OK\n")
        #expect(try names(of: two).contains("URI:\(identity), URI:spiffe://example.test/other\n"))
        let none = try certificates.clientWithoutURI()
        #expect(try verify(none, in: certificates) == "\(none.certificate): OK\n")
        #expect(try !names(of: none).contains("URI:"))
    }

    private func verify(
        _ pair: TestCertificates.Pair, in certificates: TestCertificates, _ options: String...
    ) throws -> String {
        let authority = ["-CAfile", certificates.authority.certificate]
        let command = ["openssl", "verify", "-x509_strict", "-purpose", "sslclient"] + authority + options
        return try Tool.run(command + [pair.certificate]).output
    }

    private func names(of pair: TestCertificates.Pair) throws -> String {
        try Tool.require(["openssl", "x509", "-in", pair.certificate, "-noout", "-ext", "subjectAltName"])
    }
}
