import Foundation

/// A record of the audit log as it is read. Members that a kind does not have are nil.
struct AuditRecordView: Decodable {
    struct Command: Decodable {
        let request: UInt64
        let operation: String
        let device: String?
        let slot: UInt16?
        let lease: UInt64?
        let command: String?
        let code: UInt32?
        let effect: String?
        let rule: String?
        let arguments: [String: JSONInteger]?
        let bytes: Int?
        let document: String?
    }

    let seq: UInt64
    let time: String
    let type: String
    let session: UInt64?
    let identity: String?
    let principals: String?
    let peer: String?
    let request: UInt64?
    let device: String?
    let lease: UInt64?
    let operation: String?
    let command: String?
    let code: UInt32?
    let rule: String?
    let text: String?
    let result: Int32?
    let ran: Bool?
    let nanoseconds: UInt64?
    let count: UInt64?
    let commands: [Command]?
    let procedure: String?
    let why: String?
    let revision: String?
    let by: String?
    let of: UInt64?
    let key: String?
    let recovered: Int?
    let records: Int?
    let reason: String?
    let hash: String

    init(_ line: ArraySlice<UInt8>) throws { self = try JSONDecoder().decode(Self.self, from: Data(line)) }

    /// All devices that it is about.
    var devices: Set<String> { Set(([device] + (commands ?? []).map(\.device)).compactMap(\.self)) }
    var requests: Set<UInt64> { Set(([request] + (commands ?? []).map(\.request)).compactMap(\.self)) }

    // MARK: For people

    /// Number, time, kind, who, and what.
    var line: String {
        let who = identity.map { " \($0)" + (session.map { " (\($0))" } ?? "") } ?? ""
        let what = words
        return "\(seq) \(time) \(type)\(who)" + (what.isEmpty ? "" : ": \(what)")
    }

    private var words: String {
        switch type {
        case "intent": (commands ?? []).map(\.words).joined(separator: " + ")
        case "result", "open": outcome
        case "read": (commands ?? []).map(\.words).joined() + ": result \(result ?? 0)"
        case "denied": "\(count ?? 0) times \(subject): \(text ?? "more kinds than are told apart")"
        case "reads": "\(count ?? 0) times \(subject)"
        case "session": "from \(peer ?? "") as \(principals ?? "")"
        case "lease": "\(device ?? "") epoch \(lease ?? 0)"
        case "lease-end": "\(device ?? "") epoch \(lease ?? 0), \(why ?? "")"
        case "release": "\(device ?? "") by \(procedure ?? "")"
        case "policy": "revision \(revision?.prefix(12) ?? "") by \(by ?? "")"
        case "begin":
            "revision \(revision?.prefix(12) ?? ""), key \(key?.prefix(12) ?? "")"
                + ((recovered ?? 0) > 0 ? ", \(recovered ?? 0) bytes of an unfinished record set aside" : "")
        case "checkpoint": "vouches for all up to \(of ?? 0)"
        case "missing": "\(records ?? 0) records: \(reason ?? "")"
        default: ""
        }
    }

    private var outcome: String {
        var words = "#\(request ?? 0) \(device ?? "")" + (command.map { " \($0)" } ?? "")
        words += ": " + (ran == false ? "did not run, " : "") + "result \(result ?? 0)"
        return words + (nanoseconds.map { ", \($0) ns" } ?? "")
    }

    private var subject: String {
        let code = code.map { "0x" + String($0, radix: 16) }
        return [device, operation, command ?? code].compactMap(\.self).filter { !$0.isEmpty }.joined(
            separator: " ")
    }

    /// The head of a table with one row for each command of an intent, and one for every other record.
    static let columns = [
        "seq", "time", "type", "session", "identity", "request", "device", "operation", "command", "code",
        "effect",
        "rule", "arguments", "result", "ran", "count", "text",
    ]

    var rows: [[String]] {
        let head = ["\(seq)", time, type, Self.cell(session), identity ?? ""]
        if let commands, !commands.isEmpty {
            return commands.map { head + $0.cells + ["", "", "", ""] }
        }
        let rest = [
            Self.cell(request), device ?? "", operation ?? "", command ?? "", Self.cell(code), "", rule ?? "",
            "",
            Self.cell(result), Self.cell(ran), Self.cell(count), text ?? why ?? reason ?? "",
        ]
        return [head + rest]
    }

    fileprivate static func cell(_ value: (some CustomStringConvertible)?) -> String {
        value?.description ?? ""
    }
}

extension AuditRecordView.Command {
    fileprivate var words: String {
        var words = ["#\(request)", device, operation == "command" ? command : operation].compactMap(\.self)
        words += (arguments ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        if operation == "write" { words.append("\(bytes ?? 0) bytes") }
        if let document, !document.isEmpty { words.append(document) }
        if let rule, !rule.isEmpty { words.append("(rule \(rule))") }
        return words.joined(separator: " ")
    }

    fileprivate var cells: [String] {
        let values = (arguments ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return [
            "\(request)", device ?? "", operation, command ?? "", AuditRecordView.cell(code), effect ?? "",
            rule ?? "",
            values.joined(separator: " "),
        ]
    }
}
