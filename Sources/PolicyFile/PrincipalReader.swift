import RingPolicy

/// The `principals` of a site: who the policy speaks of, and how to know them.
enum PrincipalReader {
    static func read(_ value: Value, _ report: inout Report) -> Named<Principal> {
        var principals = Named<Principal>("principal")
        guard let pairs = value.namedItems("principals", &report) else { return principals }
        var owners: [String: String] = [:]
        for pair in pairs {
            guard let name = pair.key.name("principal", &report) else { continue }
            guard let match = readMatch(pair.value, &report) else {
                principals.add(name, nil)
                continue
            }
            if let owner = owners.updateValue(name, forKey: "\(match)") {
                report.add(
                    pair.value.place, "principal `\(name)` is known by the same as `\(owner)`",
                    "keep one of the two")
            }
            principals.add(name, Principal(name: name, match: match))
        }
        return principals
    }

    private static func readMatch(_ value: Value, _ report: inout Report) -> Principal.Match? {
        guard var map = MapReader(value, "a principal", &report) else { return nil }
        let uri = map.optional("uri")
        let key = map.optional("spki")
        let name = map.optional("common-name")
        let issuer = map.optional("issuer")
        map.finish(&report)
        switch (uri, key, name, issuer) {
        case (let uri?, nil, nil, nil): return readURI(uri, &report)
        case (nil, let key?, nil, nil): return readKeyHash(key, &report)
        case (nil, nil, let name?, let issuer?):
            let name = name.line("common-name", &report, maximum: FileLimits.name)
            let issuer = issuer.line("issuer", &report)
            guard let name, let issuer else { return nil }
            return .commonName(name, issuer: issuer)
        default:
            report.add(
                value.place, "a principal is known in exactly one way",
                "write either `uri`, or `spki`, or `common-name` together with `issuer`")
            return nil
        }
    }

    private static func readURI(_ value: Value, _ report: inout Report) -> Principal.Match? {
        guard let text = value.line("uri", &report) else { return nil }
        guard let pattern = URIPattern(text) else {
            report.add(
                value.place, "\(value.words) is no URI pattern",
                "write scheme://authority/segments in ASCII without % ? #; a whole path segment may be `*`, "
                    + "the last one `**`")
            return nil
        }
        return .uri(pattern)
    }

    private static func readKeyHash(_ value: Value, _ report: inout Report) -> Principal.Match? {
        keyHash(value, &report).map { .keyHash($0) }
    }

    static func keyHash(_ value: Value, _ report: inout Report) -> [UInt8]? {
        let prefix = "sha256:"
        guard let text = value.text, text.hasPrefix(prefix), let hash = bytes(text.dropFirst(prefix.count)),
            hash.count == 32
        else {
            report.add(
                value.place, "\(value.words) is no key hash",
                "write sha256: and the 64 hex digits of the key's hash")
            return nil
        }
        return hash
    }

    private static func bytes(_ hex: Substring) -> [UInt8]? {
        let digits = hex.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count == hex.utf8.count, digits.count % 2 == 0 else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

extension Value {
    /// The pairs of a mapping whose keys are names of the site.
    func namedItems(_ what: String, _ report: inout Report) -> [Pair]? {
        guard case .map(let pairs) = content else {
            report.add(place, "`\(what)` is a mapping, not \(words)", "write `NAME: {...}` lines")
            return nil
        }
        guard !pairs.isEmpty, pairs.count <= FileLimits.names else {
            report.add(place, "`\(what)` has \(pairs.count) names", "write 1 to \(FileLimits.names)")
            return nil
        }
        return pairs
    }
}
