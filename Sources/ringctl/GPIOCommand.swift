import ArgumentParser
import Foundation
import RingClient

struct GPIOCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gpio", abstract: "Lines of a GPIO chip.",
        subcommands: [GPIOInfo.self, GPIOGet.self, GPIOSet.self, GPIOWatch.self])
}

struct GPIOInfo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "The chip and its lines; all of them unless some are given.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var waiting: WaitOptions
    @Argument var device: String
    @Argument var lines: [Int] = []

    private struct Line: Encodable {
        let line: Int
        let name, consumer: String
        let used, output: Bool
    }
    private struct Report: Encodable {
        let name, label: String
        let lines: [Line]
    }

    func run() async throws {
        try await connection.withDevice(device, waiting) { opened in
            let chip = GPIOChip(opened)
            let info = try await chip.info()
            var report: [Line] = []
            for offset in lines.isEmpty ? Array(0..<min(info.lines, 1024)) : lines {
                let line = try await chip.line(offset)
                report.append(
                    Line(
                        line: offset, name: line.name, consumer: line.consumer, used: line.isUsed,
                        output: line.isOutput))
            }
            if output.format == .json {
                return try Output.json(Report(name: info.name, label: info.label, lines: report))
            }
            print("\(info.name)\t\(info.label)\t\(info.lines) lines".printable)
            for line in report {
                let use = line.used ? "used by \(line.consumer)" : "free"
                print("\(line.line)\t\(line.name)\t\(line.output ? "output" : "input")\t\(use)".printable)
            }
        }
    }
}

struct GPIOGet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get", abstract: "The values of lines, taken as inputs.",
        discussion: "Prints LINE=VALUE, with 1 for active.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var waiting: WaitOptions
    @Argument var device: String
    @Argument var lines: [Int]

    private struct Report: Encodable {
        let values: [String: Int]
    }

    func run() async throws {
        try await connection.withDevice(device, waiting) { opened in
            let values = try await GPIOChip(opened).request(lines, .input).values()
            if output.format == .json {
                let pairs = zip(lines, values).map { ("\($0)", $1 ? 1 : 0) }
                return try Output.json(Report(values: Dictionary(pairs) { first, _ in first }))
            }
            print(zip(lines, values).map { "\($0)=\($1 ? 1 : 0)" }.joined(separator: " "))
        }
    }
}

struct GPIOSet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Drives lines and keeps them.",
        discussion: """
            The lines are kept until the time is over or the program is ended; then they are free and may change. \
            Give each as LINE=0 or LINE=1.
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var waiting: WaitOptions
    @Option(
        name: .customLong("for"),
        help: ArgumentHelp("Keep them so long; unless given, until interrupted.", valueName: "seconds"))
    var duration: Double?
    @Argument var device: String
    @Argument(help: "LINE=0 or LINE=1.") var values: [String]

    private func assignments() throws -> [(line: Int, value: Bool)] {
        try values.map { text in
            let parts = text.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2, let line = Int(parts[0]), ["0", "1"].contains(parts[1]) else {
                throw ValidationError("\"\(text)\" is neither LINE=0 nor LINE=1")
            }
            return (line, parts[1] == "1")
        }
    }

    func validate() throws {
        _ = try assignments()
        if let duration, !(duration > 0 && duration <= 86_400) {
            throw ValidationError("--for must be above 0, at most 86400")
        }
    }

    func run() async throws {
        let wanted = try assignments()
        try await connection.withDevice(device, waiting) { opened in
            let lines = try await GPIOChip(opened).request(wanted.map(\.line), .output(wanted.map(\.value)))
            try await Task.sleep(for: duration.map { .seconds($0) } ?? .seconds(86_400 * 365))
            try await lines.close()
        }
    }
}

extension GPIOChip.Edge: ExpressibleByArgument {}

struct GPIOWatch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Tells the edges of lines as they come.",
        discussion: "Prints the kernel's time in seconds, the line, and rising or falling.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var waiting: WaitOptions
    @Option(help: "rising, falling or both.") var edge = GPIOChip.Edge.both
    @Option(help: "End after so many.") var count: Int?
    @Argument var device: String
    @Argument var lines: [Int]

    func validate() throws {
        if let count, count < 1 { throw ValidationError("--count must be at least 1") }
    }

    private struct Report: Encodable {
        let line: Int
        let edge: String
        let timeNanoseconds: UInt64
        let sequence: UInt32
    }

    func run() async throws {
        try await connection.withDevice(device, waiting) { opened in
            var left = count ?? .max
            for try await event in try await GPIOChip(opened).request(lines, .edges(edge)).events() {
                try show(event)
                left -= 1
                if left == 0 { return }
            }
        }
    }

    private func show(_ event: GPIOLines.Event) throws {
        let edge = event.isRising ? "rising" : "falling"
        if output.format == .json {
            return try Output.json(
                Report(
                    line: event.offset, edge: edge, timeNanoseconds: event.timestamp, sequence: event.sequence
                ))
        }
        let seconds = event.timestamp / 1_000_000_000
        let fraction = String(1_000_000_000 + event.timestamp % 1_000_000_000).dropFirst()
        try Output.bytes(Array("\(seconds).\(fraction)\t\(event.offset)\t\(edge)\n".utf8))
    }
}
