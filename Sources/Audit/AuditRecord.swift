/// One record of the audit log on its way to its file: the members of a JSON object (RFC 8259) in the order they are
/// added. Its number, and the hash that chains it to the record before, are put around it when it is written.
public struct AuditRecord: Sendable {
    public enum Kind: String, Sendable, CaseIterable {
        /// A gateway has started with this log.
        case begin
        /// It has ended in order.
        case end
        /// The first record of a file: says what the last record of the file before has for its hash.
        case file
        /// A signature over all that is before it.
        case checkpoint
        case session
        case sessionEnd = "session-end"
        case open
        case lease
        case leaseEnd = "lease-end"
        /// Commands that change something and that may run from here on.
        case intent
        /// What became of one of them.
        case result
        /// An entry that changes nothing, whose rule wants each on record.
        case read
        /// The procedure that makes a device safe has begun.
        case release
        /// Entries that were refused.
        case denied
        /// Entries that only read.
        case reads
        case policy
        /// Records that could not be written.
        case missing
    }

    /// The members, without the braces; never empty.
    public private(set) var members: [UInt8]

    /// `time` in nanoseconds since 1970.
    public init(_ kind: Kind, time: UInt64) {
        members = []
        members.reserveCapacity(256)
        begin("time")
        members.append(UInt8(ascii: "\""))
        UTCTime.append(nanoseconds: time, to: &members)
        members.append(UInt8(ascii: "\""))
        add("type", kind.rawValue)
    }

    /// An object inside a record.
    public init() { members = [] }

    // Not generic: over module boundaries that would cost more than the rest.
    public mutating func add(_ name: StaticString, _ text: String) {
        begin(name)
        JSONText.append(text, to: &members)
    }

    public mutating func add(_ name: StaticString, _ number: Int) {
        begin(name)
        members += String(number).utf8
    }

    public mutating func add(_ name: StaticString, _ number: UInt64) {
        begin(name)
        members += String(number).utf8
    }

    public mutating func add(_ name: StaticString, _ flag: Bool) {
        begin(name)
        members += (flag ? "true" : "false").utf8
    }

    public mutating func add(_ name: StaticString, _ objects: [AuditRecord]) {
        begin(name)
        members.append(UInt8(ascii: "["))
        for (index, object) in objects.enumerated() {
            if index > 0 { members.append(UInt8(ascii: ",")) }
            object.appendObject(to: &members)
        }
        members.append(UInt8(ascii: "]"))
    }

    /// Members with names that are only known now, each once.
    public mutating func add(_ name: StaticString, _ values: [(name: String, value: Int128)]) {
        begin(name)
        members.append(UInt8(ascii: "{"))
        for (index, value) in values.enumerated() {
            if index > 0 { members.append(UInt8(ascii: ",")) }
            JSONText.append(value.name, to: &members)
            members += ":\(value.value)".utf8
        }
        members.append(UInt8(ascii: "}"))
    }

    private mutating func begin(_ name: StaticString) {
        if !members.isEmpty { members.append(UInt8(ascii: ",")) }
        members.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { members += $0 }
        members += "\":".utf8
    }

    /// As a JSON object by itself.
    public var object: [UInt8] {
        var bytes: [UInt8] = []
        appendObject(to: &bytes)
        return bytes
    }

    private func appendObject(to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "{"))
        bytes += members
        bytes.append(UInt8(ascii: "}"))
    }
}

/// Strings in JSON.
enum JSONText {
    /// With its quotes. What is neither printable ASCII nor above it is escaped, so that a record is always one line.
    static func append(_ text: String, to bytes: inout [UInt8]) {
        var text = text
        text.withUTF8 { append($0, to: &bytes) }
    }

    private static func append(_ text: UnsafeBufferPointer<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0..<0x20, 0x7f:
                bytes += "\\u00".utf8
                Hexadecimal.append([byte], to: &bytes)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

/// Times as RFC 3339 has them, in UTC with nanoseconds, so that their order is that of their text.
public enum UTCTime {
    public static func text(nanoseconds: UInt64) -> String {
        var bytes: [UInt8] = []
        append(nanoseconds: nanoseconds, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    static func append(nanoseconds: UInt64, to bytes: inout [UInt8]) {
        let seconds = nanoseconds / 1_000_000_000
        let (year, month, day) = date(days: Int(seconds / 86_400))
        let time = Int(seconds % 86_400)
        append(year, 4, to: &bytes)
        for (mark, number) in [
            ("-", month), ("-", day), ("T", time / 3_600), (":", time / 60 % 60), (":", time % 60),
        ] as [(Unicode.Scalar, Int)] {
            bytes.append(UInt8(ascii: mark))
            append(number, 2, to: &bytes)
        }
        bytes.append(UInt8(ascii: "."))
        append(Int(nanoseconds % 1_000_000_000), 9, to: &bytes)
        bytes.append(UInt8(ascii: "Z"))
    }

    /// The civil date, by eras of 400 years that begin in March, so that a leap day comes last.
    private static func date(days: Int) -> (year: Int, month: Int, day: Int) {
        let daysOfEra = 146_097
        let since = days + 719_468
        let era = since / daysOfEra
        let day = since % daysOfEra
        let year = (day - day / 1_460 + day / 36_524 - day / (daysOfEra - 1)) / 365
        let dayOfYear = day - (365 * year + year / 4 - year / 100)
        let month = (5 * dayOfYear + 2) / 153
        let isNextYear = month >= 10
        return (
            year + era * 400 + (isNextYear ? 1 : 0), isNextYear ? month - 9 : month + 3,
            dayOfYear - (153 * month + 2) / 5 + 1
        )
    }

    private static func append(_ number: Int, _ width: Int, to bytes: inout [UInt8]) {
        var divisor = 1
        for _ in 1..<width { divisor *= 10 }
        while divisor > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
            divisor /= 10
        }
    }
}
