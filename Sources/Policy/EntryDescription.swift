import RingProtocol

/// An entry in the words of its profile, for records of it.
public struct EntryDescription: Sendable {
    /// The command's name; nil for a transfer, and for what the profile does not know.
    public let command: String?
    public let effect: Effect
    /// Id of the rule that allows it; empty when none does.
    public let rule: String
    /// The numbers in the argument's fields, in the order of the profile; elements of arrays with their index. Not more than
    /// ``maximumValues``.
    public let values: [(name: String, value: Int128)]

    /// Fields that a description has.
    public static let maximumValues = 32
}

extension Grant {
    /// What an entry that the grant allows would do, and by which rule.
    public func describe(_ entry: Entry) -> EntryDescription {
        var layout = Layout()
        let meant = meant(by: entry, &layout)
        let effect: Effect = entry.operation == .write ? .write : .read
        return EntryDescription(
            command: meant?.shape.name, effect: meant?.shape.effect ?? effect,
            rule: rule(allowing: entry, meant, layout), values: meant?.shape.values(entry, layout) ?? [])
    }
}

extension CommandShape {
    fileprivate func values(_ entry: Entry, _ layout: borrowing Layout) -> [(name: String, value: Int128)] {
        var values: [(name: String, value: Int128)] = []
        for place in 0..<layout.count where layout[place].argument >= 0 {
            let span = layout[place]
            let block = blocks[Int(span.block)]
            for element in 0..<Int(span.count) {
                let base = Int(span.argument) + element * Int(span.stride)
                for field in block.fields {
                    guard values.count < EntryDescription.maximumValues else { return values }
                    guard let value = field.reader?.read(entry.argument, at: base) else { continue }
                    let path = block.path(of: field.name)
                    values.append((span.count > 1 ? "\(path)[\(element)]" : path, value))
                }
            }
        }
        return values
    }
}
