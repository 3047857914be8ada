import RingPolicy

/// Reads the list of certificates that are not let in: a file of its own, because it must be changed in a hurry.
///
///     version: 1
///     denied:
///       - {serial: "7a0b44...", reason: laptop stolen}
///       - {spki: "sha256:9f86...", reason: key was in a log}
extension DenyList {
    /// Throws with every error of the file, each with its place.
    public static func load(_ path: String) throws(PolicyErrors) -> DenyList {
        try SourceText.load(path, read)
    }

    /// Reads what is already in memory.
    public static func load(_ source: SourceText) throws(PolicyErrors) -> DenyList { try source.load(read) }

    private static func read(_ source: SourceText, _ report: inout Report) -> DenyList? {
        guard let root = YAMLReader.read(source, &report), var map = MapReader(root, "a deny list", &report)
        else { return nil }
        let version = map.required("version", &report)?.number("version", in: 1...1, &report)
        let items = map.optional("denied")?.items("denied", maximum: FileLimits.denied, &report) ?? []
        map.finish(&report)
        guard version != nil else { return nil }
        var serials: [String: String] = [:]
        var keys: [[UInt8]: String] = [:]
        for item in items {
            guard var entry = MapReader(item, "a denied certificate", &report) else { continue }
            let serial = entry.optional("serial")
            let key = entry.optional("spki")
            let reason = entry.optional("reason")?.line("a reason", &report) ?? "no reason given"
            entry.finish(&report)
            switch (serial, key) {
            case (let serial?, nil):
                if let digits = digits(serial, &report) { serials[digits] = reason }
            case (nil, let key?):
                if let hash = PrincipalReader.keyHash(key, &report) { keys[hash] = reason }
            default:
                report.add(
                    item.place, "a denied certificate is known in exactly one way",
                    "write either `serial` or `spki`")
            }
        }
        return DenyList(serials: serials, keys: keys)
    }

    /// As `openssl x509 -serial` prints it, with or without colons.
    private static func digits(_ value: Value, _ report: inout Report) -> String? {
        let text = (value.text ?? "").filter { $0 != ":" }
        guard !text.isEmpty, text.count <= 40, text.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
            report.add(
                value.place, "\(value.words) is no serial number",
                "write its hexadecimal digits in quotes, as `openssl x509 -noout -serial` shows them")
            return nil
        }
        return canonical(text)
    }
}
