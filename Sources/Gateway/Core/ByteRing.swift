/// The last bytes of a stream. Positions count from the stream's beginning and never start over.
struct ByteRing {
    private var storage: [UInt8]
    /// Position behind the newest byte: how many bytes there have been.
    private(set) var end: UInt64 = 0

    /// Keeps `capacity` bytes, at least one.
    init(capacity: Int) { storage = Array(repeating: 0, count: max(capacity, 1)) }

    var capacity: Int { storage.count }

    /// Position of the oldest byte that is still there.
    var start: UInt64 { end - min(end, UInt64(capacity)) }

    /// Adds bytes behind the newest, over the oldest. Allocates nothing.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        let kept = UnsafeRawBufferPointer(rebasing: bytes.suffix(capacity))
        let index = index(of: end &+ UInt64(bytes.count - kept.count))
        let first = min(kept.count, capacity - index)
        // Inside the storage: `kept` has at most `capacity` bytes, and its first part ends at the storage's end.
        storage.withUnsafeMutableBytes { ring in
            UnsafeMutableRawBufferPointer(rebasing: ring[index...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: kept[..<first]))
            ring.copyMemory(from: UnsafeRawBufferPointer(rebasing: kept[first...]))
        }
        end &+= UInt64(bytes.count)
    }

    /// Lends bytes that are there, in two parts; the second is empty where they lie in one piece.
    func withBytes<Result>(
        at position: UInt64, count: Int,
        _ body: (_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Result
    ) -> Result {
        precondition(
            position >= start && count >= 0 && position <= end && UInt64(count) <= end - position,
            "bytes that are not there")
        let index = index(of: position)
        let first = min(count, capacity - index)
        return storage.withUnsafeBytes { ring in
            body(
                UnsafeRawBufferPointer(rebasing: ring[index..<index + first]),
                UnsafeRawBufferPointer(rebasing: ring[..<(count - first)]))
        }
    }

    private func index(of position: UInt64) -> Int { Int(position % UInt64(capacity)) }
}
