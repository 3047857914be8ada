import Yams

/// Text to `Value`: the one place that knows Yams.
///
/// Anchors, aliases and tags are refused, so a value means what stands in its place and nothing expands.
struct YAMLReader {
    private let text: String
    private var report: Report

    /// The value of the file's one document, or nil after reporting why there is none.
    static func read(_ source: SourceText, _ report: inout Report) -> Value? {
        guard let text = source.text(&report) else { return nil }
        var reader = YAMLReader(text: text, report: report)
        defer { report = reader.report }
        return reader.readDocument()
    }

    private init(text: String, report: Report) {
        self.text = text
        self.report = report
    }

    /// Yams gives up at the first repeated key and tells where the *first* of the two is. So that one gets a
    /// tag of ours, which makes it another key for Yams, and the text is read again; the conversion then
    /// finds both, and all other errors of the file with them.
    private mutating func readDocument() -> Value? {
        var marker = DuplicateMarker(text)
        while true {
            do {
                // Without rules nothing is taken for a number or a date: what a scalar means is for the readers.
                let parser = try Parser(yaml: marker.text, resolver: .basic)
                guard let root = try parser.singleRoot() else {
                    report.add(
                        .wholeFile, "the file is empty", "write a mapping that starts with `version: 1`")
                    return nil
                }
                // Nodes refer weakly to their anchors, which the parser owns.
                return withExtendedLifetime(parser) { convert(root, marker, depth: 0) }
            } catch YamlError.duplicatedKeysInMapping(let keys, let context) {
                let place = Location(line: context.mark.line, column: context.mark.column)
                if marker.mark(place) { continue }
                report.add(
                    marker.original(place), "key `\(keys.first ?? "")` is given twice in one mapping",
                    "remove one of the two")
                return nil
            } catch {
                reportSyntax(error, marker)
                return nil
            }
        }
    }

    private mutating func reportSyntax(_ error: any Error, _ marker: DuplicateMarker) {
        let hint =
            "correct the YAML here; text with any of : # [ ] { } , & * ! | > ' \" % @ ` belongs in quotes"
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let words = context.map { "\($0.text) " } ?? ""
            let place = marker.original(Location(line: mark.line, column: mark.column))
            report.add(place, "not YAML: \(words)\(problem)", hint)
        case .reader(let problem, let offset, _, _):
            let place = marker.text.unicodeScalars.place(after: offset ?? 0)
            report.add(marker.original(place), "not YAML: \(problem)", "remove this character")
        default:
            report.add(.wholeFile, "not YAML: \(error)", hint)
        }
    }

    private mutating func convert(_ node: Node, _ marker: DuplicateMarker, depth: Int) -> Value? {
        let mark = node.mark
        let place = marker.original(Location(line: mark?.line ?? 1, column: mark?.column ?? 1))
        guard depth <= FileLimits.depth else {
            report.add(
                place, "nested deeper than \(FileLimits.depth) levels", "use the format of docs/policy.md")
            return nil
        }
        guard Self.anchor(of: node) == nil else {
            report.add(place, "anchors and aliases are not supported", "write the value out where it is used")
            return nil
        }
        guard Self.isPlainTag(node.tag.rawValue) else {
            report.add(place, "tags are not supported", "remove `\(node.tag.rawValue)`")
            return nil
        }
        switch node {
        case .scalar(let scalar):
            return Value(content: .text(scalar.string, isQuoted: scalar.style != .plain), place: place)
        case .sequence(let nodes):
            var items: [Value] = []
            for node in nodes {
                guard let item = convert(node, marker, depth: depth + 1) else { return nil }
                items.append(item)
            }
            return Value(content: .list(items), place: place)
        case .mapping(let pairs):
            return convertPairs(pairs, marker, place, depth: depth + 1)
        case .alias:
            report.add(place, "aliases are not supported", "write the value out")
            return nil
        }
    }

    private mutating func convertPairs(
        _ nodes: Node.Mapping, _ marker: DuplicateMarker, _ place: Location, depth: Int
    ) -> Value? {
        var pairs: [Value.Pair] = []
        var lines: [String: Int] = [:]
        for (key, node) in nodes {
            guard let key = convert(key, marker, depth: depth),
                let value = convert(node, marker, depth: depth)
            else { return nil }
            guard let name = key.text else {
                report.add(key.place, "a key is text, not \(key.words)", "write `key: value`")
                continue
            }
            if let line = lines[name] {
                report.add(
                    key.place, "key `\(name)` is given twice in one mapping, first on line \(line)",
                    "remove one of the two")
                continue
            }
            lines[name] = key.place.line
            pairs.append(Value.Pair(key: key, value: value))
        }
        return Value(content: .map(pairs), place: place)
    }

    private static func anchor(of node: Node) -> Anchor? {
        switch node {
        case .scalar(let scalar): scalar.anchor
        case .sequence(let sequence): sequence.anchor
        case .mapping(let mapping): mapping.anchor
        case .alias(let alias): alias.anchor
        }
    }

    /// Yams resolves what has no tag to one of YAML's own.
    private static func isPlainTag(_ tag: String) -> Bool {
        tag.isEmpty || tag.hasPrefix("tag:yaml.org,2002:") || tag.hasPrefix(DuplicateMarker.tag)
    }
}
