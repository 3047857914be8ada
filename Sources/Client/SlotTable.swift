import RingProtocol

/// A slot while one file has it. The number tells it from the same slot held by another file later.
struct SlotLease: Hashable, Sendable {
    let slot: FileSlot
    let number: UInt64

    /// No file's.
    static let none = SlotLease(slot: FileSlot(0), number: 0)
}

/// Which file slots of the session are in use, as the client knows it.
///
/// A file that a command gave has an owner, and the gateway closes it with the owner; so its slot goes with the
/// owner's here too.
struct SlotTable {
    private struct Holder {
        let number: UInt64
        let owner: FileSlot?
        var isClosing = false
    }

    private var holders: [Holder?]
    private var taken: UInt64 = 0

    init(count: Int) { holders = Array(repeating: nil, count: count) }

    /// All slots of a new session are free, and no lease of the old one holds any of them.
    mutating func renew(count: Int) { holders = Array(repeating: nil, count: count) }

    /// The lowest free slot, now in use; nil when all are.
    mutating func take(for owner: SlotLease? = nil) -> SlotLease? {
        guard let index = holders.firstIndex(where: { $0 == nil }) else { return nil }
        taken += 1
        holders[index] = Holder(number: taken, owner: owner?.slot)
        return SlotLease(slot: FileSlot(UInt16(index)), number: taken)
    }

    /// Whether the slot still belongs to who took it.
    func holds(_ lease: SlotLease) -> Bool {
        Int(lease.slot.index) < holders.count && holders[Int(lease.slot.index)]?.number == lease.number
    }

    /// Keeps the slot until its own close is answered, even when the owner's is answered first.
    mutating func markClosing(_ lease: SlotLease) {
        if holds(lease) { holders[Int(lease.slot.index)]?.isClosing = true }
    }

    /// The close was refused: the slot's file is still open.
    mutating func markOpen(_ lease: SlotLease) {
        if holds(lease) { holders[Int(lease.slot.index)]?.isClosing = false }
    }

    /// Frees the slot, and those of the files its file gave.
    mutating func free(_ lease: SlotLease) {
        guard holds(lease) else { return }
        var freed = [lease.slot]
        while let slot = freed.popLast() {
            holders[Int(slot.index)] = nil
            for (index, holder) in holders.enumerated()
            where holder?.owner == slot && holder?.isClosing == false {
                freed.append(FileSlot(UInt16(index)))
            }
        }
    }

    var usedCount: Int { holders.count { $0 != nil } }
}
