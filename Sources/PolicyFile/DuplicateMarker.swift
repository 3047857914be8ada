/// A text in which repeated keys are made different by a tag in front of the first of them.
struct DuplicateMarker {
    static let tag = "!ringgate-first-"

    private(set) var text: String
    private var insertions: [(place: Location, length: Int)] = []

    init(_ text: String) { self.text = text }

    /// Puts a tag in front of the key at `place`; false when there are too many.
    mutating func mark(_ place: Location) -> Bool {
        guard insertions.count < FileLimits.duplicateKeys else { return false }
        let tag = "\(Self.tag)\(insertions.count) "
        var scalars = text.unicodeScalars
        scalars.insert(contentsOf: tag.unicodeScalars, at: scalars.index(of: place))
        text = String(scalars)
        insertions.append((place, tag.utf8.count))
        return true
    }

    /// The place in the text as it was before all insertions.
    func original(_ place: Location) -> Location {
        var place = place
        for insertion in insertions.reversed()
        where insertion.place.line == place.line && insertion.place.column < place.column {
            place.column -= insertion.length
        }
        return place
    }
}
