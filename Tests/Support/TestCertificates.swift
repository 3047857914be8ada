import Foundation

/// A throwaway authority and the certificates a test asks it for.
///
/// All files lie in one temporary directory, which goes when this and every pair made by it are gone.
public final class TestCertificates: Sendable {
    /// Paths of a certificate and its private key, both PEM.
    public struct Pair: Sendable {
        public let certificate: String
        public let key: String
        /// In hexadecimal digits, as `openssl x509 -serial` prints it.
        public func serial() throws -> String {
            let text = try Tool.require(["openssl", "x509", "-in", certificate, "-noout", "-serial"])
            return text.replacingOccurrences(of: "serial=", with: "").trimmingCharacters(in: .newlines)
        }
        /// Keeps the files there for as long as somebody knows where they are.
        private let directory: TemporaryDirectory?

        /// Files that somebody else keeps.
        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
            directory = nil
        }

        fileprivate init(_ directory: TemporaryDirectory, stem: String) {
            self.directory = directory
            certificate = "\(stem).crt"
            key = "\(stem).key"
        }
    }

    /// The authority the gateway and the clients trust.
    public let authority: Pair
    /// For `127.0.0.1` and `localhost`.
    public let server: Pair
    private let directory: TemporaryDirectory

    public init() throws {
        directory = try TemporaryDirectory()
        let path = directory.path
        try Tool.require(["\(Tool.repository)/certs/make-ca", path])
        try Tool.require(["\(Tool.repository)/certs/make-server", path, "server", "127.0.0.1", "localhost"])
        authority = Pair(directory, stem: "\(path)/ca")
        server = Pair(directory, stem: "\(path)/server")
    }

    /// A client as it should be. Each call makes another key; `name` is the common name and must be new.
    public func client(uri: String, name: String? = nil) throws -> Pair {
        let name = name ?? Self.freshName()
        try Tool.require(["\(Tool.repository)/certs/make-client", directory.path, name, uri])
        return Pair(directory, stem: "\(directory.path)/\(name)")
    }

    /// A client as it should be, but of an authority nobody trusts.
    public func clientOfAnotherAuthority(uri: String) throws -> Pair {
        let other = try TemporaryDirectory()
        try Tool.require(["\(Tool.repository)/certs/make-ca", other.path])
        try Tool.require(["\(Tool.repository)/certs/make-client", other.path, "client", uri])
        return Pair(other, stem: "\(other.path)/client")
    }

    /// A trusted client with two URIs, so with no usable identity.
    public func client(uris first: String, _ second: String) throws -> Pair {
        try makeOdd(names: "URI:\(first),URI:\(second)")
    }

    /// A trusted client without any URI.
    public func clientWithoutURI() throws -> Pair {
        try makeOdd(names: "DNS:client.test")
    }

    /// A client whose certificate ended in 2024.
    public func expiredClient(uri: String) throws -> Pair {
        let validity = ["-startdate", "20240101000000Z", "-enddate", "20240102000000Z"]
        return try makeOdd(names: "URI:\(uri)", validity: validity)
    }

    /// A client whose certificate is good for servers only.
    public func clientWithoutClientAuthentication(uri: String) throws -> Pair {
        try makeOdd(names: "URI:\(uri)", usage: "serverAuth")
    }

    /// A client whose certificate ends so many seconds from now.
    public func client(uri: String, endingIn seconds: Int) throws -> Pair {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(identifier: "UTC")
        format.dateFormat = "yyyyMMddHHmmss'Z'"
        let end = format.string(from: Date(timeIntervalSinceNow: Double(seconds)))
        return try makeOdd(
            names: "URI:\(uri)", validity: ["-startdate", "20240101000000Z", "-enddate", end])
    }

    // MARK: Revocation

    /// The authority's revocation list, once `makeList` or `revoke` has made it.
    public var list: String { "\(directory.path)/ca.crl" }

    public func makeList() throws {
        try Tool.require(["\(Tool.repository)/certs/make-crl", directory.path])
    }

    /// A list that is due again so many seconds from now.
    public func makeList(dueIn seconds: Int) throws {
        try makeList()
        let config = """
            [ca]
            default_ca = authority
            [authority]
            database = \(directory.path)/ca.index
            crlnumber = \(directory.path)/ca.crlnumber
            default_md = sha256

            """
        let stem = "\(directory.path)/\(Self.freshName())"
        try config.write(toFile: "\(stem).config", atomically: true, encoding: .utf8)
        try Tool.require([
            "openssl", "ca", "-config", "\(stem).config", "-gencrl", "-crlsec", "\(seconds)", "-cert",
            authority.certificate, "-keyfile", authority.key, "-out", list,
        ])
    }

    /// Revokes a client that `client(uri:name:)` made under this name.
    public func revoke(_ name: String) throws {
        try Tool.require(["\(Tool.repository)/certs/revoke", directory.path, name, "keyCompromise"])
    }

    /// Gives the server another key and certificate.
    public func renewServer() throws {
        try Tool.require(["\(Tool.repository)/certs/renew", directory.path, "server"])
    }

    private static func freshName() -> String {
        "client-" + UUID().uuidString.prefix(13)
    }

    /// What the scripts refuse to make. `openssl ca` is the one command of OpenSSL 3.0 that takes past dates.
    private func makeOdd(
        names: String, usage: String = "clientAuth", validity: [String] = ["-days", "1"]
    ) throws -> Pair {
        let name = Self.freshName()
        let stem = "\(directory.path)/\(name)"
        let config = """
            [ca]
            default_ca = authority
            [authority]
            database = \(stem).index
            new_certs_dir = \(directory.path)
            default_md = sha256
            rand_serial = yes
            policy = policy
            x509_extensions = extensions
            [policy]
            commonName = supplied
            [extensions]
            basicConstraints = critical, CA:FALSE
            keyUsage = critical, digitalSignature
            extendedKeyUsage = \(usage)
            subjectKeyIdentifier = hash
            authorityKeyIdentifier = keyid:always
            subjectAltName = \(names)

            """
        try config.write(toFile: "\(stem).config", atomically: true, encoding: .utf8)
        try Data().write(to: URL(filePath: "\(stem).index"))
        try Tool.require([
            "openssl", "req", "-new", "-subj", "/CN=\(name)", "-newkey", "ec", "-noenc",
            "-pkeyopt", "ec_paramgen_curve:P-256", "-keyout", "\(stem).key", "-out", "\(stem).request",
        ])
        try Tool.require(
            [
                "openssl", "ca", "-batch", "-notext", "-config", "\(stem).config", "-in", "\(stem).request",
                "-cert", authority.certificate, "-keyfile", authority.key, "-out", "\(stem).crt",
            ] + validity)
        return Pair(directory, stem: stem)
    }
}
