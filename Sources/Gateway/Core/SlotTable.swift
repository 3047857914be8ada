import RingPolicy
import RingProtocol

/// One session's files, by the numbers the client chose. A plain value without kernel or clock.
struct SlotTable {
    struct Slot {
        enum Use: UInt8 {
            case free
            /// Waits for an open, or for the command that gives the file.
            case opening
            case open
            case closing
        }
        var use = Use.free
        /// Whether the device has limits for all sessions.
        var isMetered = false
        /// Whether the gateway itself reads the device.
        var isConsole = false
        /// The device whose file it is, or whose command gave it.
        var device = DeviceTable.Index(0)
        var file = OpenFileID(0)
        /// The slot whose command gave the file; with it the file goes.
        var owner: FileSlot?
        /// What the client may do on the file; resolved when the slot was opened or the policy changed.
        var grant: Grant?
        /// The session's meter for each of the grant's limits; empty when there are none.
        var meters: [RuleMeters.Index] = []
        /// Why the file is on its way out, or gone, although the client has not closed it.
        var ending: SlotEnding?
    }

    /// An open slot as the hot path needs it: without counted references, so that looking at it counts none.
    struct OpenSlot {
        let file: OpenFileID
        let device: DeviceTable.Index
        let isMetered: Bool
        let isConsole: Bool
        /// Whether commands on it are for its device, and only policy and credit have a say in them.
        let isPlain: Bool
        /// The slot holds it, and stays as it is while an entry is decided.
        let grant: Unmanaged<Grant>

        /// nil for a slot that is not open.
        fileprivate init?(_ slot: Slot) {
            guard slot.use == .open, let grant = slot.grant else { return nil }
            file = slot.file
            device = slot.device
            isMetered = slot.isMetered
            isConsole = slot.isConsole
            isPlain = !isMetered && !isConsole && file != .gateway && file != .replay
            self.grant = .passUnretained(grant)
        }
    }

    /// A file that the caller has to close.
    struct Closing {
        let slot: FileSlot
        let file: OpenFileID
        let device: DeviceTable.Index
    }

    private var slots: [Slot] = []
    /// The open ones of `slots`, which `change` alone changes together with them.
    private var open: [OpenSlot?] = []

    /// Makes the slots that a welcome announces.
    mutating func create() {
        slots = Array(repeating: Slot(), count: Limits.slots)
        open = Array(repeating: nil, count: Limits.slots)
    }

    /// The one place where a slot changes.
    private mutating func change(_ index: Int, _ body: (inout Slot) -> Void) {
        body(&slots[index])
        open[index] = OpenSlot(slots[index])
    }

    subscript(slot: FileSlot) -> Slot { slots[Int(slot.index)] }

    /// Numbers of the slots that are not free, in order.
    var inUse: [FileSlot] { slots.indices.filter { slots[$0].use != .free }.map { FileSlot(UInt16($0)) } }

    /// The open slot an entry names.
    @inline(__always)
    func open(_ slot: FileSlot) throws(Refusal) -> OpenSlot {
        guard Int(slot.index) < open.count, let found = open[Int(slot.index)] else { throw notOpen(slot) }
        return found
    }

    /// The same when it is open and plain; nil for all else.
    @inline(__always)
    func plain(_ slot: FileSlot) -> OpenSlot? {
        guard Int(slot.index) < open.count, let found = open[Int(slot.index)], found.isPlain else {
            return nil
        }
        return found
    }

    /// What may be done on an open slot's file.
    func grant(_ slot: FileSlot) -> Grant? {
        Int(slot.index) < slots.count && slots[Int(slot.index)].use == .open
            ? slots[Int(slot.index)].grant : nil
    }

    /// The file that is open in a slot, or on its way out.
    func file(_ slot: FileSlot) -> OpenFileID? {
        guard Int(slot.index) < slots.count else { return nil }
        switch slots[Int(slot.index)].use {
        case .open, .closing: return slots[Int(slot.index)].file
        case .free, .opening: return nil
        }
    }

