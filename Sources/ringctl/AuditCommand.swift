import ArgumentParser
import Foundation
import RingAudit

/// The audit log of a gateway, read from its directory: on the gateway's host, or wherever a copy of it is.
struct AuditCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Reads and verifies the audit log of a gateway (docs/audit.md).",
        subcommands: [AuditTail.self, AuditQuery.self, AuditVerify.self, AuditHead.self, AuditExport.self])
}

struct AuditDirectoryArgument: ParsableArguments {
    @Argument(help: "Directory of the log, or of a copy.") var directory: String

    /// All records that are whole, in order. A last line that is being written is left out.
    func forEachLine(_ body: (ArraySlice<UInt8>) throws -> Void) throws {
        for file in try files() {
            for line in AuditLines(try AuditFiles.read(file)) where line.last == UInt8(ascii: "\n") {
                try body(line)
            }
        }
    }

    func files() throws -> [String] {
        let files = try AuditFiles.list(in: directory)
        guard !files.isEmpty else {
            throw UsageFailure(description: "\(directory): there is no audit log (files audit-N.jsonl)")
        }
        return files
    }
}

/// Which records are meant.
struct AuditFilter: ParsableArguments {
    @Option(help: "Only about this device.") var device: String?
    @Option(help: "Only of clients whose identity contains this.") var identity: String?
    @Option(help: "Only of this session.") var session: UInt64?
    @Option(help: "Only about this request of the session.") var request: UInt64?
    @Option(help: "Only of this type, such as intent, result or denied; may be given again.") var type:
        [String] = []
    @Option(help: "Only from this time on, such as 2026-11-29T10:00 (UTC).") var since: String?
    @Option(help: "Only before this time.") var until: String?

    func validate() throws {
        let known = AuditRecord.Kind.allCases.map(\.rawValue)
        for type in type where !known.contains(type) {
            throw ValidationError("--type \(type): the types are \(known.joined(separator: ", "))")
        }
        let form = /[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}(:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?)?Z?)?)?)?/
        for time in [since, until].compactMap(\.self) where time.wholeMatch(of: form) == nil {
            throw ValidationError(
                "`\(time)`: write a time in UTC as 2026-11-29T10:00:00, or the beginning of one")
        }
    }

    func isMeant(_ record: AuditRecordView) -> Bool {
        (device.map(record.devices.contains) ?? true)
            && (identity.map { record.identity?.contains($0) ?? false } ?? true)
            && (session.map { record.session == $0 } ?? true)
            && (request.map(record.requests.contains) ?? true)
            && (type.isEmpty || type.contains(record.type))
            // Times have one form, so that the order of their text is theirs; a beginning comes before what it begins.
            && (since.map { record.time >= Self.bare($0) } ?? true)
            && (until.map { record.time < Self.bare($0) } ?? true)
    }

    private static func bare(_ time: String) -> String {
        time.hasSuffix("Z") ? String(time.dropLast()) : time
    }
}

/// Prints a record.
private func show(_ line: ArraySlice<UInt8>, _ record: AuditRecordView, _ output: OutputOptions) throws {
    switch output.format {
    case .json: try Output.bytes(Array(line))
    // What clients call themselves and send is in it.
    case .text: try Output.bytes(Array((record.line.printable + "\n").utf8))
    }
}

struct AuditTail: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "The last records; with --follow, those that come as well.")

    @OptionGroup var log: AuditDirectoryArgument
    @OptionGroup var filter: AuditFilter
    @OptionGroup var output: OutputOptions
    @Option(name: .short, help: "How many.") var n = 10
    @Flag(name: .shortAndLong, help: "Go on until interrupted.") var follow = false

    /// Nanoseconds between looks for more.
    private static let interval: UInt64 = 200_000_000

    func run() async throws {
        var reader = AuditReader(directory: log.directory)
        var kept: [(line: [UInt8], record: AuditRecordView)] = []
        _ = try log.files()
        try reader.forEachNew { line in
            let record = try AuditRecordView(line)
            guard filter.isMeant(record) else { return }
            kept.append((Array(line), record))
            if kept.count > max(n, 0) { kept.removeFirst() }
        }
        for (line, record) in kept { try show(line[...], record, output) }
        while follow {
            try await Task.sleep(nanoseconds: Self.interval)
            try reader.forEachNew { line in
                let record = try AuditRecordView(line)
                if filter.isMeant(record) { try show(line, record, output) }
            }
        }
    }
}

/// Reads a log that grows.
private struct AuditReader {
    let directory: String
    private var file = ""
    /// Bytes of the file that were read.
    private var position: UInt64 = 0

    init(directory: String) { self.directory = directory }

    /// All whole lines since the last time.
    mutating func forEachNew(_ body: (ArraySlice<UInt8>) throws -> Void) throws {
        for next in try AuditFiles.list(in: directory) where next >= file {
            if next != file { (file, position) = (next, 0) }
            let handle = try FileHandle(forReadingFrom: URL(filePath: file))
            try handle.seek(toOffset: position)
            for line in AuditLines(Array(try handle.readToEnd() ?? Data()))
            where line.last == UInt8(ascii: "\n") {
                position += UInt64(line.count)
                try body(line)
            }
        }
    }
}

struct AuditQuery: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query", abstract: "The records that are meant, oldest first.",
        discussion: "Exit code 1 when there are none.")

    @OptionGroup var log: AuditDirectoryArgument
    @OptionGroup var filter: AuditFilter
    @OptionGroup var output: OutputOptions

    func run() throws {
        var isFound = false
        try log.forEachLine { line in
            let record = try AuditRecordView(line)
            guard filter.isMeant(record) else { return }
            isFound = true
            try show(line, record, output)
        }
        if !isFound { throw ExitCode(ExitStatus.device.rawValue) }
    }
}

struct AuditHead: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "head",
        abstract: "Number and hash of the last record, to be kept elsewhere for `audit verify`.")

    @OptionGroup var log: AuditDirectoryArgument

    func run() throws {
        var last: AuditRecordView?
        for file in try log.files().reversed() where last == nil {
            for line in AuditLines(try AuditFiles.read(file)) where line.last == UInt8(ascii: "\n") {
                last = try AuditRecordView(line)
            }
        }
        guard let last else { throw UsageFailure(description: "\(log.directory): there is no record yet") }
        try Output.bytes(Array("\(last.seq):\(last.hash)\n".utf8))
    }
}

struct AuditExport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "The records as a table: CSV (RFC 4180), one row for each command of an intent.")

    @OptionGroup var log: AuditDirectoryArgument
    @OptionGroup var filter: AuditFilter

    func run() throws {
        try Self.write(AuditRecordView.columns)
        try log.forEachLine { line in
            let record = try AuditRecordView(line)
            if filter.isMeant(record) { for row in record.rows { try Self.write(row) } }
        }
    }

    private static func write(_ cells: [String]) throws {
        let quoted = cells.map { cell in
            let isPlain = cell.utf8.allSatisfy {
                $0 > 0x20 && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "\"")
            }
            // What a table calculator would take for a formula is what a client called itself or its device.
            let isFormula = cell.first.map { "=+-@".contains($0) } ?? false && Int64(cell) == nil
            let text = (isFormula ? "'" + cell : cell).printable
            return isPlain && !isFormula ? text : "\"" + text.replacing("\"", with: "\"\"") + "\""
        }
        try Output.bytes(Array((quoted.joined(separator: ",") + "\r\n").utf8))
    }
}
