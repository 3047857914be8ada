#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif
#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One line of the history: a policy that was put in force, or a file that should have been and was wrong.
public struct HistoryEntry: Codable, Equatable, Sendable {
    public enum Source: String, Codable, Sendable {
        case start
        case apply
        case rollback
        case reload
    }

    /// From 1, without gaps.
    public let number: Int
    /// Lower-case hexadecimal; of the policy that stays in force when there is an `error`.
    public let revision: String
    /// Seconds since 1970.
    public let time: UInt64
    /// Who did it: an identity, or the daemon's own word for a start or a signal.
    public let by: String
    public let reason: String?
    public let source: Source
    /// Why it was not put in force.
    public let error: String?
}

/// The policies that have been in force, as files: `revisions/NNNNNN-REVISION.yaml`, and a line each in `history.jsonl`.
///
/// A line is written, durably, before the policy it tells of is put in place. So a crash in between leaves a line too
/// many, which the line of the next start corrects, and never a policy nobody knows the author of.
struct PolicyStore: Sendable {
    let directory: String

    /// Revisions whose text is kept.
    static let keptRevisions = 256
    /// Bytes of the history that are read: the latest some thousand lines.
    static let historyLimit = 1 << 20

    private var historyPath: String { "\(directory)/history.jsonl" }
    private var revisionsPath: String { "\(directory)/revisions" }

    /// Makes the directory and what belongs into it, where it is not there yet.
    func prepare() throws(FileFailure) {
        for path in [directory, revisionsPath] where mkdir(path, 0o750) != 0 && errno != EEXIST {
            throw .now("cannot be made", path)
        }
        guard access(revisionsPath, W_OK) == 0, access(directory, W_OK) == 0 else {
            throw .now("cannot be written", directory)
        }
    }

    /// The history, oldest first. What is no line of it, as a crash may leave at the end, does not count.
    func history() throws(FileFailure) -> [HistoryEntry] {
        let bytes = try BoundedRead.tail(of: historyPath, limit: Self.historyLimit) ?? []
        return bytes.split(separator: UInt8(ascii: "\n")).compactMap { line in
            try? JSONDecoder().decode(HistoryEntry.self, from: Data(line))
        }
    }

    /// For the next line.
    func nextNumber() throws(FileFailure) -> Int { (try history().last?.number ?? 0) + 1 }

    /// The text of a revision; nil when it is no longer kept.
    func text(of entry: HistoryEntry) throws(FileFailure) -> [UInt8]? {
        try BoundedRead.tail(of: path(of: entry), limit: 1 << 20)
    }

    /// Keeps the text and writes the line. Returns where the line starts, for `retract`.
    func record(_ entry: HistoryEntry, _ text: [UInt8]?) throws(FileFailure) -> off_t {
        if let text {
            var copy = try PreparedFile(path(of: entry), text)
            try copy.commit()
        }
        let start = try append(entry)
        removeOldRevisions(before: entry.number)
        return start
    }

    private func append(_ entry: HistoryEntry) throws(FileFailure) -> off_t {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let line = try? encoder.encode(entry) else {
            throw FileFailure(text: "\(historyPath): the line cannot be encoded")
        }
        let descriptor = open(historyPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o640)
        guard descriptor >= 0 else { throw .now("cannot be opened", historyPath) }
        defer { close(descriptor) }
        let end = lseek(descriptor, 0, SEEK_END)
        guard end >= 0 else { throw .now("cannot be read", historyPath) }
        do throws(FileFailure) {
            // Half a line that a crash has left must not swallow this one.
            var last = UInt8(ascii: "\n")
            if end > 0 { pread(descriptor, &last, 1, end - 1) }
            let separator = last == UInt8(ascii: "\n") ? [] : [UInt8(ascii: "\n")]
            try DurableWrite.all(separator + line + [UInt8(ascii: "\n")], to: descriptor, historyPath)
            try DurableWrite.synchronizeDirectory(of: historyPath)
        } catch {
            ftruncate(descriptor, end)
            throw error
        }
        return end
    }

    /// Takes the last line back, when what it tells of did not come about.
    func retract(from start: off_t) {
        truncate(historyPath, start)
    }

    private func path(of entry: HistoryEntry) -> String {
        "\(revisionsPath)/\(Self.padded(entry.number))-\(entry.revision.prefix(12)).yaml"
    }

    static func padded(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    }

    private func removeOldRevisions(before number: Int) {
        guard number > Self.keptRevisions, let stream = opendir(revisionsPath) else { return }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard name.hasSuffix(".yaml"), let digits = name.split(separator: "-").first,
                let old = Int(digits),
                old <= number - Self.keptRevisions
            else { continue }
            unlink("\(revisionsPath)/\(name)")
        }
    }
}
