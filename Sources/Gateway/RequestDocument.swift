import RingProtocol

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a command on sessions or devices, or an entry on leases, asks for: a flat JSON object (RFC 8259) of texts,
/// whole numbers, and lists of texts.
struct RequestDocument {
    private enum Value: Decodable {
        case text(String)
        case number(UInt64)
        case texts([String])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let number = try? container.decode(UInt64.self) {
                self = .number(number)
            } else if let texts = try? container.decode([String].self) {
                self = .texts(texts)
            } else {
                self = .text(try container.decode(String.self))
            }
        }
    }

    private let fields: [String: Value]

    /// Bytes of a document. It is read on the loop's thread, while everybody waits.
    static let maximumSize = 4096
    /// Characters of a reason.
    static let reasonLength = 1...200

    /// No bytes are an empty document.
    init(_ argument: WireBytes) throws(Refusal) {
        guard argument.count <= Self.maximumSize else {
            throw Refusal(.shape, "the document has \(argument.count) bytes; at most \(Self.maximumSize)")
        }
        guard argument.count > 0 else {
            fields = [:]
            return
        }
        guard let fields = try? JSONDecoder().decode([String: Value].self, from: Data(argument.pointer))
        else {
            throw Refusal(
                .shape, "the document is not a JSON object of texts, whole numbers and lists of texts")
        }
        self.fields = fields
    }

    /// Refuses a document with a key that the command does not know.
    func allow(_ keys: String...) throws(Refusal) {
        guard fields.keys.allSatisfy(keys.contains) else {
            throw Refusal(.shape, "the document may have only: \(keys.joined(separator: ", "))")
        }
    }

    func text(_ key: String) throws(Refusal) -> String? {
        switch fields[key] {
        case nil: return nil
        case .text(let text): return text
        case .number, .texts: throw Refusal(.shape, "`\(key)` must be text")
        }
    }

    func texts(_ key: String) throws(Refusal) -> [String]? {
        switch fields[key] {
        case nil: return nil
        case .texts(let texts): return texts
        case .number, .text: throw Refusal(.shape, "`\(key)` must be a list of texts")
        }
    }

    func number(_ key: String) throws(Refusal) -> UInt64? {
        switch fields[key] {
        case nil: return nil
        case .number(let number): return number
        case .text, .texts: throw Refusal(.shape, "`\(key)` must be a whole number")
        }
    }

    /// An operator's words, which logs and other clients will read: printable. Empty when there are none and
    /// need be none.
    func reason(isRequired: Bool = true) throws(Refusal) -> String {
        let text = try text("reason")
        if text == nil, !isRequired { return "" }
        guard let reason = text, Self.reasonLength.contains(reason.count),
            reason.unicodeScalars.count <= 2 * Self.reasonLength.upperBound,
            reason.unicodeScalars.allSatisfy(Self.isPrintable)
        else {
            throw Refusal(
                .shape,
                "`reason` must be \(Self.reasonLength.lowerBound) to "
                    + "\(Self.reasonLength.upperBound) printable characters")
        }
        return reason
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
            false
        default: true
        }
    }
}

/// A list on its way into an answer of bounded size: `{"KEY":[...]}`, with `"more":true` when not all fit.
struct ReplyList {
    private let encoder = JSONEncoder()
    private var bytes: [UInt8]
    private var isEmpty = true

    /// Bytes after which an answer ends. It is written on the loop's thread, while everybody waits.
    static let maximumSize = 256 << 10

    init(_ key: String) {
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        bytes = Array("{\"\(key)\":[".utf8)
    }

    /// False when there is no room for it.
    mutating func add(_ item: some Encodable) -> Bool {
        guard let json = try? encoder.encode(item) else { return false }
        return add(json: json)
    }

    /// The same for an item that is JSON already.
    mutating func add(json: some Collection<UInt8>) -> Bool {
        guard bytes.count + json.count < Self.maximumSize || isEmpty else { return false }
        if !isEmpty { bytes.append(UInt8(ascii: ",")) }
        isEmpty = false
        bytes += json
        return true
    }

    /// `members` stand behind the list.
    func finished(hasMore: Bool, _ members: String = "") -> [UInt8] {
        bytes + ((hasMore ? "],\"more\":true" : "]") + members + "}").utf8
    }
}
