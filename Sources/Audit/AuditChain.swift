/// How records are chained. Each line is
///
///     {"seq":N,MEMBERS,"hash":"H"}
///
/// with H = SHA-256(hash of the line before, 32 bytes, then the line up to and without `,"hash"`), in lower-case
/// hexadecimal. Before the first record the hash is 32 zeros. A plain value; docs/audit.md is its description.
public struct AuditChain: Sendable, Equatable {
    /// Number of the last record; 0 before the first.
    public private(set) var sequence: UInt64
    /// Its hash.
    public private(set) var head: [UInt8]

    public static let hashSize = 32
    private static let suffix = Array(",\"hash\":\"".utf8)
    private static let end = Array("\"}\n".utf8)
    /// Bytes of a line behind what its hash is of.
    static var tail: Int { suffix.count + 2 * hashSize + end.count }
    /// The longest line that is taken for one: an intent of a whole chain stays far below.
    public static let maximumLine = 1 << 20

    public init() { self.init(sequence: 0, head: [UInt8](repeating: 0, count: Self.hashSize)) }

    public init(sequence: UInt64, head: [UInt8]) {
        self.sequence = sequence
        self.head = head
    }

    /// The record's line, which is the last one from now on.
    public mutating func seal(_ record: AuditRecord) -> [UInt8] {
        sequence += 1
        var line: [UInt8] = []
        line.reserveCapacity(record.members.count + 32 + Self.tail)
        line += "{\"seq\":\(sequence),".utf8
        line += record.members
        head = Digest.sha256(head, line)
        line += Self.suffix
        Hexadecimal.append(head, to: &line)
        line += Self.end
        return line
    }

    /// Takes a line, with its newline, that follows this record. nil when it does not: another number, another hash, or
    /// no line of a log at all.
    public func following(_ line: ArraySlice<UInt8>) -> AuditChain? {
        guard let parts = LineParts(line), parts.sequence == sequence + 1,
            Digest.sha256(head, Array(parts.body)) == parts.hash
        else { return nil }
        return AuditChain(sequence: parts.sequence, head: parts.hash)
    }

    /// What a line is made of.
    struct LineParts {
        let sequence: UInt64
        let body: ArraySlice<UInt8>
        let hash: [UInt8]

        init?(_ line: ArraySlice<UInt8>) {
            let prefix = Array("{\"seq\":".utf8)
            guard line.count > prefix.count + AuditChain.tail, line.count <= AuditChain.maximumLine,
                line.starts(with: prefix), line.suffix(AuditChain.end.count) == AuditChain.end[...]
            else { return nil }
            body = line.dropLast(AuditChain.tail)
            let rest = line.dropFirst(body.count)
            guard rest.starts(with: AuditChain.suffix) else { return nil }
            let digits = rest.dropFirst(AuditChain.suffix.count).prefix(2 * AuditChain.hashSize)
            guard let hash = Hexadecimal.bytes(String(decoding: digits, as: UTF8.self)) else { return nil }
            let number = body.dropFirst(prefix.count).prefix { $0 != UInt8(ascii: ",") }
            guard let sequence = UInt64(String(decoding: number, as: UTF8.self)),
                number.first != UInt8(ascii: "0"),
                number.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") })
            else { return nil }
            self.hash = hash
            self.sequence = sequence
        }
    }
}

/// Lower-case hexadecimal.
public enum Hexadecimal {
    public static func text(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        append(bytes, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    static func append(_ bytes: [UInt8], to text: inout [UInt8]) {
        for byte in bytes {
            for digit in [byte >> 4, byte & 15] {
                text.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        }
    }

    /// nil for anything but pairs of lower-case digits.
    public static func bytes(_ text: String) -> [UInt8]? {
        let values = text.utf8.compactMap { digit -> UInt8? in
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
            default: nil
            }
        }
        guard values.count == text.utf8.count, values.count.isMultiple(of: 2) else { return nil }
        return stride(from: 0, to: values.count, by: 2).map { values[$0] << 4 | values[$0 + 1] }
    }
}
