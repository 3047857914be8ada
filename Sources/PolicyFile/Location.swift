/// A place in a text: line and column from 1, columns in Unicode scalars, as libyaml counts them.
struct Location: Hashable, Comparable, Sendable {
    var line: Int
    var column: Int

    /// The file as a whole.
    static let wholeFile = Location(line: 0, column: 0)
    static let start = Location(line: 1, column: 1)

    static func < (left: Self, right: Self) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }

    /// Moves past `scalar`, which `next` follows.
    mutating func advance(over scalar: Unicode.Scalar, before next: Unicode.Scalar?) {
        switch scalar {
        case "\r" where next == "\n": column += 1
        case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}": self = Location(line: line + 1, column: 1)
        default: column += 1
        }
    }
}

extension String.UnicodeScalarView {
    /// The position of a place, or the end when the text has no such place.
    func index(of place: Location) -> Index {
        var position = startIndex
        var here = Location.start
        while position < endIndex, here < place {
            let following = index(after: position)
            here.advance(over: self[position], before: following < endIndex ? self[following] : nil)
            position = following
        }
        return position
    }

    /// The place of the scalar at `offset` characters from the start.
    func place(after characters: Int) -> Location {
        var here = Location.start
        let text = String(self)
        let end = text.index(text.startIndex, offsetBy: characters, limitedBy: text.endIndex) ?? text.endIndex
        var position = startIndex
        while position < end {
            let following = index(after: position)
            here.advance(over: self[position], before: following < endIndex ? self[following] : nil)
            position = following
        }
        return here
    }
}
