import RingPolicy
import RingProtocol

/// A question to a policy with the answer that is expected: a line of a site's own tests.
public struct PolicyCase: Sendable {
    public enum Request: Sendable, Equatable {
        case open
        /// Bytes, at a position or at the file's own.
        case read(Int, offset: UInt64?)
        case write(Int, offset: UInt64?)
        /// Named in the device's profile; values by name, or the whole argument as hexadecimal digits.
        case command(String, values: [String: String], argument: String?)
    }
    public enum Expectation: String, Sendable, CaseIterable {
        case allowed
        case denied
        case observed
    }

    /// Line in the file.
    public let line: Int
    /// The URI of the certificate that asks.
    public let identity: String
    /// A file that commands give as DEVICE/PROFILE.
    public let device: String
    public let request: Request
    public let expectation: Expectation
    /// Id of the rule that must decide; nil for any.
    public let rule: String?
}

/// Reads files of `PolicyCase`s. docs/cli.md describes them.
public enum PolicyCases {
    /// Reads the file at `path`.
    public static func load(_ path: String) throws(PolicyErrors) -> [PolicyCase] {
        let source = try SourceText.read(path)
        var report = Report(path)
        let cases = read(source, &report)
        guard report.diagnostics.isEmpty else { throw PolicyErrors(report.diagnostics) }
        return cases
    }

    /// Cases of one file.
    private static let maximum = 10_000

    private static func read(_ source: SourceText, _ report: inout Report) -> [PolicyCase] {
        guard let root = YAMLReader.read(source, &report),
            let items = root.items("the file", maximum: maximum, &report)
        else { return [] }
        return items.compactMap { readCase($0, &report) }
    }

    private static func readCase(_ value: Value, _ report: inout Report) -> PolicyCase? {
        guard var map = MapReader(value, "a case", &report) else { return nil }
        let identity = map.required("as", &report)?.line("a URI", &report)
        let device = map.required("device", &report)?.line("a device", &report)
        let expected = map.required("expect", &report)?.choice(
            "answer", ["allowed": PolicyCase.Expectation.allowed, "denied": .denied, "observed": .observed],
            &report)
        let rule = map.optional("rule").map { $0.line("a rule id", &report) }
        let request = readRequest(&map, value.place, &report)
        map.finish(&report)
        guard let identity, let device, let expected, let request else { return nil }
        return PolicyCase(
            line: value.place.line, identity: identity, device: device, request: request,
            expectation: expected,
            rule: rule ?? nil)
    }

    private static func readRequest(
        _ map: inout MapReader, _ place: Location, _ report: inout Report
    ) -> PolicyCase.Request? {
        let command = map.optional("command"), fields = map.optional("fields")
        let argument = map.optional("argument")
        let read = map.optional("read"), write = map.optional("write"), open = map.optional("open")
        let offset = map.optional("offset").map { $0.number("offset", in: 0...Int128(UInt64.max), &report) }
        let position = (offset ?? nil).map { UInt64($0) }
        let lengths = 1...Int128(Limits.payload)
        guard [command, read, write, open].compactMap(\.self).count == 1 else {
            report.add(
                place, "a case asks for exactly one thing", "write one of: command, read, write, open")
            return nil
        }
        if let misplaced = fields ?? argument, command == nil {
            report.add(misplaced.place, "only commands have an argument", "remove it")
        }
        if let read {
            return read.number("read", in: lengths, &report).map { .read(Int($0), offset: position) }
        }
        if let write {
            return write.number("write", in: lengths, &report).map { .write(Int($0), offset: position) }
        }
        guard let command else { return open?.flag("open", &report) == true ? .open : nil }
        let values = fields.map { readValues($0, &report) } ?? [:]
        let digits = argument.map { $0.line("hexadecimal digits", &report) }
        guard let name = command.line("a command", &report) else { return nil }
        return .command(name, values: values, argument: digits ?? nil)
    }

    /// Values as `ringctl call` takes them.
    private static func readValues(_ value: Value, _ report: inout Report) -> [String: String] {
        guard case .map(let pairs) = value.content else {
            report.add(value.place, "`fields` is a mapping, not \(value.words)", "write {NAME: VALUE, ...}")
            return [:]
        }
        var values: [String: String] = [:]
        for pair in pairs {
            guard let name = pair.key.text, let text = pair.value.text else {
                report.add(pair.value.place, "the value of a field is text or a number", "write it so")
                continue
            }
            values[name] = text
        }
        return values
    }
}
