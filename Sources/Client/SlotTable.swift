import RingProtocol

/// Which file slots of the session are in use, as the client knows it.
struct SlotTable {
    private var isUsed: [Bool]

    init(count: Int) { isUsed = Array(repeating: false, count: count) }

    /// The lowest free slot, now in use; nil when all are.
    mutating func take() -> FileSlot? {
        guard let index = isUsed.firstIndex(of: false) else { return nil }
        isUsed[index] = true
        return FileSlot(UInt16(index))
    }

    mutating func free(_ slot: FileSlot) { isUsed[Int(slot.index)] = false }

    var usedCount: Int { isUsed.count { $0 } }
}
