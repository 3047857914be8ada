import Foundation

/// A program that ran to its end.
public struct ToolRun: Sendable {
    public let status: Int32
    /// Standard output; standard error follows in the order of writing unless it was discarded.
    public let output: String

    public var succeeded: Bool { status == 0 }
}

/// A program ended with a status a test did not expect.
public struct ToolFailure: Error, CustomStringConvertible {
    public let command: [String]
    public let run: ToolRun

    public var description: String {
        "\(command.joined(separator: " ")): status \(run.status)\n\(run.output)"
    }
}

/// The programs tests call.
public enum Tool {
    /// Root of this repository's working copy.
    public static let repository = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

    /// Runs a program, found through PATH when its name has no slash, and waits for it.
    public static func run(
        _ command: [String], in directory: String = repository, discardingErrors: Bool = false
    ) throws -> ToolRun {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = command
        process.currentDirectoryURL = URL(filePath: directory)
        let pipe = Pipe()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = pipe
        process.standardError = discardingErrors ? FileHandle.nullDevice : pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return ToolRun(status: process.terminationStatus, output: String(decoding: output, as: UTF8.self))
    }

    /// Runs a program that must succeed, and returns what it printed.
    @discardableResult
    public static func require(
        _ command: [String], in directory: String = repository, discardingErrors: Bool = false
    ) throws -> String {
        let run = try run(command, in: directory, discardingErrors: discardingErrors)
        guard run.succeeded else { throw ToolFailure(command: command, run: run) }
        return run.output
    }

    /// Runs one of the scripts in `certs/`.
    public static func certs(_ script: String, _ arguments: String...) throws -> ToolRun {
        try run(["\(repository)/certs/\(script)"] + arguments)
    }
}
