import Foundation
import RingProtocol
import TestSupport
import Testing

/// Other makers' TLS, from the command line: each says hello and gets its welcome. OpenSSL's library and NIOSSL do all the
/// time, as `RawClient` and the client library.
@Suite(.timeLimit(.minutes(5)))
struct InteropTests {
    private static let hello = Hello(features: []).encoded().map { String(format: "\\x%02x", $0) }.joined()

    /// The start of a welcome: 96 bytes, type 2 (docs/protocol.md, section 2).
    private func expectWelcome(_ command: String, _ site: Site) throws {
        let run = try Tool.run(
            ["bash", "-c", "\(command) | head -c 96 | od -An -v -tx1"], discardingErrors: true)
        let bytes = run.output.split(whereSeparator: \.isWhitespace).joined()
        #expect(bytes.hasPrefix("6000000002"), "\(bytes)")
        #expect(site.gateway.counters.frames == 1)
    }

    /// Its standard input stays open until the welcome has come.
    private func saying(_ command: String) -> String {
        "{ printf '\(Self.hello)'; sleep 2; } | \(command)"
    }

    @Test func theProgramOfOpenSSL() throws {
        let site = try Site()
        try expectWelcome(
            saying(
                """
                timeout 20 openssl s_client -quiet -no_ign_eof -connect 127.0.0.1:\(site.gateway.port) -alpn ringgate/1 -tls1_3 \
                -cert \(site.agent.certificate) -key \(site.agent.key) \
                -CAfile \(site.certificates.authority.certificate) -verify_return_error
                """), site)
    }

    @Test func gnuTLS() throws {
        let site = try Site()
        try expectWelcome(
            saying(
                """
                timeout 20 gnutls-cli --logfile=/dev/null --port \(site.gateway.port) --alpn ringgate/1 \
                --x509cafile \(site.certificates.authority.certificate) \
                --x509certfile \(site.agent.certificate) --x509keyfile \(site.agent.key) 127.0.0.1
                """), site)
    }

    @Test func python() throws {
        let site = try Site()
        let script = """
            import socket, ssl, sys
            context = ssl.create_default_context(cafile='\(site.certificates.authority.certificate)')
            context.load_cert_chain('\(site.agent.certificate)', '\(site.agent.key)')
            context.set_alpn_protocols(['ringgate/1'])
            plain = socket.create_connection(('127.0.0.1', \(site.gateway.port)), 10)
            peer = context.wrap_socket(plain, server_hostname='127.0.0.1')
            peer.sendall(b'\(Self.hello)')
            sys.stdout.buffer.write(peer.recv(4096))
            """
        try expectWelcome(
            "timeout 20 python3 -c \"\(script.replacingOccurrences(of: "\\", with: "\\\\"))\"", site)
    }

    /// What a scanner finds: TLS 1.3 and its ciphers, no other protocol, no renegotiation, compression or heartbeat.
    @Test func aScannerFindsNothingOld() throws {
        let site = try Site()
        let report = try Tool.require(
            ["timeout", "60", "sslscan", "--xml=-", "--no-colour", "127.0.0.1:\(site.gateway.port)"],
            discardingErrors: true)
        let enabled = report.split(separator: "\n").filter {
            $0.contains("<protocol ") && $0.contains("enabled=\"1\"")
        }
        #expect(enabled.count == 1 && enabled[0].contains("version=\"1.3\""), "\(enabled)")
        let ciphers = report.split(separator: "\n").filter { $0.contains("<cipher ") }
        #expect(!ciphers.isEmpty && ciphers.allSatisfy { $0.contains("TLSv1.3") }, "\(ciphers)")
        #expect(!report.contains("vulnerable=\"1\"") && !report.contains("<compression supported=\"1\""))
        #expect(!report.contains("<renegotiation supported=\"1\""))
    }

    /// Of the certificate, not of the TLS: a farm's own authority names no place to ask, and 127.0.0.1 has no records in the DNS.
    private static let ofTheCertificate: Set = ["cert_revocation", "DNS_CAArecord"]

    /// A minute of everything it knows, of severity LOW and above.
    @Test func testsslFindsNothing() throws {
        let site = try Site()
        let folder = try TemporaryDirectory()
        let report = "\(folder.path)/report.json"
        let run = try Tool.run([
            "timeout", "240", "testssl", "--quiet", "--color", "0", "--warnings", "off", "--severity", "LOW",
            "--mode", "serial", "--jsonfile", report, "--add-ca", site.certificates.authority.certificate,
            "127.0.0.1:\(site.gateway.port)",
        ])
        let found = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: report)))
        let findings = try #require(found as? [[String: String]], "\(run.output)")
        #expect(run.output.contains("TLS 1.3    offered (OK)"), "\(run.output)")
        let bad = findings.filter {
            ["LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL"].contains($0["severity"] ?? "FATAL")
                && !Self.ofTheCertificate.contains($0["id"] ?? "")
        }
        #expect(bad.isEmpty, "\(bad)")
        #expect(site.gateway.counters.frames == 0)
    }
}
