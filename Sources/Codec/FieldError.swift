/// Why values could not be turned into an argument, or a reply into values.
///
/// Fields are named by their path: `msgs.0.addr`.
public enum FieldError: Error, Equatable, Sendable {
    /// There is no such place in the argument; `known` are the names that may stand there.
    case unknown(String, known: [String])
    case notANumber(field: String, text: String)
    /// Neither a number nor one of the field's names.
    case unknownName(field: String, text: String, known: [String])
    case outOfRange(field: String, text: String, least: String, greatest: String)
    /// The command's code comes in sizes, but not in this one.
    case noSuchCode(String, least: Int, greatest: Int, step: Int)
    case notHex(field: String, text: String)
    /// More bytes than the field or block holds.
    case tooLong(field: String, count: Int, size: Int)
    /// More elements than the array holds.
    case tooMany(field: String, count: Int, maximum: Int)
    /// The field ends at `end`, but the block it lies in has only `size` bytes.
    case outside(field: String, end: Int, size: Int)
    /// The argument means nothing without it.
    case missing(String, why: String)
    /// The value has no place here.
    case unwanted(String, why: String)
    /// The argument, or its reply, would be longer than one entry may carry.
    case tooLarge(size: Int, maximum: Int)
    /// The argument's bytes are not laid out as described.
    case misfit(String, why: String)
    /// The description of the command contradicts itself.
    case badLayout(field: String)
    case wrongReplySize(Int, expected: Int)
}

extension FieldError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknown(let name, let known):
            known.isEmpty
                ? "no field \(name): nothing can be given there"
                : "no field \(name) in the argument\(Suggestion(for: name, known))"
        case .notANumber(let field, let text): "\(field): \"\(text)\" is not a number (decimal or 0x...)"
        case .unknownName(let field, let text, let known):
            "\(field): \"\(text)\" is no number and no name\(Suggestion(for: text, known))"
        case .outOfRange(let field, let text, let least, let greatest):
            "\(field): \(text) is out of range, \(least) to \(greatest)"
        case .noSuchCode(let text, let least, let greatest, let step):
            "size: \(text) is none of the code's, \(least) to \(greatest)"
                + (step == 1 ? "" : " in steps of \(step)")
        case .notHex(let field, let text):
            "\(field): \"\(text)\" is not pairs of hexadecimal digits; for characters write text:..."
        case .tooLong(let field, let count, let size): "\(field): \(count) bytes, it holds \(size)"
        case .tooMany(let field, let count, let maximum): "\(field): \(count) elements, it holds \(maximum)"
        case .outside(let field, let end, let size): "\(field): ends at byte \(end) of a block of \(size)"
        case .missing(let field, let why): "\(field) is missing: \(why)"
        case .unwanted(let field, let why): "\(field): \(why)"
        case .tooLarge(let size, let maximum): "\(size) bytes in one entry; at most \(maximum)"
        case .misfit(let field, let why):
            "the argument is not as described: \(field.isEmpty ? "" : field + " ")\(why)"
        case .badLayout(let field): "the gateway's description of \(field) makes no sense"
        case .wrongReplySize(let count, let expected): "reply of \(count) bytes, not \(expected) as described"
        }
    }
}

/// What might have been meant, and what there is.
private struct Suggestion: CustomStringConvertible {
    let description: String

    /// Names shown; a list of hundreds helps nobody.
    private static let shown = 24

    init(for text: String, _ known: [String]) {
        let last = text.split(separator: ".").last.map(String.init) ?? text
        let near = known.min { Self.distance(last, $0) < Self.distance(last, $1) }
        let guess = near.flatMap { Self.distance(last, $0) <= 2 ? "; did you mean \($0)?" : nil } ?? ""
        let rest = known.count > Self.shown ? ", ..." : ""
        let list = known.prefix(Self.shown).joined(separator: ", ")
        description = list.isEmpty ? guess : "\(guess.isEmpty ? ";" : "\(guess)") there are: \(list)\(rest)"
    }

    /// Letters to change, insert or leave out; 3 for anything that differs more, or is too long to be looked at.
    private static func distance(_ one: String, _ other: String) -> Int {
        let (one, other) = (Array(one.lowercased().utf8), Array(other.lowercased().utf8))
        guard max(one.count, other.count) <= 64, abs(one.count - other.count) <= 2 else { return 3 }
        var row = Array(0...other.count)
        for (index, letter) in one.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in other.indices {
                let kept = diagonal + (letter == other[column] ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(kept, row[column] + 1, diagonal + 1)
            }
        }
        return min(row[other.count], 3)
    }
}
