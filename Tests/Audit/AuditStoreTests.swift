import Foundation
import TestSupport
import Testing

@testable import RingAudit

/// The files of a log: begun, filled, gone on with after every kind of end.
@Suite struct AuditStoreTests {
    private let parent: TemporaryDirectory
    private let path: String

    init() throws {
        parent = try TemporaryDirectory()
        path = parent.path + "/audit"
    }

    private func store(_ fileSize: Int = 1 << 20) throws -> AuditStore {
        try AuditStore(path, fileSize: fileSize)
    }

    private func records(_ count: Int, _ text: String = "x") -> [AuditRecord] {
        (0..<count).map { number in
            var record = AuditRecord(.denied, time: UInt64(number))
            record.add("text", text)
            return record
        }
    }

    private func write(_ count: Int, fileSize: Int = 1 << 20) throws {
        let store = try store(fileSize)
        for start in stride(from: 0, to: count, by: 10) {
            try store.append(records(min(10, count - start)), time: 0)
            try store.sync()
        }
        try store.checkpoint(time: 0)
        try store.sync()
    }

    private func verify(known: [AuditVerifier.Known] = []) throws -> AuditVerifier {
        var verifier = AuditVerifier(key: try AuditKey.load("\(path)/\(AuditKey.publicName)"), known: known)
        let files = try AuditFiles.list(in: path)
        for (index, file) in files.enumerated() {
            try verifier.add(AuditFiles.read(file), file: file, isLast: index == files.count - 1)
        }
        try verifier.finish()
        return verifier
    }

    private func append(_ bytes: [UInt8], to file: String) throws {
        let handle = try #require(FileHandle(forWritingAtPath: file))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(bytes))
        try handle.close()
    }

    @Test func beginsAndGoesOn() throws {
        try write(3)
        try write(2)
        let verifier = try verify()
        // A file record, three, a checkpoint; two more and a checkpoint.
        #expect(verifier.last.sequence == 8 && verifier.proven == 7 && verifier.checkpoints == 2)
        #expect(try AuditFiles.list(in: path) == ["\(path)/audit-0000000000000001.jsonl"])
    }

    @Test func filesAndKeyAreForTheOwnerAlone() throws {
        try write(1)
        func mode(_ name: String) throws -> Int? {
            try FileManager.default.attributesOfItem(atPath: path + name)[.posixPermissions] as? Int
        }
        #expect(try mode("") == 0o700 && mode("/key.pem") == 0o600)
        #expect(try mode("/audit-0000000000000001.jsonl") == 0o600)
    }

    @Test func filesFollowEachOther() throws {
        try write(500, fileSize: 8_192)
        let files = try AuditFiles.list(in: path)
        #expect(files.count > 5)
        let verifier = try verify()
        #expect(verifier.first == 1 && verifier.proven == verifier.last.sequence - 1)
        // Without the first files the rest is still whole, and says where it begins.
        try FileManager.default.removeItem(atPath: files[0])
        try FileManager.default.removeItem(atPath: files[1])
        #expect(try verify().first ?? 0 > 1)
        // One in the middle is missed.
        try FileManager.default.removeItem(atPath: files[3])
        #expect(throws: AuditVerifier.Flaw.self) { try verify() }
    }

    @Test func oneGatewayAtATime() throws {
        let first = try store()
        #expect(throws: AuditError(path, "is in use by another gateway")) { try store() }
        withExtendedLifetime(first) {}
    }

    @Test("What a crash has left behind the last record is set aside", arguments: [1, 40, 200])
    func unfinished(count: Int) throws {
        try write(3)
        let file = try #require(AuditFiles.list(in: path).last)
        let line = try #require(Array(AuditLines(AuditFiles.read(file))).last)
        try append(Array(line.prefix(count)), to: file)
        #expect(try verify().unfinished == count)
        let store = try store()
        #expect(store.recovered == count)
        #expect(try AuditFiles.read(file + ".unfinished").count == store.recovered)
        try store.append(records(1), time: 0)
        try store.sync()
        #expect(try verify().last.sequence == 6)
    }

    @Test("After a power cut the end may be zeros, or the file without its first record")
    func zeros() throws {
        try write(300, fileSize: 8_192)
        let file = try #require(AuditFiles.list(in: path).last)
        let sequence = try verify().last.sequence
        try append([UInt8](repeating: 0, count: 5_000), to: file)
        let store = try store(8_192)
        #expect(store.recovered == 5_000 && store.head.sequence == sequence)
    }

    @Test func aFileWithoutARecordBeginsAnew() throws {
        try write(3)
        let next = "\(path)/audit-0000000000000006.jsonl"
        try Data("{\"seq\":6,\"ti".utf8).write(to: URL(filePath: next))
        try write(2)
        #expect(try AuditFiles.list(in: path).count == 1)
        #expect(try verify().last.sequence == 8)
        #expect(try AuditFiles.read(next + ".unfinished").count == 12)
    }

    @Test func aChangedLogIsNotGoneOnWith() throws {
        try write(5)
        let file = try #require(AuditFiles.list(in: path).last)
        let text = String(decoding: try AuditFiles.read(file), as: UTF8.self)
        try Data(text.replacing("\"text\":\"x\"", with: "\"text\":\"y\"", maxReplacements: 1).utf8).write(
            to: URL(filePath: file))
        let error = #expect(throws: AuditError.self) { try store() }
        #expect(error?.path == file && error?.reason.hasPrefix("line 2 does not follow") == true)
    }

    @Test func aKeyThatIsNoneIsNotReplaced() throws {
        try write(1)
        try Data("nonsense".utf8).write(to: URL(filePath: path + "/key.pem"))
        #expect(throws: AuditError.self) { try store() }
        #expect(throws: AuditError.self) { try AuditStore.check(path) }
    }

    @Test("What could not be written is not there, and goes there later", arguments: [300, 1_000, 4_000])
    func full(room: Int) async throws {
        // In a process of its own: the limit is the process's.
        await #expect(processExitsWith: .success) { [room] in
            signal(SIGXFSZ, SIG_IGN)
            let directory = try TemporaryDirectory()
            let path = directory.path + "/audit"
            let store = try AuditStore(path, fileSize: 1 << 20)
            func record(_ number: Int) -> AuditRecord {
                var record = AuditRecord(.denied, time: UInt64(number))
                record.add("text", "a record of some length, so that the limit is met within a line")
                return record
            }
            func length() throws -> Int {
                try AuditFiles.list(in: path).last.map { try AuditFiles.read($0).count } ?? 0
            }
            var written = 0
            for _ in 0..<100 {
                // Each round more fits, but never all of it.
                let bound = try length() + room
                var limit = rlimit(rlim_cur: rlim_t(bound), rlim_max: rlim_t.max)
                setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
                while true {
                    do {
                        try store.append([record(written)], time: 0)
                        try store.sync()
                        written += 1
                    } catch { break }
                }
                limit.rlim_cur = .max
                setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
                guard try length() <= bound else { exit(1) }
                try store.append([record(written)], time: 0)
                try store.sync()
                written += 1
            }
            var verifier = AuditVerifier(key: nil)
            for file in try AuditFiles.list(in: path) {
                try verifier.add(AuditFiles.read(file), file: file, isLast: true)
            }
            let text = String(decoding: try AuditFiles.read(AuditFiles.list(in: path)[0]), as: UTF8.self)
            guard text.split(separator: "\n").count(where: { $0.contains("\"denied\"") }) == written else {
                exit(2)
            }
        }
    }
}
