import FoundationEssentials
import RingAudit

/// A record of the audit log as the page shows it (docs/audit.md).
struct RecentRecord: Decodable, Sendable {
    struct Command: Decodable, Sendable {
        let operation: String
        let device: String?
        let command: String?
    }

    let seq: UInt64
    let time: String
    let type: String
    let identity: String?
    let device: String?
    let operation: String?
    let command: String?
    let commands: [Command]?
    let result: Int32?
    let count: UInt64?
    let text: String?
    let why: String?

    /// Records that the page has.
    private static let most = 25
    /// Bytes of the log that are read for them.
    private static let size = 32 << 10
    /// What says nothing of what clients do.
    private static let left: Set = ["checkpoint", "file"]

    /// The newest first; none when the log cannot be read.
    static func latest(in directory: String) -> [RecentRecord] {
        let lines = (try? AuditFiles.tail(of: directory, size: size)) ?? []
        let decoder = JSONDecoder()
        var records: [RecentRecord] = []
        for line in lines.reversed() where records.count < most {
            guard let record = try? decoder.decode(Self.self, from: Data(line)), !left.contains(record.type)
            else {
                continue
            }
            records.append(record)
        }
        return records
    }

    var words: String {
        var words = (commands ?? []).map {
            [$0.device, $0.command ?? $0.operation].compactMap(\.self).joined(separator: " ")
        }
        words.append([device, command ?? operation].compactMap(\.self).joined(separator: " "))
        if let count { words.append("\(count) times") }
        if let result { words.append("result \(result)") }
        words += [text, why].compactMap(\.self)
        return words.filter { !$0.isEmpty }.joined(separator: ", ")
    }
}
