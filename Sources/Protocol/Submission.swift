/// The entries of one submission frame. Making one proves the framing of *all* of them, so that a malformed
/// frame runs nothing; walking it allocates nothing.
@frozen
public struct Submission {
    @usableFromInline let bytes: WireBytes
    /// Entries not yet taken.
    @usableFromInline var remaining: Int
    @usableFromInline var position = 0
    /// The greatest request id of the frame.
    public let lastRequestID: RequestID
    /// All flags that some entry of the frame has.
    public let flags: EntryFlags

    /// What the entries looked at so far leave to be known for the next.
    private struct Proof {
        var last: RequestID
        var flags: EntryFlags = []
        /// Members of the chain that the next entry continues.
        var chain = 0
        /// Whether the entry before has neither flags nor an argument.
        var isBare = false
    }

    /// Proves lengths, padding, flags, request ids and chains.
    ///
    /// `allowed` are the flags of the granted features, `after` the last request id the session has used.
    public init(_ frame: Frame, allowed: EntryFlags, after: RequestID) throws(WireError) {
        bytes = frame.payload
        remaining = frame.header.count
        guard remaining > 0 else { throw WireError(.malformed, rule: 10, "a submission without entries") }
        guard remaining <= Limits.entriesPerFrame else {
            throw WireError(
                .limit, rule: 11, "\(remaining) entries in one frame; at most \(Limits.entriesPerFrame)")
        }
        var position = 0
        var proof = Proof(last: after)
        for index in 0..<remaining {
            if proof.isBare, Self.isLikeTheOneBefore(bytes, at: position) {
                let requestID = RequestID(bytes.load(UInt64.self, at: position + 8))
                guard requestID > proof.last else {
                    throw Self.outOfOrder(requestID, after: proof.last, UInt32(index))
                }
                proof.last = requestID
                position += Limits.entryHeader
                continue
            }
            position += try Self.prove(
                bytes, at: position, index: UInt32(index), allowed: allowed, after: &proof)
        }
        guard position == bytes.count else {
            throw WireError(.malformed, rule: 12, "\(bytes.count - position) bytes behind the last entry")
        }
        guard proof.chain == 0 else {
            throw WireError(
                .malformed, rule: 34, entry: UInt32(remaining - 1), "the frame ends inside a chain")
        }
        lastRequestID = proof.last
        flags = proof.flags
    }

    /// Size of the entry at `position`, once it is proven to be well-formed.
    private static func prove(
        _ bytes: WireBytes, at position: Int, index: UInt32, allowed: EntryFlags, after proof: inout Proof
    ) throws(WireError) -> Int {
        guard bytes.count - position >= Limits.entryHeader else {
            throw WireError(.malformed, rule: 12, entry: index, "the frame ends inside an entry header")
        }
        let header = bytes.slice(position, Limits.entryHeader)
        let flags = EntryFlags(rawValue: header.load(UInt8.self, at: 1))
        guard flags.isSubset(of: allowed) else {
            let extra = flags.subtracting(allowed).rawValue
            throw WireError(
                .reserved, rule: 13, entry: index, "flag bits \(extra) belong to no granted feature")
        }
        proof.flags.formUnion(flags)
        proof.chain = flags.joinsNext ? proof.chain + 1 : 0
        guard proof.chain < Limits.chain else {
            throw WireError(.limit, rule: 34, entry: index, "a chain of more than \(Limits.chain) entries")
        }
        let requestID = RequestID(header.load(UInt64.self, at: 8))
        guard requestID > proof.last else { throw outOfOrder(requestID, after: proof.last, index) }
        proof.last = requestID
        let length = Int(header.load(UInt32.self, at: 28))
        guard length <= Limits.payload else {
            throw WireError(
                .limit, rule: 15, entry: index, "argument of \(length) bytes; at most \(Limits.payload)")
        }
        let padded = Limits.padded(length)
        guard bytes.count - position - Limits.entryHeader >= padded else {
            throw WireError(.malformed, rule: 12, entry: index, "the frame ends inside an argument")
        }
        guard bytes.slice(position + Limits.entryHeader, padded).isZero(from: length) else {
            throw WireError(.reserved, rule: 16, entry: index, "padding behind the argument is not zero")
        }
        proof.isBare = length == 0 && flags.isEmpty
        return Limits.entryHeader + padded
    }

    private static func outOfOrder(_ id: RequestID, after last: RequestID, _ index: UInt32) -> WireError {
        WireError(.requestID, rule: 14, entry: index, "request id \(id.value) is not above \(last.value)")
    }

    /// Whether the entry header at `position` is that of the entry before, which ends there and has no argument, but for the
    /// request id. False where no whole header is.
    @inlinable @inline(__always)
    static func isLikeTheOneBefore(_ bytes: WireBytes, at position: Int) -> Bool {
        guard position >= Limits.entryHeader, bytes.count - position >= Limits.entryHeader else {
            return false
        }
        let both = bytes.slice(position - Limits.entryHeader, 2 * Limits.entryHeader)
        return both.load(UInt64.self, at: 0) == both.load(UInt64.self, at: Limits.entryHeader)
            && both.load(UInt64.self, at: 16) == both.load(UInt64.self, at: Limits.entryHeader + 16)
            && both.load(UInt64.self, at: 24) == both.load(UInt64.self, at: Limits.entryHeader + 24)
    }

    /// The next entry, or nil after the last.
    @inlinable @inline(__always)
    public mutating func next() -> Entry? {
        guard remaining > 0 else { return nil }
        let entry = Entry(proven: bytes, at: position)
        position += entry.size
        remaining -= 1
        return entry
    }
}
