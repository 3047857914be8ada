/// Why field values could not be turned into an argument block, or a reply block into values.
public enum FieldError: Error, Equatable, Sendable {
    /// The command has no such field in its argument; `known` are those it has.
    case unknown(String, known: [String])
    case notANumber(field: String, text: String)
    case outOfRange(field: String, text: String, least: String, greatest: String)
    case notHex(field: String, text: String)
    case tooLong(field: String, count: Int, size: Int)
    /// The description of the command contradicts itself.
    case badLayout(field: String)
    case wrongReplySize(Int, expected: Int)
}

extension FieldError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknown(let name, let known):
            known.isEmpty
                ? "no field \(name): the command takes no fields"
                : "no field \(name) in the argument; there are: \(known.joined(separator: ", "))"
        case .notANumber(let field, let text): "\(field): \"\(text)\" is not a number (decimal or 0x...)"
        case .outOfRange(let field, let text, let least, let greatest):
            "\(field): \(text) is out of range, \(least) to \(greatest)"
        case .notHex(let field, let text): "\(field): \"\(text)\" is not pairs of hexadecimal digits"
        case .tooLong(let field, let count, let size): "\(field): \(count) bytes, it holds \(size)"
        case .badLayout(let field): "the gateway's description of field \(field) makes no sense"
        case .wrongReplySize(let count, let expected): "reply of \(count) bytes, not \(expected) as described"
        }
    }
}
