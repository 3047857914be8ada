/// One thing that is wrong in a file, where, and what to do about it.
public struct Diagnostic: Equatable, Sendable, CustomStringConvertible {
    /// The file's path as it was given.
    public let file: String
    /// From 1; 0 when the file as a whole is to blame.
    public let line: Int
    /// From 1, in Unicode scalars; 0 when the file as a whole is to blame.
    public let column: Int
    public let message: String
    public let hint: String

    public init(file: String, line: Int, column: Int, message: String, hint: String) {
        self.file = file
        self.line = line
        self.column = column
        self.message = message
        self.hint = hint
    }

    /// `file:line:column: what is wrong; what to do`, on one line whatever the file contains.
    public var description: String {
        let place = line > 0 ? "\(file):\(line):\(column)" : file
        return Self.printable("\(place): \(message); \(hint)")
    }

    private static func printable(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.properties.generalCategory == .control
            result.append(isControl ? "\u{fffd}" : scalar)
        }
        return String(result)
    }
}

/// Everything found wrong in one run; never empty.
public struct PolicyErrors: Error, Equatable, Sendable, CustomStringConvertible {
    /// By file, then by place.
    public let diagnostics: [Diagnostic]

    init(_ diagnostics: [Diagnostic]) {
        self.diagnostics = diagnostics.sorted {
            ($0.file, $0.line, $0.column) < ($1.file, $1.line, $1.column)
        }
    }

    /// What is wrong with a file as a whole; not empty.
    public init(in file: String, _ flaws: [(message: String, hint: String)]) {
        self.init(
            flaws.map { Diagnostic(file: file, line: 0, column: 0, message: $0.message, hint: $0.hint) })
    }

    /// One diagnostic a line.
    public var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}

/// Collects what is wrong in one file.
struct Report {
    let file: String
    private(set) var diagnostics: [Diagnostic] = []

    init(_ file: String) { self.file = file }

    /// The hint may have to search for what was meant, so it is made only when it is shown.
    mutating func add(_ place: Location, _ message: String, _ hint: @autoclosure () -> String) {
        guard diagnostics.count < FileLimits.diagnostics else { return }
        let diagnostic = Diagnostic(
            file: file, line: place.line, column: place.column, message: message, hint: hint())
        // One command that several devices' profiles lack is one error, not several.
        if !diagnostics.contains(diagnostic) { diagnostics.append(diagnostic) }
    }
}
