import RingProtocol
import TestSupport
import Testing

/// Certificates that must not be let in, made by `bad_certificates.py`: not a byte of theirs reaches the frame decoder.
@Suite(.timeLimit(.minutes(5)))
struct BadCertificateTests {
    private struct Candidate {
        let name: String
        let pair: TestCertificates.Pair
    }

    @Test func noBadCertificateIsLetIn() throws {
        let site = try Site { _, _ in }
        let out = try TemporaryDirectory()
        let authority = String(
            site.certificates.authority.certificate.dropLast("/ca.crt".count))
        let text = try Tool.require(
            ["python3", "\(Tool.repository)/Tests/Gateway/bad_certificates.py", authority, out.path])
        let candidates = text.split(separator: "\n").map { $0.split(separator: "\t").map(String.init) }
            .map { Candidate(name: $0[0], pair: .init(certificate: $0[1], key: $0[2])) }
        #expect(candidates.count > 60)
        let good = try #require(candidates.first)
        #expect(try letsIn(good, site), "\(good.name) is good")
        for candidate in candidates.dropFirst() {
            let frames = site.gateway.counters.frames
            #expect(try !letsIn(candidate, site), "\(candidate.name)")
            #expect(site.gateway.counters.frames == frames, "\(candidate.name)")
        }
        #expect(try letsIn(good, site), "the gateway has outlived all of them")
    }

    private func letsIn(_ candidate: Candidate, _ site: Site) throws -> Bool {
        do {
            _ = try site.raw(candidate.pair).greet()
            return true
        } catch let failure as RawClient.Failure {
            // The client itself must have nothing against the certificate, or the gateway never sees it.
            #expect(failure.step != "identity", "\(candidate.name): \(failure)")
            return false
        }
    }
}
