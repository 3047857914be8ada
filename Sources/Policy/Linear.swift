import RingProtocol

/// A sum of multiples of fields of one element, and a constant: how lengths and positions hang together in
/// structures that spread them over several fields.
///
/// Fields have at most 64 bits, factors at most 48 and there are at most eight terms, so no sum overflows 128.
public struct Linear: Sendable, Hashable {
    public struct Term: Sendable, Hashable {
        public let field: Field
        public let factor: Int64

        public init(_ field: Field, times factor: Int64 = 1) {
            self.field = field
            self.factor = factor
        }
    }

    public static let maximumTerms = 8
    public static let maximumFactor: Int64 = 1 << 48

    public let constant: Int64
    public let terms: [Term]

    /// nil when a term's field has no number, or the sum could overflow.
    public init?(_ terms: [Term], plus constant: Int64 = 0) {
        guard terms.allSatisfy({ $0.field.reader != nil }), terms.count <= Self.maximumTerms,
            terms.allSatisfy({ abs($0.factor) <= Self.maximumFactor }), abs(constant) <= Self.maximumFactor
        else { return nil }
        self.terms = terms
        self.constant = constant
    }

    /// A field alone; nil when it has no number.
    public init?(_ field: Field) { self.init([Term(field)]) }

    var words: String { words(in: nil) }

    /// With the names of the block's fields in full.
    func words(in block: Block?) -> String {
        var parts = terms.map { term in
            let name = block?.path(of: term.field.name) ?? term.field.name
            return term.factor == 1 ? name : "\(term.factor)*\(name)"
        }
        if constant != 0 || parts.isEmpty { parts.append("\(constant)") }
        return parts.joined(separator: " + ")
    }
}

/// Two sums that together name a range of positions: `start ..< start + length`.
public struct Extent: Sendable, Hashable {
    public let name: String
    public let start: Linear
    public let length: Linear

    public init(name: String, start: Linear, length: Linear) {
        self.name = name
        self.start = start
        self.length = length
    }
}
