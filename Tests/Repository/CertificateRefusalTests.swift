import Foundation
import TestSupport
import Testing

@Suite struct CertificateRefusalTests {
    @Test(arguments: [
        "a/b", "../a", "a\nb", "a,b", "", "-a", "a b", "é", "ca", String(repeating: "a", count: 65),
    ])
    func refusesNamesThatAreNoFileNames(name: String) throws {
        try expectRefusal("make-client", "name '\(name)'", "--", name, "x://y")
        try expectRefusal("make-server", "name '\(name)'", "--", name, "localhost")
    }

    @Test(arguments: [
        "pump-7", "//host/path", "x:", "x:a b", "x:a\nURI:x:b", "x:a,URI:x:b", "x:$HOME", "x:a#b",
    ])
    func refusesURIsThatAreNoIdentity(uri: String) throws {
        try expectRefusal("make-client", "URI '\(uri)'", "--", "pump", uri)
    }

    @Test(arguments: ["256.0.0.1", "1.2.3", "::g", "a_b", "-a", "a..b", "localhost,DNS:b", "https://a", "*"])
    func refusesNamesNoServerCanHave(san: String) throws {
        try expectRefusal(
            "make-server", "'\(san)' is neither an IP address nor a DNS name", "--", "gate", san)
    }

    @Test(arguments: ["0", "-1", "1.5", "soon", "100000"])
    func refusesOddValidity(days: String) throws {
        try expectRefusal("make-client", "--days '\(days)'", "--days=\(days)", "pump", "x://y")
    }

    @Test func refusesToOutliveTheAuthority() throws {
        try expectRefusal("make-client", "ends in less than 9999 days", "--days=9999", "pump", "x://y")
    }

    @Test(arguments: ["pump.crt", "pump.key"])
    func neverOverwrites(existing: String) throws {
        let directory = try TemporaryDirectory()
        #expect(try Tool.certs("make-ca", directory.path).succeeded)
        try Data("kept".utf8).write(to: URL(filePath: "\(directory.path)/\(existing)"))
        let run = try Tool.certs("make-client", directory.path, "pump", "x://y")
        #expect(run.status == 1 && run.output.contains("\(existing) exists and is not overwritten"))
        #expect(try directory.names() == ["ca.crt", "ca.key", existing])
        #expect(try String(contentsOfFile: "\(directory.path)/\(existing)", encoding: .utf8) == "kept")
    }

    @Test func neverOverwritesTheAuthority() throws {
        let directory = try TemporaryDirectory()
        #expect(try Tool.certs("make-ca", directory.path).succeeded)
        let before = try Data(contentsOf: URL(filePath: "\(directory.path)/ca.key"))
        #expect(try Tool.certs("make-ca", directory.path).status == 1)
        #expect(try Data(contentsOf: URL(filePath: "\(directory.path)/ca.key")) == before)
    }

    @Test func leavesNothingWhenOpenSSLFailsHalfway() throws {
        let directory = try TemporaryDirectory()
        let authority = "\(directory.path)/pki"
        #expect(try Tool.certs("make-ca", authority).succeeded)
        // A broken authority passes every check of the script but the last: it cannot sign.
        try Data("not a key".utf8).write(to: URL(filePath: "\(authority)/ca.key"))
        let run = try Tool.certs("make-client", authority, "pump", "x://y")
        #expect(run.status == 1 && run.output.contains("make-client: openssl:"))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: authority).sorted() == ["ca.crt", "ca.key"])
    }

    @Test(arguments: ["make-ca", "make-server", "make-client"])
    func explainsItself(script: String) throws {
        let help = try Tool.certs(script, "--help")
        #expect(help.succeeded && help.output.hasPrefix("usage: \(script) "))
        #expect(try Tool.certs(script).status == 64)
    }

    /// Runs a script beside a good authority and expects the text, the status and no new file.
    private func expectRefusal(_ script: String, _ text: String, _ option: String, _ rest: String...) throws {
        let directory = try TemporaryDirectory()
        #expect(try Tool.certs("make-ca", directory.path).succeeded)
        let run = try Tool.run(["\(Tool.repository)/certs/\(script)", option, directory.path] + rest)
        #expect(run.status == 1)
        #expect(run.output.contains(text), "\(run.output)")
        #expect(try directory.names() == ["ca.crt", "ca.key"])
    }
}
