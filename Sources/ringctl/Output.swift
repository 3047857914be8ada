import ArgumentParser
import Foundation

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
}

struct OutputOptions: ParsableArguments {
    @Option(name: [.customShort("o"), .customLong("output")], help: "text or json.")
    var format = OutputFormat.text
}

/// Where output goes: results to standard output, complaints to standard error.
enum Output {
    /// Throws when nobody reads any more or the disk is full; the non-throwing write would trap.
    static func bytes(_ bytes: [UInt8]) throws {
        try FileHandle.standardOutput.write(contentsOf: Data(bytes))
    }

    /// One line of results, there at once for a program that waits for it: print keeps it until there is more.
    static func line(_ text: String) throws { try bytes(Array((text + "\n").utf8)) }

    static func standardError(_ text: String) {
        // There is nowhere left to complain about a failure of this.
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }

    /// One line.
    static func complain(_ text: String) {
        standardError("ringctl: " + text.split(whereSeparator: \.isNewline).joined(separator: " ") + "\n")
    }

    /// One line of JSON: the value's own keys and `"version": 1`.
    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try bytes(Array(encoder.encode(Versioned(value: value))) + [UInt8(ascii: "\n")])
    }
}

/// Adds the version of the output's shape, so that a script can tell when it changes.
private struct Versioned<Value: Encodable>: Encodable {
    enum Key: CodingKey {
        case version
    }

    let value: Value

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(1, forKey: .version)
        try value.encode(to: encoder)
    }
}