    /// What is open in another slot that a command's argument names.
    func held(_ slot: FileSlot) -> HeldSlot? {
        guard Int(slot.index) < slots.count, slots[Int(slot.index)].use == .open,
            slots[Int(slot.index)].file != .gateway, let grant = slots[Int(slot.index)].grant
        else { return nil }
        return HeldSlot(file: slots[Int(slot.index)].file, profile: grant.device.profile.name)
    }

    /// The same by the file.
    func held(of file: OpenFileID) -> HeldSlot? {
        inUse.first { self[$0].file == file && self[$0].use == .open }.flatMap(held)
    }

    private func notOpen(_ slot: FileSlot) -> Refusal {
        guard Int(slot.index) < slots.count else {
            return Refusal(.slotNotOpen, "slot \(slot.index) does not exist; there are \(slots.count)")
        }
        if let ending = slots[Int(slot.index)].ending { return ending.refusal(of: slot) }
        let why =
            slots[Int(slot.index)].use == .opening
            ? "is not open yet; wait for the completion of what opens it" : "is not open"
        return Refusal(.slotNotOpen, "slot \(slot.index) \(why)")
    }

    // MARK: Opening

    /// Whether a slot can be set aside for an open or a file that a command gives.
    func checkFree(_ slot: FileSlot) throws(Refusal) {
        guard Int(slot.index) < slots.count else { throw notOpen(slot) }
        guard slots[Int(slot.index)].use == .free else {
            throw Refusal(.slotInUse, "slot \(slot.index) is in use; close it first")
        }
    }

    /// Sets a slot aside that `checkFree` has passed.
    mutating func reserve(
        _ slot: FileSlot, _ grant: Grant, device: DeviceTable.Index, isMetered: Bool,
        meters: [RuleMeters.Index], owner: FileSlot? = nil
    ) {
        change(Int(slot.index)) {
            $0 = Slot(
                use: .opening, isMetered: isMetered,
                isConsole: owner == nil && grant.device.console != nil, device: device, owner: owner,
                grant: grant, meters: meters)
        }
    }

    /// The file is there. When its end was decided meanwhile, the result says why, and the caller has to
    /// close it.
    mutating func fill(_ slot: FileSlot, _ file: OpenFileID) -> SlotEnding? {
        let ending = slots[Int(slot.index)].ending
        change(Int(slot.index)) {
            $0.use = ending == nil ? .open : .closing
            $0.file = file
        }
        return ending
    }

    /// The slot may be used again: its file is closed, or was never opened.
    mutating func free(_ slot: FileSlot) {
        change(Int(slot.index)) { $0 = Slot(ending: $0.ending) }
    }

    // MARK: Closing

    /// Nothing more may name the slot's file or those given by it: they are the caller's to close, the slot's
    /// own first.
    mutating func beginClose(_ slot: FileSlot) throws(Refusal) -> [Closing] {
        _ = try open(slot)
        var closing: [Closing] = []
        close(slot, nil, &closing)
        return closing
    }

    /// The same for a slot whose end the client did not ask for; one that is being opened ends when it is
    /// open.
    mutating func end(_ slot: FileSlot, _ ending: SlotEnding) -> [Closing] {
        var closing: [Closing] = []
        close(slot, ending, &closing)
        return closing
    }

    /// The same for all slots. What is being opened is left to who waits for it.
    mutating func endAll() -> [Closing] {
        var closing: [Closing] = []
        for slot in inUse where self[slot].use == .open { close(slot, nil, &closing) }
        return closing
    }

    /// As deep as commands on files that commands gave; a slot that is closing already ends the way.
    private mutating func close(_ slot: FileSlot, _ ending: SlotEnding?, _ closing: inout [Closing]) {
        let index = Int(slot.index)
        switch slots[index].use {
        case .free, .closing: return
        case .opening: change(index) { $0.ending = $0.ending ?? ending }
        case .open:
            change(index) {
                $0.use = .closing
                $0.ending = ending
            }
            closing.append(Closing(slot: slot, file: slots[index].file, device: slots[index].device))
        }
        for handle in handles(of: slot) { close(handle, ending ?? .owner(slot), &closing) }
    }

