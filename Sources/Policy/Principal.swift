/// What a verified certificate says about its holder. Self-stated names do not occur.
public struct PeerIdentity: Sendable, Equatable {
    /// All URIs of the subject alternative name.
    public let uris: [String]
    /// SHA-256 of the SubjectPublicKeyInfo in DER (RFC 5280, 4.1.2.7).
    public let keyHash: [UInt8]
    /// The subject's single common name, if it has exactly one.
    public let commonName: String?
    /// The issuer's distinguished name as RFC 2253 text.
    public let issuer: String

    public init(uris: [String], keyHash: [UInt8], commonName: String?, issuer: String) {
        self.uris = uris
        self.keyHash = keyHash
        self.commonName = commonName
        self.issuer = issuer
    }
}

extension PeerIdentity {
    /// The identity in a word or two, for logs: only what may stand there.
    public var text: String {
        if let uri = uris.first { return URIPattern.isUsable(uri) ? uri : "an unusable URI" }
        return "key " + keyHash.prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

/// Why a trusted certificate still names nobody.
public enum IdentityError: Error, Equatable, Sendable {
    case severalURIs(Int)
    case unusableURI
    case authority
    case unknown(identity: String)

    public var text: String {
        switch self {
        case .severalURIs(let count):
            "the certificate has \(count) URIs as subject alternative name; use exactly one"
        case .unusableURI:
            "the certificate's URI has characters, segments or a length that no identity may have"
        case .authority: "the certificate is one of an authority's own; a client needs one that signs nothing"
        case .unknown(let identity): "no principal of the policy matches \(identity)"
        }
    }
}

/// Somebody the policy speaks of, and how to know them.
public struct Principal: Sendable {
    public enum Match: Sendable {
        case uri(URIPattern)
        case keyHash([UInt8])
        /// A common name counts only together with the issuer that vouches for it.
        case commonName(String, issuer: String)
    }

    public let name: String
    public let match: Match

    public init(name: String, match: Match) {
        self.name = name
        self.match = match
    }

    func matches(_ peer: PeerIdentity) -> Bool {
        switch match {
        case .uri(let pattern): peer.uris.count == 1 && pattern.matches(peer.uris[0])
        case .keyHash(let hash): peer.keyHash == hash
        case .commonName(let name, let issuer):
            peer.uris.isEmpty && peer.commonName.map { Array($0.utf8) } == Array(name.utf8)
                && Array(peer.issuer.utf8) == Array(issuer.utf8)
        }
    }
}

/// A URI in which a whole path segment may be `*` (any one segment) and the last may be `**` (one or more).
///
/// Compared byte by byte, without normalization: what is not written exactly so is somebody else.
public struct URIPattern: Sendable, Hashable {
    let segments: [Substring]

    /// nil when the text is no usable identity or has a wildcard in scheme or authority.
    public init?(_ text: String) {
        guard let segments = Self.segments(of: text) else { return nil }
        for (index, segment) in segments.enumerated() where segment.contains("*") {
            let whole = segment == "*" || (segment == "**" && index == segments.count - 1)
            guard whole, index >= 3 else { return nil }
        }
        self.segments = segments
    }

    public func matches(_ uri: String) -> Bool {
        guard let actual = Self.segments(of: uri), !uri.contains("*") else { return false }
        let deep = segments.last == "**"
        guard deep ? actual.count >= segments.count : actual.count == segments.count else { return false }
        return zip(segments, actual).allSatisfy { pattern, segment in
            pattern == segment || pattern == "*" || pattern == "**"
        }
    }

    /// Whether `uri` may serve as an identity at all.
    public static func isUsable(_ uri: String) -> Bool { segments(of: uri) != nil && !uri.contains("*") }

    static let maximumLength = 256

    /// Scheme, "", authority, then path segments: none empty, none `.` or `..`, printable ASCII without `% ? # \`.
    private static func segments(of text: String) -> [Substring]? {
        guard text.utf8.count <= maximumLength,
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && !"%?#\\\"<>^`{|}".utf8.contains($0) })
        else { return nil }
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[0].hasSuffix(":"), parts[0].count > 1, parts[1].isEmpty,
            parts[2...].allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." })
        else { return nil }
        return parts
    }
}
