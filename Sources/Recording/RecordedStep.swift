/// What a recording has of one thing that happened to a device; one line of JSON (docs/recording.md).
public struct RecordedStep: Codable, Equatable, Sendable {
    /// `command`, `write`, `read` (at a position) or `sync`; nil for input.
    public var operation: String?
    /// Name of the device in the policy; files that its commands gave count as the device.
    public var device: String
    /// Of a command.
    public var code: UInt32?
    /// Byte position, or the slot that a command fills; nil for none, and for a file's own position.
    public var offset: UInt64?
    /// Bytes that a read asked for.
    public var count: Int?
    /// Hexadecimal; nil in a recording that somebody has edited means any.
    public var argument: String?
    public var result: Int32?
    /// Who ran it: `ring`, `call` or `gateway`; nil for the last.
    public var engine: String?
    /// For how long, in nanoseconds; nil for 0.
    public var nanoseconds: UInt64?
    /// Hexadecimal; nil for none.
    public var reply: String?
    /// Bytes that the device said by itself, hexadecimal.
    public var input: String?

    public init(device: String) { self.device = device }
}

/// The first line of a recording.
public struct RecordingHead: Codable, Sendable {
    public var recording = "ringgate"
    public var version = 1

    public init() {}
}

/// Bytes as a recording has them.
public enum RecordedBytes {
    public static func text(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// nil when it is no even number of hexadecimal digits.
    static func bytes(_ text: String) -> [UInt8]? {
        let digits = text.utf8.map {
            UInt8(ascii: "0") <= $0 ? Character(Unicode.Scalar($0)).hexDigitValue : nil
        }
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for place in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[place], let low = digits[place + 1] else { return nil }
            bytes.append(UInt8(high << 4 | low))
        }
        return bytes
    }
}
