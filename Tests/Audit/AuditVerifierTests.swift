import Foundation
import TestSupport
import Testing

@testable import RingAudit

/// Every change of a log is found: up to what is vouched for or known from elsewhere, whoever makes it.
@Suite struct AuditVerifierTests {
    private let parent: TemporaryDirectory
    private let key: AuditKey
    /// Two files with checkpoints, and none behind the last records.
    private let files: [[UInt8]]
    private let lines: [[[UInt8]]]
    private let last: AuditChain

    init() throws {
        parent = try TemporaryDirectory()
        let store = try AuditStore(parent.path + "/audit", fileSize: 5_000)
        for number in 0..<12 {
            var record = AuditRecord(number.isMultiple(of: 3) ? .intent : .result, time: UInt64(number))
            record.add("session", number)
            record.add("identity", "ringgate://test.example/agent/\(number)")
            try store.append([AuditRecord](repeating: record, count: 2), time: 0)
            if number.isMultiple(of: 4) { try store.checkpoint(time: 0) }
            try store.sync()
        }
        try store.sync()
        files = try AuditFiles.list(in: parent.path + "/audit").map(AuditFiles.read)
        lines = files.map { Array(AuditLines($0)).map(Array.init) }
        last = store.head
        key = try AuditKey.load(parent.path + "/audit/" + AuditKey.publicName)
    }

    private func verify(_ files: [[UInt8]], _ known: [AuditVerifier.Known] = []) throws -> AuditVerifier {
        var verifier = AuditVerifier(key: key, known: known)
        for (index, bytes) in files.enumerated() {
            try verifier.add(bytes, file: "\(index)", isLast: index == files.count - 1)
        }
        try verifier.finish()
        return verifier
    }

    private var end: AuditVerifier.Known {
        get throws { try #require(AuditVerifier.Known("\(last.sequence):\(Hexadecimal.text(last.head))")) }
    }

    @Test func aWholeLogIsGood() throws {
        #expect(files.count == 2)
        let plain = try verify(files)
        #expect(plain.last == last && plain.proven < last.sequence && plain.proven > 15)
        #expect(try verify(files, [end]).proven == last.sequence)
    }

    @Test("10,000 changes by somebody who cannot make a hash: all are found")
    func blind() throws {
        var random = SeededRandom(seed: 20_261_129)
        let known = try end
        for _ in 0..<10_000 {
            let changed = mutated(&random)
            guard changed != files else { continue }
            #expect(throws: AuditVerifier.Flaw.self) { try verify(changed, [known]) }
        }
    }

    /// Bytes changed, put in or taken out; lines taken out, doubled, exchanged; ends cut off.
    private func mutated(_ random: inout SeededRandom) -> [[UInt8]] {
        var changed = files
        let file = Int.random(in: 0..<files.count, using: &random)
        let place = Int.random(in: 0..<files[file].count, using: &random)
        var lines = lines[file]
        let line = Int.random(in: 0..<lines.count, using: &random)
        switch Int.random(in: 0..<8, using: &random) {
        case 0: changed[file][place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: changed[file][place] = UInt8.random(in: 0...255, using: &random)
        case 2: changed[file].remove(at: place)
        case 3: changed[file].insert(UInt8.random(in: 0...255, using: &random), at: place)
        case 4:
            lines.remove(at: line)
            changed[file] = lines.flatMap(\.self)
        case 5:
            lines.insert(lines[line], at: Int.random(in: 0...lines.count, using: &random))
            changed[file] = lines.flatMap(\.self)
        case 6:
            lines.swapAt(line, Int.random(in: 0..<lines.count, using: &random))
            changed[file] = lines.flatMap(\.self)
        default: changed[file].removeLast(files[file].count - place)
        }
        return changed
    }

    @Test("Changes by somebody who hashes all that follows anew: found where a checkpoint follows")
    func forged() throws {
        let proven = try verify(files).proven
        for sequence in [2, 8, 15, Int(proven)] {
            let forged = try rehashed(files) { number, body in
                number == UInt64(sequence) ? body.replacing("agent", with: "angel") : body
            }
            if forged == files { continue }
            #expect(throws: AuditVerifier.Flaw.self, "record \(sequence)") { try verify(forged) }
        }
        // Behind the last checkpoint only what is known from elsewhere finds it.
        let forged = try rehashed(files) { number, body in
            number == last.sequence ? body.replacing("agent", with: "angel") : body
        }
        #expect(forged != files)
        #expect(try verify(forged).proven == proven)
        let known = try end
        #expect(throws: AuditVerifier.Flaw.self) { try verify(forged, [known]) }
    }

    /// The log with other bodies and hashes that fit them.
    private func rehashed(_ files: [[UInt8]], _ change: (UInt64, String) -> String) throws -> [[UInt8]] {
        var head = [UInt8](repeating: 0, count: 32)
        return try files.map { bytes in
            try AuditLines(bytes).flatMap { line -> [UInt8] in
                let parts = try #require(AuditChain.LineParts(line))
                let body = Array(change(parts.sequence, String(decoding: parts.body, as: UTF8.self)).utf8)
                head = Digest.sha256(head, body)
                return body + ",\"hash\":\"\(Hexadecimal.text(head))\"}\n".utf8
            }
        }
    }

    @Test func anotherKeyVouchesForNothing() throws {
        let other = try AuditKey.open(in: parent.path)
        var verifier = AuditVerifier(key: other)
        #expect(throws: AuditVerifier.Flaw.self) { try verifier.add(files[0], file: "0", isLast: false) }
    }

    @Test func whatIsKnownMustBeThere() throws {
        let beyond = try #require(AuditVerifier.Known("\(last.sequence + 1):\(Hexadecimal.text(last.head))"))
        #expect(throws: AuditVerifier.Flaw.self) { try verify(files, [beyond]) }
        #expect(throws: AuditVerifier.Flaw.self) { try verify([], [beyond]) }
        let early = try #require(AuditVerifier.Known("1:\(Hexadecimal.text(last.head))"))
        #expect(try verify([files[1]], [early]).missing == [1])
        for text in [
            "", "5", "0:\(Hexadecimal.text(last.head))", "5:ab", "x:y", "5:\(Hexadecimal.text(last.head)):1",
        ] {
            #expect(AuditVerifier.Known(text) == nil)
        }
    }
}
