import Foundation

/// An example of JSON as docs/administration.md writes it: `"key"?:` may be absent, `...` repeats, and words
/// in capitals stand for values.
struct DocumentedJSON: CustomStringConvertible {
    let description: String
    private let value: [String: Any]

    /// All examples that a page shows, indented or between backquotes.
    static func all(of page: String) throws -> [DocumentedJSON] {
        let lines = try Transcript.lines(of: page)
        var texts: [String] = []
        for line in lines where line.hasPrefix("    ") {
            let text = line.trimmingCharacters(in: .whitespaces)
            if text.hasPrefix("{\"") {
                texts.append(text)
            } else if !texts.isEmpty {
                texts[texts.endIndex - 1] += text
            }
        }
        let prose = lines.filter { !$0.hasPrefix("    ") }.joined(separator: "\n")
        texts += prose.matches(of: /`({"[^`]*})`/).map { String($0.1) }
        return try texts.map(DocumentedJSON.init)
    }

    init(_ text: String) throws {
        description = text
        let plain = text.replacing(/\s+/, with: " ").replacing(/"\?:/, with: "?\":")
            .replacing(/("\w+")( \| "\w+")+/) { $0.1 }
            .replacing(/, ?\.\.\./, with: "").replacing("{...}", with: "{}").replacing(
                ": ...", with: ": VALUE"
            )
            // A string stays as it is; a word in capitals outside of one becomes one.
            .replacing(/"[^"]*"|[A-Z]+( or [A-Z]+)*/) { match in
                match.0.hasPrefix("\"") ? String(match.0) : "\"\(match.0)\""
            }
        guard let value = try JSONSerialization.jsonObject(with: Data(plain.utf8)) as? [String: Any] else {
            throw CocoaError(.propertyListReadCorrupt)
        }
        self.value = value
    }

    func hasKeys(_ keys: String...) -> Bool { keys.allSatisfy { value[$0] != nil || value["\($0)?"] != nil } }

    /// What is not as in the example: keys that are not in it, keys that it says are always there.
    func differences(from actual: Any) -> [String] { Self.differences(value, actual, at: "") }

    private static func differences(_ example: Any, _ actual: Any, at path: String) -> [String] {
        if let example = example as? [String: Any] {
            // `{...}` has any keys.
            guard !example.isEmpty else { return [] }
            guard let actual = actual as? [String: Any] else { return ["\(path) is no object"] }
            let missing = example.keys.filter { !$0.hasSuffix("?") && actual[$0] == nil }
            return missing.map { "\(path).\($0) is missing" }
                + actual.flatMap { key, value in
                    guard let example = example[key] ?? example["\(key)?"] else {
                        return ["\(path).\(key) is not documented"]
                    }
                    return differences(example, value, at: "\(path).\(key)")
                }
        }
        guard let example = example as? [Any] else { return [] }
        guard let actual = actual as? [Any], let first = example.first else { return ["\(path) is no list"] }
        return actual.flatMap { differences(first, $0, at: "\(path)[]") }
    }
}
