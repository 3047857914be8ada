import Foundation
import RingAudit
import TestSupport
import Testing

/// The audit log of a gateway under test.
final class AuditDirectory: Sendable {
    private let directory: TemporaryDirectory?
    let path: String

    /// One that is removed with its last owner.
    init() {
        directory = try? TemporaryDirectory()
        path = (directory?.path ?? "/nonexistent") + "/audit"
    }

    /// A record as tools read it.
    struct Record {
        let members: [String: Any]
        var type: String { members["type"] as? String ?? "" }
        var request: UInt64? { (members["request"] as? NSNumber)?.uint64Value }
        var result: Int? { (members["result"] as? NSNumber)?.intValue }
        var count: Int? { (members["count"] as? NSNumber)?.intValue }
        var ran: Bool? { members["ran"] as? Bool }
        var commands: [[String: Any]] { members["commands"] as? [[String: Any]] ?? [] }
        func text(_ name: String) -> String? { members[name] as? String }
    }

    /// What is in the files now, without a last line that is being written.
    func records() throws -> [Record] {
        try AuditFiles.list(in: path).flatMap { file in
            try AuditLines(AuditFiles.read(file)).filter { $0.last == UInt8(ascii: "\n") }.map { line in
                let object = try JSONSerialization.jsonObject(with: Data(line))
                return Record(members: object as? [String: Any] ?? [:])
            }
        }
    }

    func records(_ type: String) -> [Record] { ((try? records()) ?? []).filter { $0.type == type } }

    /// The records of a type, once there are so many.
    func awaited(_ type: String, _ count: Int = 1) -> [Record] {
        _ = eventually { records(type).count >= count }
        return records(type)
    }

    /// Goes through the whole log as `ringctl audit verify` does.
    func verified(known: [AuditVerifier.Known] = []) throws -> AuditVerifier {
        var verifier = AuditVerifier(key: try AuditKey.load("\(path)/\(AuditKey.publicName)"), known: known)
        let files = try AuditFiles.list(in: path)
        for (index, file) in files.enumerated() {
            try verifier.add(AuditFiles.read(file), file: file, isLast: index == files.count - 1)
        }
        try verifier.finish()
        return verifier
    }

    /// After the gateway has ended: everything is there and vouched for, and every intent has its results.
    func expectIntact() {
        do {
            let verifier = try verified()
            #expect(verifier.proven == verifier.last.sequence - 1, "the last record is the checkpoint itself")
            let records = try records()
            let promised = records.filter { $0.type == "intent" }.flatMap { intent in
                intent.commands.filter { ($0["effect"] as? String ?? "read") != "read" }.map {
                    "\(intent.members["session"] ?? 0):\($0["request"] ?? 0)"
                }
            }
            let told = records.filter { $0.type == "result" }.map {
                "\($0.members["session"] ?? 0):\($0.request ?? 0)"
            }
            #expect(Set(told).subtracting(promised) == [], "results without intents")
            #expect(told.count == Set(told).count, "no result is told twice")
        } catch {
            Issue.record("the audit log is not whole: \(error)")
        }
    }
}
