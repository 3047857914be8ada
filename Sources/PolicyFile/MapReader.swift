/// Reads a mapping key by key; what nobody asked for is an error.
struct MapReader {
    private let pairs: [Value.Pair]
    private let place: Location
    private let what: String
    private var known: [String] = []
    /// Keys of earlier versions that have been reported.
    private var reported: Set<String> = []

    /// nil after reporting when the value is no mapping, or an empty one.
    init?(_ value: Value, _ what: String, _ report: inout Report) {
        guard case .map(let pairs) = value.content else {
            report.add(value.place, "\(what) is a mapping, not \(value.words)", "write `key: value` pairs")
            return nil
        }
        guard !pairs.isEmpty else {
            report.add(value.place, "\(what) is empty", "fill it in or remove it")
            return nil
        }
        self.pairs = pairs
        place = value.place
        self.what = what
    }

    mutating func optional(_ key: String) -> Value? {
        if !known.contains(key) { known.append(key) }
        return pairs.first { $0.key.text == key }?.value
    }

    mutating func required(_ key: String, _ report: inout Report) -> Value? {
        if let value = optional(key) { return value }
        report.add(place, "\(what) has no `\(key)`", "add `\(key): ...`")
        return nil
    }

    /// Reports a key that is not one any more; `hint` says what to write now.
    mutating func replaced(_ key: String, _ hint: String, _ report: inout Report) {
        guard let pair = pairs.first(where: { $0.key.text == key }) else { return }
        reported.insert(key)
        report.add(pair.key.place, "\(what) has no key `\(key)` any more", hint)
    }

    /// Whether none of `keys` is there, or only with an empty list.
    func lacks(_ keys: [String]) -> Bool {
        !pairs.contains { keys.contains($0.key.text ?? "") && !$0.value.isEmptyList }
    }

    /// Reports every key that was not asked for. Call it once all keys were.
    func finish(_ report: inout Report) {
        for pair in pairs {
            let key = pair.key.text ?? ""
            guard !known.contains(key), !reported.contains(key) else { continue }
            report.add(
                pair.key.place, "\(what) has no key \(pair.key.words)",
                Suggestion.hint(for: key, among: known))
        }
    }
}

/// Things that were defined under names, the ill-defined ones included: a name that is there but wrong is
/// reported once, where it is defined, and not again wherever it is used.
struct Named<Element> {
    let what: String
    private(set) var elements: [(name: String, element: Element?)] = []
    private var positions: [String: Int] = [:]

    init(_ what: String) { self.what = what }

    mutating func add(_ name: String, _ element: Element?) {
        positions[name] = elements.count
        elements.append((name, element))
    }

    /// The element a value names; nil after reporting, or when it was reported at its definition.
    func find(_ value: Value, _ report: inout Report) -> Element? {
        guard let name = value.name(what, &report) else { return nil }
        if let position = positions[name] { return elements[position].element }
        report.add(
            value.place, "there is no \(what) `\(name)`",
            Suggestion.hint(for: name, among: elements.map(\.name)))
        return nil
    }
}

/// What to write instead of a word nobody knows.
enum Suggestion {
    static func hint(for word: String, among known: [String]) -> String {
        let near = known.map { (word: $0, distance: distance($0, word)) }.filter { $0.distance <= 2 }
        if let best = near.min(by: { $0.distance < $1.distance }) { return "did you mean `\(best.word)`?" }
        guard !known.isEmpty else { return "none is defined" }
        let list = known.sorted().prefix(12).joined(separator: ", ")
        return "known: \(list)\(known.count > 12 ? ", ..." : "")"
    }

    /// Levenshtein's distance, for words short enough to be names.
    private static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8.prefix(FileLimits.name))
        let right = Array(right.utf8.prefix(FileLimits.name))
        var row = Array(0...right.count)
        for (line, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = line + 1
            for (column, other) in right.enumerated() {
                let replaced = diagonal + (byte == other ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
            }
        }
        return row[right.count]
    }
}
