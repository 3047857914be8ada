/// What was given for one place of an argument: its own value, or values for what lies inside.
struct ArgumentNode {
    var text: String?
    var members: [String: ArgumentNode] = [:]

    /// Parts of one path: more than any description has levels.
    static let maximumDepth = 16

    init() {}

    /// From dotted paths: `msgs.0.addr`.
    init(_ values: [String: String]) throws(FieldError) {
        // Sorted, so that of several errors always the same one is reported.
        for (path, text) in values.sorted(by: { $0.key < $1.key }) {
            let parts = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
            guard parts.count <= Self.maximumDepth, !parts.contains("") else {
                throw .unknown(path, known: [])
            }
            insert(text, at: parts[...])
        }
    }

    var isEmpty: Bool { text == nil && members.isEmpty }

    private mutating func insert(_ text: String, at parts: ArraySlice<String>) {
        guard let first = parts.first else {
            self.text = text
            return
        }
        members[first, default: ArgumentNode()].insert(text, at: parts.dropFirst())
    }

    /// What was given for the elements of a list of at most `maximum`, from the first on: by index, or as
    /// `[1, 2, 3]` where the elements are values.
    func elements(_ path: String, maximum: Int) throws(FieldError) -> [ArgumentNode] {
        if let text {
            guard text.hasPrefix("["), text.hasSuffix("]"), text.count > 1, members.isEmpty else {
                throw .unwanted(path, why: "it has elements; write \(path).0... or \(path)=[...]")
            }
            let items = text.dropFirst().dropLast().split(separator: ",", omittingEmptySubsequences: false)
            let isEmpty = items.count == 1 && items[0].allSatisfy { $0 == " " }
            let values = isEmpty ? [] : items.map { String($0.trimming(" ")) }
            guard values.count <= maximum else {
                throw .tooMany(field: path, count: values.count, maximum: maximum)
            }
            return values.map { ArgumentNode(text: $0) }
        }
        var elements: [ArgumentNode] = []
        for (name, node) in members.sorted(by: { $0.key < $1.key }) {
            guard let index = Int(name), index >= 0, String(index) == name else {
                throw .unknown("\(path).\(name)", known: ["\(path).0"])
            }
            guard index < maximum else {
                throw .tooMany(field: path, count: index == .max ? index : index + 1, maximum: maximum)
            }
            while elements.count <= index { elements.append(ArgumentNode()) }
            elements[index] = node
        }
        return elements
    }

    private init(text: String) { self.text = text }
}

extension Substring {
    fileprivate func trimming(_ character: Character) -> Substring {
        var rest = self
        while rest.first == character { rest.removeFirst() }
        while rest.last == character { rest.removeLast() }
        return rest
    }
}
