/// Bytes on their way in one direction, with the times from which they may go on. Knows no socket and no clock.
struct ChaosQueue {
    /// Bytes held before no more are taken from the sender.
    static let limit = 1 << 20
    private static let largestPiece = 64 << 10
    private static let second: UInt64 = 1_000_000_000
    /// What the pace may catch up with after it was held up, in nanoseconds; timers are no finer than 1 ms.
    private static let catchUp: UInt64 = 10_000_000

    private struct Chunk {
        let due: UInt64
        var bytes: ArraySlice<UInt8>
    }

    enum Turn {
        case send(ArraySlice<UInt8>)
        /// Nothing before this time.
        case wait(UInt64)
        case empty
    }

    private var chunks: [Chunk] = []
    /// Chunks before it are done.
    private var first = 0
    private(set) var count = 0
    /// When the rate allows the next piece.
    private var freeAt: UInt64 = 0

    var isFull: Bool { count >= Self.limit }

    /// Adds what was read at `now`. It is not due before what was read earlier.
    mutating func append(_ bytes: [UInt8], now: UInt64, delay: UInt64) {
        guard !bytes.isEmpty else { return }
        let earliest = first < chunks.count ? chunks[chunks.count - 1].due : 0
        let (due, overflow) = now.addingReportingOverflow(delay)
        chunks.append(Chunk(due: max(earliest, overflow ? .max : due), bytes: bytes[...]))
        count += bytes.count
    }

    /// The next piece to send, of at most `most` bytes.
    func turn(_ flow: ChaosPlan.Flow, most: UInt64, now: UInt64) -> Turn {
        guard first < chunks.count else { return .empty }
        let chunk = chunks[first]
        guard chunk.due <= now else { return .wait(chunk.due) }
        if flow.rate != nil, freeAt > now { return .wait(freeAt) }
        var size = min(Self.largestPiece, Int(clamping: most))
        if let segment = flow.segment { size = min(size, max(segment, 1)) }
        if let rate = flow.rate { size = min(size, max(rate / 100, 1)) }
        return .send(chunk.bytes.prefix(size))
    }

    /// Drops what the socket has taken of a piece.
    mutating func remove(_ size: Int, rate: Int?, now: UInt64) {
        count -= size
        chunks[first].bytes.removeFirst(size)
        if chunks[first].bytes.isEmpty { first += 1 }
        if first == chunks.count || first == 1_024 {
            chunks.removeFirst(first)
            first = 0
        }
        guard let rate, rate > 0 else { return }
        let base = max(freeAt, now > Self.catchUp ? now - Self.catchUp : 0)
        freeAt = base &+ UInt64(size) &* Self.second / UInt64(rate)
    }

    mutating func removeAll() {
        chunks = []
        first = 0
        count = 0
    }
}
