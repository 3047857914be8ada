/// The request ids of entries that lie back to back in a frame and are the same in all else.
@frozen
public struct EntryRow {
    /// The entry headers, one after the other.
    @usableFromInline let bytes: WireBytes
    @usableFromInline var position = 0

    @inlinable @inline(__always)
    init(proven bytes: WireBytes) { self.bytes = bytes }

    /// How many there are.
    @inlinable public var count: Int { (bytes.count - position) / Limits.entryHeader }

    /// The first of them. Traps when there is none.
    @inlinable @inline(__always)
    public var first: RequestID { RequestID(bytes.load(UInt64.self, at: position + 8)) }

    /// Drops the first. Traps when there is none.
    @inlinable @inline(__always)
    public mutating func dropFirst() {
        precondition(position < bytes.count, "an id behind the last one")
        position += Limits.entryHeader
    }
}

extension Submission {
    /// `entry`, which was taken last, and those behind it that are like it in all but their request ids, which are taken
    /// with it. Arguments are not compared, so an entry that has one is alone.
    @inlinable @inline(__always)
    public mutating func row(from entry: Entry) -> EntryRow {
        let start = position - entry.size
        var end = start + Limits.entryHeader
        if entry.argument.count == 0 {
            while remaining > 0, Self.isLikeTheOneBefore(bytes, at: end) {
                end += Limits.entryHeader
                remaining -= 1
            }
            position = end
        }
        let row = EntryRow(proven: bytes.slice(start, end - start))
        precondition(row.first == entry.requestID, "a row that begins with another entry")
        return row
    }
}