    private func handles(of slot: FileSlot) -> [FileSlot] {
        inUse.filter { self[$0].owner == slot && $0 != slot }
    }

    // MARK: Another policy

    /// Puts what the peer may do now in place of what it might do before. What it may no longer use ends.
    mutating func regrant(by rights: PeerPolicy, _ meters: inout RuleMeters, now: UInt64) -> [Closing] {
        var closing: [Closing] = []
        for slot in inUse where self[slot].owner == nil && self[slot].isHeld {
            let device = self[slot].grant?.device
            let grant = device.flatMap { rights.grant(onDevice: $0.name) }
            let isSame = device.map { grant?.device.opensSameFile(as: $0) ?? false } ?? false
            regrant(
                slot, isSame ? grant : nil, isMetered: grant?.device.limits.needsMeter ?? false, &meters, now,
                &closing)
        }
        meters.keep(Set(slots.flatMap(\.meters)))
        return closing
    }

    private mutating func regrant(
        _ slot: FileSlot, _ grant: Grant?, isMetered: Bool, _ meters: inout RuleMeters, _ now: UInt64,
        _ closing: inout [Closing]
    ) {
        guard let grant else { return close(slot, .policyChanged, &closing) }
        let indices = meters.indices(for: grant, now: now)
        change(Int(slot.index)) {
            $0.grant = grant
            $0.isMetered = isMetered
            $0.isConsole = $0.owner == nil && grant.device.console != nil
            $0.meters = indices
        }
        for handle in handles(of: slot) where self[handle].isHeld {
            let profile = self[handle].grant?.device.profile.name
            let given = grant.handles.first { $0.profile == profile }?.grant
            regrant(handle, given, isMetered: isMetered, &meters, now, &closing)
        }
    }
}

extension SlotTable.Slot {
    /// Whether the client has the file, or is about to get it.
    var isHeld: Bool { use == .open || (use == .opening && ending == nil) }

    /// In administration's words.
    var word: String {
        switch use {
        case .free: "free"
        case .opening: "opening"
        case .open: "open"
        case .closing: "closing"
        }
    }
}

/// Why a slot's file goes although the client has not closed it.
enum SlotEnding: Sendable {
    /// The slot that gave it was closed.
    case owner(FileSlot)
    case policyChanged
    /// An operator took the device out of use; with the reason.
    case disabled(device: String, reason: String)

    /// The session's lease on the device has ended; with the words why.
    case leaseEnded(device: String, String)
    /// The device's node went away, or is another one.
    case gone(device: String)

    func refusal(of slot: FileSlot) -> Refusal {
        switch self {
        case .owner(let owner):
            Refusal(
                .slotNotOpen, "slot \(slot.index) was closed with slot \(owner.index), which had given it")
        case .policyChanged:
            Refusal(.slotNotOpen, "slot \(slot.index) was closed because the policy changed")
        case .disabled(let device, let reason): DeviceTable.disabled(device, reason)
        case .leaseEnded(let device, let why):
            Refusal(
                .slotNotOpen, "slot \(slot.index) was closed because the lease on `\(device)` ended: \(why)")
        case .gone(let device):
            Refusal(
                .slotNotOpen, "slot \(slot.index) was closed because `\(device)` went away; open it again")
        }
    }
}

extension OpenFileID {
    /// The gateway itself: no file of the engine.
    static var gateway: OpenFileID { OpenFileID(.max) }
    /// What a recording answers for; no file of the engine either.
    static var replay: OpenFileID { OpenFileID(.max - 1) }
}

extension Device {
    /// Whether what was opened as the other device is what this one would open.
    func opensSameFile(as other: Device) -> Bool {
        path == other.path && kind == other.kind && access == other.access && identity == other.identity
            && profile.name == other.profile.name && profile.releases == other.profile.releases
            && profile.usesWideRing == other.profile.usesWideRing
    }
}

extension Profile {
    fileprivate var usesWideRing: Bool { commands.contains { $0.transport == .wideRing } }
}
