/// The one layout of a policy or profile file: what `ringctl policy fmt` writes.
///
/// Two spaces a level, no white space at the end of a line, at most one blank line between two others and
/// exactly one between the sections of the top level. Comments, the order of keys, and how values are
/// written stay as they are.
public enum PolicyFormat {
    /// The text in that layout; formatting it again changes nothing.
    ///
    /// Throws what is wrong with a text that is not YAML or has tabs. Where another layout would change
    /// what the text says, as inside a block of literal text, the lines stay as they are.
    public static func format(_ source: SourceText) throws(PolicyErrors) -> String {
        var report = Report(source.path)
        guard let text = source.text(&report), let meaning = YAMLReader.read(source, &report) else {
            throw PolicyErrors(report.diagnostics)
        }
        let lines = LineScanner.scan(text)
        for line in lines {
            guard let tab = line.tab else { continue }
            report.add(
                Location(line: line.number, column: tab), "a tab, which is as wide as each editor likes",
                "use spaces")
        }
        guard report.diagnostics.isEmpty else { throw PolicyErrors(report.diagnostics) }
        for layout in [LineLayout.Extent.all, .spaces] {
            let formatted = LineLayout.apply(lines, layout)
            var check = Report(source.path)
            let read = YAMLReader.read(SourceText(path: source.path, text: formatted), &check)
            // A second pass must find nothing left to do, or the layout would depend on how often it is
            // applied.
            if let read, read.saysTheSame(as: meaning),
                LineLayout.apply(LineScanner.scan(formatted), layout) == formatted
            {
                return formatted
            }
        }
        return text
    }
}

extension Value {
    /// Whether both are the same, wherever they stand.
    func saysTheSame(as other: Value) -> Bool {
        switch (content, other.content) {
        case (.text(let text, let isQuoted), .text(let otherText, let isOtherQuoted)):
            return text == otherText && isQuoted == isOtherQuoted
        case (.list(let items), .list(let others)):
            return items.count == others.count && zip(items, others).allSatisfy { $0.saysTheSame(as: $1) }
        case (.map(let pairs), .map(let others)):
            return pairs.count == others.count
                && zip(pairs, others).allSatisfy {
                    $0.key.saysTheSame(as: $1.key) && $0.value.saysTheSame(as: $1.value)
                }
        default: return false
        }
    }
}

/// A line with what a layout has to know of it.
struct ScannedLine {
    let number: Int
    /// Without spaces at both ends.
    let text: String
    /// Spaces in front.
    let indent: Int
    /// Column of the first tab, if there is one.
    let tab: Int?
    /// Whether it goes on with brackets or quotes that an earlier line opened.
    let isContinuation: Bool

    var isBlank: Bool { text.isEmpty }
    var isComment: Bool { text.hasPrefix("#") && !isContinuation }
}

/// Splits a text into lines and follows its brackets and quotes.
struct LineScanner {
    private var depth = 0
    private var quote: Character?

    static func scan(_ text: String) -> [ScannedLine] {
        var scanner = LineScanner()
        // In Swift CR LF is one character, and a new line.
        return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated().map {
            scanner.line($1, number: $0 + 1)
        }
    }

    private mutating func line(_ line: Substring, number: Int) -> ScannedLine {
        let isContinuation = depth > 0 || quote != nil
        let body = line.drop { $0 == " " }
        let indent = line.count - body.count
        let text = body.reversed().drop { $0 == " " || $0 == "\t" }.reversed()
        let tab = text.firstIndex(of: "\t").map { indent + text.distance(from: text.startIndex, to: $0) + 1 }
        follow(String(text))
        return ScannedLine(
            number: number, text: String(text), indent: indent, tab: tab, isContinuation: isContinuation)
    }

    private mutating func follow(_ text: String) {
        var previous: Character = " "
        var isEscaped = false
        for character in text {
            defer { previous = character }
            if let open = quote {
                if isEscaped {
                    isEscaped = false
                } else if character == "\\", open == "\"" {
                    isEscaped = true
                } else if character == open {
                    quote = nil
                }
                continue
            }
            switch character {
            case "#" where previous == " ": return
            case "[", "{": if depth > 0 || " ,:[{".contains(previous) { depth += 1 }
            case "]", "}": depth = max(0, depth - 1)
            case "\"", "'": if " ,:[{".contains(previous) { quote = character }
            default: break
            }
        }
    }
}

/// Puts lines where they belong.
enum LineLayout {
    enum Extent {
        case all
        /// Only the spaces at the ends of lines.
        case spaces
    }

    static func apply(_ lines: [ScannedLine], _ extent: Extent) -> String {
        let indents = extent == .all ? indents(lines) : lines.map(\.indent)
        var result: [String] = []
        var comments = 0
        for (line, indent) in zip(lines, indents) {
            if line.isBlank {
                comments = 0
                if extent == .spaces || !(result.last?.isEmpty ?? true) { result.append("") }
                continue
            }
            // Comments right above a section belong to it, so the blank line goes above them.
            let startsSection =
                indent == 0 && !line.isContinuation && !line.isComment && !line.text.hasPrefix("-")
            let above = result.count - comments
            if extent == .all, startsSection, above > 0, !result[above - 1].isEmpty {
                result.insert("", at: above)
            }
            comments = line.isComment && indent == 0 ? comments + 1 : 0
            result.append(String(repeating: " ", count: indent) + spacedDash(line, extent))
        }
        while result.last?.isEmpty == true { result.removeLast() }
        return result.map { $0 + "\n" }.joined()
    }

    /// One space behind the dash of an item.
    private static func spacedDash(_ line: ScannedLine, _ extent: Extent) -> String {
        guard extent == .all, !line.isContinuation, line.text.hasPrefix("- ") else { return line.text }
        return "- " + line.text.dropFirst(2).drop { $0 == " " }
    }

    /// Where each line starts: two spaces for each level that is open, comments as the line they stand
    /// above, and lines that go on with another one moved along with it.
    private static func indents(_ lines: [ScannedLine]) -> [Int] {
        var indents = lines.map(\.indent)
        var levels: [Int] = []
        var shift = 0
        for (index, line) in lines.enumerated() where !line.isBlank && !line.isComment {
            if line.isContinuation {
                indents[index] = max(0, line.indent + shift)
                continue
            }
            levels.removeAll { $0 > line.indent }
            if levels.last != line.indent { levels.append(line.indent) }
            indents[index] = 2 * (levels.count - 1)
            shift = indents[index] - line.indent
            if line.text.hasPrefix("- ") {
                let content = line.text.dropFirst(2).drop { $0 == " " }
                levels.append(line.indent + line.text.count - content.count)
            }
        }
        var next = 0
        for index in lines.indices.reversed() where !lines[index].isBlank {
            if lines[index].isComment {
                indents[index] = next
            } else if !lines[index].isContinuation {
                next = indents[index]
            }
        }
        return indents
    }
}
