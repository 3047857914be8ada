import Foundation
import TestSupport

/// A command of a page with the output that the page shows below it.
struct Transcript: Sendable, CustomStringConvertible {
    /// What most machines do not have; the page says "On a machine with ...:" above such a transcript.
    enum Hardware: String, Sendable {
        case bus = "an I2C bus"
        case chip = "a GPIO chip"
    }

    let page: String
    /// Of the command, counted from 1.
    let line: Int
    var command: String
    var output: [String] = []
    let needs: Hardware?

    var description: String { "\(page):\(line): \(command)" }

    /// All transcripts of a page, in order: what is indented by four columns or fenced, and starts with `$ `.
    static func all(of page: String) throws -> [Transcript] {
        var found: [Transcript] = []
        var (isFenced, isOpen) = (false, false)
        var heading = ""
        for (index, line) in try lines(of: page).enumerated() {
            if line.hasPrefix("```") {
                (isFenced, isOpen) = (!isFenced, false)
            } else if let code = isFenced ? line : line.indented {
                if code.hasPrefix("$ ") {
                    let needs = try hardware(under: heading)
                    found.append(
                        Transcript(
                            page: page, line: index + 1, command: String(code.dropFirst(2)), needs: needs))
                    isOpen = true
                } else if isOpen, found[found.endIndex - 1].isContinued {
                    found[found.endIndex - 1].command += "\n" + code
                } else if isOpen {
                    found[found.endIndex - 1].output.append(code)
                }
            } else {
                isOpen = false
                if !line.isEmpty { heading = line }
            }
        }
        return found
    }

    static func lines(of page: String) throws -> [String] {
        try String(contentsOfFile: "\(Tool.repository)/\(page)", encoding: .utf8)
            .components(separatedBy: "\n")
    }

    private var isContinued: Bool { output.isEmpty && command.hasSuffix("\\") }

    private static func hardware(under heading: String) throws -> Hardware? {
        guard let match = heading.wholeMatch(of: /On a machine with (.*):/) else { return nil }
        guard let hardware = Hardware(rawValue: String(match.1)) else {
            throw UnknownHardware(words: heading)
        }
        return hardware
    }
}

struct UnknownHardware: Error {
    let words: String
}

extension Transcript {
    /// Whether this is the output: `...` is anything within a line, or alone in its line any lines. Columns
    /// may be set apart by tabs or spaces.
    /// The numbers of an `explain` are those of this run, and go to `names`.
    func matches(_ actual: String, naming names: inout [String: String]) throws -> Bool {
        var pattern = ""
        var numbers: [String] = []
        for line in output {
            guard line.trimmingCharacters(in: .whitespaces) != "..." else {
                pattern += "(?:.*\n)*"
                continue
            }
            var words = NSRegularExpression.escapedPattern(for: line.evenlySpaced)
                .replacingOccurrences(of: "\\.\\.\\.", with: ".*")
            if let match = line.firstMatch(of: Self.explained) {
                numbers.append(String(match.1))
                words = words.replacingOccurrences(of: String(match.1), with: "([0-9]+:[0-9]+)")
            }
            pattern += words + "\n"
        }
        // A terminal's line ends are one Character, which "\n" does not find.
        var text = actual.replacingOccurrences(of: "\r\n", with: "\n").components(separatedBy: "\n").map(
            \.evenlySpaced
        ).joined(separator: "\n")
        if !text.isEmpty, !text.hasSuffix("\n") { text += "\n" }
        let whole = NSRange(text.startIndex..., in: text)
        let match = try NSRegularExpression(pattern: "\\A" + pattern + "\\z").firstMatch(
            in: text, range: whole)
        guard let match else { return false }
        for (index, number) in numbers.enumerated() {
            if let range = Range(match.range(at: index + 1), in: text) { names[number] = String(text[range]) }
        }
        return true
    }

    private static var explained: Regex<(Substring, Substring)> { /ringctl explain ([0-9]+:[0-9]+)/ }
}

extension String {
    fileprivate var indented: String? { hasPrefix("    ") ? String(dropFirst(4)) : nil }

    /// A line without space at its end and with one blank for each other space.
    fileprivate var evenlySpaced: String {
        replacing(/[ \t\r]+$/, with: "").replacing(/[ \t]+/, with: " ")
    }
}
