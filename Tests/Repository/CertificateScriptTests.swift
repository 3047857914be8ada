import Foundation
import TestSupport
import Testing

@Suite struct CertificateScriptTests {
    private let identity = "spiffe://example.test/pump-7"

    @Test func clientCertificateIsStrictlyValidForClientsOnly() throws {
        let certificates = try TestCertificates()
        let client = try certificates.client(uri: identity)
        #expect(try verifies(client, purpose: "sslclient", in: certificates))
        #expect(try !verifies(client, purpose: "sslserver", in: certificates))
        #expect(try extensionText("extendedKeyUsage", of: client).contains("TLS Web Client Authentication"))
    }

    @Test func serverCertificateIsStrictlyValidForServersOnly() throws {
        let certificates = try TestCertificates()
        #expect(try verifies(certificates.server, purpose: "sslserver", in: certificates))
        #expect(try !verifies(certificates.server, purpose: "sslclient", in: certificates))
        let names = try extensionText("subjectAltName", of: certificates.server)
        #expect(names.contains("IP Address:127.0.0.1, DNS:localhost\n"))
    }

    @Test func clientHasExactlyTheURIThatWasAskedFor() throws {
        let certificates = try TestCertificates()
        let uri = "https://example.test:8443/a_b/~c/d=e&f+g@h"
        let names = try extensionText("subjectAltName", of: certificates.client(uri: uri))
        #expect(names.split(separator: "\n").last?.trimmingCharacters(in: .whitespaces) == "URI:\(uri)")
    }

    @Test func authoritySignsCertificatesAndNoAuthorities() throws {
        let authority = try TestCertificates().authority
        #expect(try extensionText("basicConstraints", of: authority).contains("CA:TRUE, pathlen:0"))
        #expect(try extensionText("keyUsage", of: authority).contains("Certificate Sign, CRL Sign\n"))
    }

    @Test func everyKeyIsP256AndReadableByItsOwnerOnly() throws {
        let certificates = try TestCertificates()
        for pair in [certificates.authority, certificates.server, try certificates.client(uri: identity)] {
            let key = try Tool.require(["openssl", "pkey", "-in", pair.key, "-noout", "-text"])
            #expect(key.contains("NIST CURVE: P-256"))
            let mode = try FileManager.default.attributesOfItem(atPath: pair.key)[.posixPermissions]
            #expect(mode as? Int == 0o600)
        }
    }

    @Test func serialNumbersHaveMoreThan128RandomBits() throws {
        let certificates = try TestCertificates()
        let serials = try [certificates.authority, certificates.server].map { pair in
            try Tool.require(["openssl", "x509", "-in", pair.certificate, "-noout", "-serial"])
        }
        #expect(Set(serials).count == 2)
        for serial in serials {
            // Twenty octets are the most RFC 5280 allows; a leading zero octet would make them fewer.
            #expect(serial.wholeMatch(of: /serial=07[0-9A-F]{38}\n/) != nil)
        }
    }

    private func verifies(
        _ pair: TestCertificates.Pair, purpose: String, in certificates: TestCertificates
    ) throws -> Bool {
        let authority = certificates.authority.certificate
        return try Tool.run([
            "openssl", "verify", "-x509_strict", "-purpose", purpose, "-CAfile", authority, pair.certificate,
        ]).succeeded
    }

    private func extensionText(_ name: String, of pair: TestCertificates.Pair) throws -> String {
        try Tool.require(["openssl", "x509", "-in", pair.certificate, "-noout", "-ext", name])
    }
}
