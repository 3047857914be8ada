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
    static func bytes(_ bytes: [UInt8]) {
        FileHandle.standardOutput.write(Data(bytes))
    }

    static func standardError(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }

    /// One line.
    static func complain(_ text: String) {
        standardError("ringctl: " + text.split(whereSeparator: \.isNewline).joined(separator: " ") + "\n")
    }

    /// One line of JSON: the value's own keys and `"version": 1`.
    static func json(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        bytes(Array(try encoder.encode(Versioned(value: value))) + [UInt8(ascii: "\n")])
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
