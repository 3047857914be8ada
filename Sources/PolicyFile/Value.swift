/// What a YAML text says, with the place of everything: the only form the readers see.
///
/// Scalars keep their text. Nothing is guessed from it: whether `010` or `yes` is a number, a name or wrong
/// is for the reader to decide that knows what belongs there.
struct Value: Sendable {
    struct Pair: Sendable {
        let key: Value
        let value: Value
    }
    enum Content: Sendable {
        case text(String, isQuoted: Bool)
        case list([Value])
        case map([Pair])
    }

    let content: Content
    let place: Location

    /// The scalar's text, however it is written.
    var text: String? {
        if case .text(let text, _) = content { text } else { nil }
    }

    /// What is there, for messages about what should be.
    var words: String {
        switch content {
        case .text("", isQuoted: false): "nothing"
        case .text(let text, _): "`\(text.prefix(40))`"
        case .list(let items): items.isEmpty ? "an empty list" : "a list"
        case .map(let pairs): pairs.isEmpty ? "an empty mapping" : "a mapping"
        }
    }

    /// Whether this is text in quotes.
    var isQuoted: Bool {
        if case .text(_, isQuoted: true) = content { true } else { false }
    }

    var isEmptyList: Bool {
        if case .list(let items) = content { items.isEmpty } else { false }
    }

    /// Words a YAML reader may take for null or a truth value when they are not quoted.
    private static let reserved: Set<String> = [
        "", "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n",
    ]

    /// Whether this is unquoted text that means something else to YAML readers than its letters.
    var isReservedWord: Bool {
        if case .text(let text, isQuoted: false) = content {
            Self.reserved.contains(text.lowercased())
        } else {
            false
        }
    }
}
