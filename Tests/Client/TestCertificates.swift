import Foundation
import RingClient

/// Two certificate authorities and what they signed, made once per test run by the openssl command.
struct TestCertificates: Sendable {
    struct Failure: Error {
        let command: [String]
        let output: String
    }

    let folder: String

    /// Made on first use; every test reads them, none changes them.
    static let made = Result { try TestCertificates() }

    func path(_ name: String) -> String { folder + "/" + name }

    /// How the good client connects to a gateway on `port`.
    func configuration(port: Int) -> ConnectionConfiguration {
        ConnectionConfiguration(
            host: "127.0.0.1", port: port, certificateChain: path("client.pem"),
            privateKey: path("client.key"),
            trustRoots: path("ca.pem"))
    }

    private init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent(
            "ring-client-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        folder = url.path
        // A private key, even a test's, is not left behind.
        atexit { if case .success(let made) = TestCertificates.made { made.remove() } }
        let settings = """
            [req]
            distinguished_name = name
            [name]
            [ca]
            basicConstraints = critical, CA:true
            [gateway]
            basicConstraints = critical, CA:false
            subjectAltName = IP:127.0.0.1, DNS:localhost
            extendedKeyUsage = serverAuth
            [misnamed]
            basicConstraints = critical, CA:false
            subjectAltName = IP:192.0.2.1, DNS:elsewhere.example
            extendedKeyUsage = serverAuth
            [addressed]
            basicConstraints = critical, CA:false
            subjectAltName = IP:127.0.0.1
            extendedKeyUsage = serverAuth
            [nameless]
            basicConstraints = critical, CA:false
            extendedKeyUsage = serverAuth
            [client]
            basicConstraints = critical, CA:false
            subjectAltName = URI:ringgate://test/client
            extendedKeyUsage = clientAuth
            """
        try settings.write(toFile: path("openssl.cnf"), atomically: true, encoding: .utf8)
        for authority in ["ca", "other-ca"] { try makeAuthority(authority) }
        try sign("gateway", extensions: "gateway")
        try sign("misnamed", extensions: "misnamed")
        try sign("addressed", extensions: "addressed")
        try sign("localhost", extensions: "nameless")
        try sign("client", extensions: "client")
        try sign("expired", extensions: "client", days: -1)
        try sign("stranger", extensions: "client", by: "other-ca")
    }

    private func remove() { try? FileManager.default.removeItem(atPath: folder) }

    private var newKey: [String] {
        ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", path("openssl.cnf")]
    }

    private func makeAuthority(_ name: String) throws {
        try openssl(
            ["req", "-x509", "-days", "2", "-subj", "/CN=\(name)", "-extensions", "ca"] + newKey
                + ["-keyout", path(name + ".key"), "-out", path(name + ".pem")])
    }

    private func sign(_ name: String, extensions: String, by authority: String = "ca", days: Int = 2) throws {
        try openssl(
            ["req", "-new", "-subj", "/CN=\(name)"] + newKey
                + ["-keyout", path(name + ".key"), "-out", path(name + ".csr")])
        try openssl([
            "x509", "-req", "-in", path(name + ".csr"), "-CA", path(authority + ".pem"), "-CAkey",
            path(authority + ".key"), "-CAcreateserial", "-days", String(days), "-extfile",
            path("openssl.cnf"),
            "-extensions", extensions, "-out", path(name + ".pem"),
        ])
    }

    private func openssl(_ arguments: [String]) throws {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardOutput = output
        process.standardError = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(command: arguments, output: text) }
    }
}
