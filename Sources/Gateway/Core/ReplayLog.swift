import RingProtocol

/// What a client has been told and has not acknowledged: kept so that it can be told again on another connection.
///
/// Completions are counted from 1 over the whole session. The session's credits bound what is kept.
struct ReplayLog: ~Copyable {
    /// What one completion gives back when it is acknowledged.
    private struct Kept {
        /// Its own bytes, with padding.
        let size: Int32
        /// Payload bytes of the session's credit.
        let charge: UInt32
        let isFinal: Bool
    }
    /// What acknowledging has given back.
    struct Returned {
        var entries = 0
        var payload = 0
    }

    private var bytes = ByteBuffer()
    private var kept: [Kept] = []
    /// The first of `kept` that is not acknowledged.
    private var first = 0
    private(set) var acknowledged: UInt64 = 0

    /// Completions there have been.
    var total: UInt64 { acknowledged + UInt64(kept.count - first) }
    var isEmpty: Bool { first == kept.count }
    /// Bytes of the completions that are kept.
    var size: Int { bytes.count }

    mutating func append(_ header: CompletionHeader, _ payload: UnsafeRawBufferPointer, charge: Int) {
        let space = bytes.space(header.size)
        header.encode(into: space)
        if payload.count > 0 { space.storeWirePadded(payload, at: Limits.completionHeader) }
        bytes.commit(header.size)
        kept.append(
            Kept(
                size: Int32(header.size), charge: UInt32(charge), isFinal: !header.flags.contains(.more)))
    }

    /// Completions without a payload, one after the other, each the last of its entry.
    mutating func append(bare completions: UnsafeRawBufferPointer, charge: Int) {
        bytes.append(completions)
        let one = Kept(size: Int32(Limits.completionHeader), charge: UInt32(charge), isFinal: true)
        kept.append(contentsOf: repeatElement(one, count: completions.count / Limits.completionHeader))
    }

    /// Forgets what the client has. nil when the number makes no sense: it decreases, or counts what never was.
    mutating func acknowledge(_ number: UInt64) -> Returned? {
        guard number >= acknowledged, number <= total else { return nil }
        var returned = Returned()
        var size = 0
        let count = Int(number - acknowledged)
        for completion in kept[first..<first + count] {
            size += Int(completion.size)
            returned.payload += Int(completion.charge)
            if completion.isFinal { returned.entries += 1 }
        }
        bytes.consume(size)
        first += count
        acknowledged = number
        forgetAcknowledged()
        return returned
    }

    /// Moves what is kept to the front once that is worth its cost.
    private mutating func forgetAcknowledged() {
        guard first == kept.count || first >= 1_024 else { return }
        kept.removeFirst(first)
        first = 0
    }

    /// Hands over what is kept, completion by completion, in order.
    func replay(_ body: (UnsafeRawBufferPointer) -> Void) {
        var position = 0
        for completion in kept[first...] {
            let size = Int(completion.size)
            body(UnsafeRawBufferPointer(rebasing: bytes.bytes[position..<position + size]))
            position += size
        }
    }
}
