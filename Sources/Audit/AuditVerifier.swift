/// Goes through a log's records, in order, and finds whatever does not belong there. A plain value: it is given bytes.
///
/// A hash alone proves nothing against somebody who can write the files, because a changed log can be hashed anew. What is
/// proven is what a signature vouches for whose key such a person does not have, or a hash that is known from elsewhere;
/// what comes after the last of these is not, and neither is it that nothing was cut off there.
public struct AuditVerifier {
    /// A record that is known from elsewhere.
    public struct Known: Sendable, Equatable {
        public let sequence: UInt64
        public let hash: [UInt8]

        /// As `audit head` prints it: `NUMBER:HASH`.
        public init?(_ text: String) {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, let sequence = UInt64(parts[0]), sequence > 0,
                let hash = Hexadecimal.bytes(String(parts[1])), hash.count == AuditChain.hashSize
            else { return nil }
            self.sequence = sequence
            self.hash = hash
        }
    }

    public struct Flaw: Error, Sendable, Equatable, CustomStringConvertible {
        public let file: String
        /// From 1 on.
        public let line: Int
        public let reason: String
        public var description: String { "\(file): line \(line): \(reason)" }
    }

    /// What was found good.
    public private(set) var first: UInt64?
    public private(set) var last = AuditChain()
    /// All up to this record is vouched for, by a signature or because it is known; 0 for nothing.
    public private(set) var proven: UInt64 = 0
    public private(set) var checkpoints = 0
    /// Bytes behind the last record that are no record: what a crash has left.
    public private(set) var unfinished = 0

    private let key: AuditKey?
    private let known: [UInt64: [UInt8]]
    private var met: Set<UInt64> = []

    /// Without a key signatures are not looked at, and prove nothing.
    public init(key: AuditKey?, known: [Known] = []) {
        self.key = key
        self.known = Dictionary(known.map { ($0.sequence, $0.hash) }, uniquingKeysWith: { first, _ in first })
    }

    /// Takes the next file. `isLast` is whether none comes after it.
    public mutating func add(_ bytes: [UInt8], file: String, isLast: Bool) throws(Flaw) {
        var number = 0
        for line in AuditLines(bytes) {
            number += 1
            if number > 1, isLast, line.endIndex == bytes.endIndex, line.last != UInt8(ascii: "\n") {
                unfinished = line.count
                return
            }
            do throws(Mistake) {
                try add(line, isFirst: number == 1)
            } catch {
                throw Flaw(file: file, line: number, reason: error.reason)
            }
        }
        if number == 0, !isLast { throw Flaw(file: file, line: 1, reason: "the file is empty") }
    }

    /// After the last file: what is known from elsewhere must have been there.
    public func finish() throws(Flaw) {
        for sequence in known.keys.sorted() where !met.contains(sequence) {
            guard let first, sequence >= first else { continue }
            throw Flaw(
                file: "the log", line: 0,
                reason:
                    "ends with record \(last.sequence), but record \(sequence) is known: its end was cut off")
        }
        if first == nil, let known = known.keys.max() {
            throw Flaw(file: "the log", line: 0, reason: "is empty, but record \(known) is known")
        }
    }

    /// Records that are known and older than what is there.
    public var missing: [UInt64] { known.keys.filter { $0 < first ?? 0 }.sorted() }

    private struct Mistake: Error { let reason: String }

    private mutating func add(_ line: ArraySlice<UInt8>, isFirst: Bool) throws(Mistake) {
        guard let parts = AuditChain.LineParts(line) else {
            throw Mistake(reason: "is no record of an audit log")
        }
        let start = isFirst ? FileStart(line) : nil
        if isFirst, start == nil {
            throw Mistake(reason: "a file begins with a record of type `file` that is whole")
        }
        if first == nil, let start {
            first = parts.sequence
            last = start.before
        }
        guard let next = last.following(line) else { throw Mistake(reason: misfit(parts.sequence)) }
        guard let members = AuditMembers(line) else {
            throw Mistake(reason: "has no `type`, or an unknown one")
        }
        if members.kind == .file, !isFirst { throw Mistake(reason: "begins a file in the middle of one") }
        if members.kind == .checkpoint { try check(members, before: last) }
        last = next
        guard let hash = known[last.sequence] else { return }
        guard hash == last.head else {
            throw Mistake(
                reason: "record \(last.sequence) is known to have the hash \(Hexadecimal.text(hash))")
        }
        met.insert(last.sequence)
        proven = max(proven, last.sequence)
    }

    private func misfit(_ sequence: UInt64) -> String {
        if sequence == last.sequence + 1 { return "record \(sequence) was changed, or the one before it was" }
        return "has number \(sequence); the next one is \(last.sequence + 1)"
    }

    private mutating func check(_ members: AuditMembers, before chain: AuditChain) throws(Mistake) {
        guard let signature = members.text("signature").flatMap(Hexadecimal.bytes),
            let name = members.text("key")
        else { throw Mistake(reason: "is a checkpoint without `key` or `signature`") }
        checkpoints += 1
        guard let key else { return }
        guard name == key.fingerprint else {
            throw Mistake(
                reason: "is signed with the key \(name.prefix(16)), not with \(key.fingerprint.prefix(16))")
        }
        guard chain.isVouched(for: signature, by: key) else {
            throw Mistake(reason: "the signature is not good for what is before it")
        }
        proven = max(proven, chain.sequence)
    }
}
