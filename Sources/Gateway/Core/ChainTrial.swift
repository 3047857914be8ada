import RingPolicy
import RingProtocol

/// Proves a chain before any of it runs: identity, shape, constraints and rule of every element, as if those before it
/// had succeeded. Files that are opened or given inside the chain count for what comes after.
struct ChainTrial {
    /// What slots will hold that the chain changes; nil for nothing.
    private var changed: [FileSlot: Grant?] = [:]
    /// What each element that runs on a file is decided by; nil for the others.
    private(set) var grants: [Grant?] = []
    /// Whether some element changes something.
    private(set) var isMutating = false
    private let slots: SlotTable
    private let rights: PeerPolicy

    init(slots: SlotTable, rights: PeerPolicy) {
        self.slots = slots
        self.rights = rights
    }

    /// The result is what the element takes of the session's payload credit.
    mutating func judge(_ entry: Entry, _ layout: inout Layout) throws(Refusal) -> Int {
        try entry.requirePlausible()
        switch entry.operation {
        case .command, .read, .write, .sync, .poll: return try judgeUse(entry, &layout)
        default: return try judgeOther(entry)
        }
    }

    private mutating func judgeOther(_ entry: Entry) throws(Refusal) -> Int {
        grants.append(nil)
        switch entry.operation {
        case .nop, .list: try entry.requireZero()
        case .describe, .context: try entry.requireZero(argument: true)
        case .open:
            try entry.requireZero(slot: true, offset: true, argument: true)
            let authorized = try rights.authorizeOpen(entry.argument)
            try checkFree(entry.slot)
            changed[entry.slot] = authorized.grant
        case .close:
            try entry.requireZero(slot: true)
            _ = try grant(entry.slot)
            changed[entry.slot] = .some(nil)
        case .timeout: _ = try entry.requiredDelay()
        case .cancel, .credit, .lease: return entry.argument.count
        case .command, .read, .write, .sync, .poll, nil:
            throw Refusal(.unsupported, "the operation is unknown")
        }
        return 0
    }

    private mutating func judgeUse(_ entry: Entry, _ layout: inout Layout) throws(Refusal) -> Int {
        let grant = try grant(entry.slot)
        let command = try grant.authorize(entry, on: OpenFileID(0), &layout) { held($0) }
        grants.append(grant)
        if command.isMutating { isMutating = true }
        let charge =
            try entry.isStream
            ? StreamTerms(entry).charge : entry.argument.count + command.replySize
        if let gives = command.extras?.gives {
            try checkFree(gives.slot)
            changed[gives.slot] = grant.handles[gives.handle].grant
        }
        return charge
    }

    private func grant(_ slot: FileSlot) throws(Refusal) -> Grant {
        guard let change = changed[slot] else { return try slots.open(slot).grant.takeUnretainedValue() }
        guard let grant = change else {
            throw Refusal(.slotNotOpen, "slot \(slot.index) is closed earlier in the chain")
        }
        return grant
    }

    private func checkFree(_ slot: FileSlot) throws(Refusal) {
        guard let change = changed[slot] else { return try slots.checkFree(slot) }
        guard change == nil else {
            throw Refusal(.slotInUse, "slot \(slot.index) is filled earlier in the chain")
        }
    }

    private func held(_ slot: FileSlot) -> HeldSlot? {
        guard let change = changed[slot] else { return slots.held(slot) }
        return change.map { HeldSlot(file: OpenFileID(0), profile: $0.device.profile.name) }
    }
}
