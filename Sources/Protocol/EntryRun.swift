/// Proven entries, back to back: a chain, or one entry.
public struct EntryRun {
    public let bytes: WireBytes
    public private(set) var remaining: Int
    private var position = 0

    /// `bytes` are whole entries that a `Submission` has proven, `count` of them.
    public init(proven bytes: WireBytes, count: Int) {
        self.bytes = bytes
        remaining = count
    }

    /// The next entry, or nil after the last.
    public mutating func next() -> Entry? {
        guard remaining > 0 else { return nil }
        let entry = Entry(proven: bytes, at: position)
        position += entry.size
        remaining -= 1
        return entry
    }
}

extension Submission {
    /// `entry`, which was taken last, and those that it is linked to, which are taken with it.
    public mutating func chain(from entry: Entry) -> EntryRun {
        let start = position - entry.size
        var count = 1
        var last = entry
        while last.flags.joinsNext, let linked = next() {
            last = linked
            count += 1
        }
        return EntryRun(proven: bytes.slice(start, position - start), count: count)
    }
}

extension EntryFlags {
    /// Whether the entry may have to wait for others, or others for it.
    @inlinable public var isSequenced: Bool { !isDisjoint(with: [.link, .hardlink, .drain]) }
}
