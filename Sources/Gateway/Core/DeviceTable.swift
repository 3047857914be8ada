import RingPolicy
import RingProtocol

/// What the gateway keeps about each device over all sessions and policies: who has it open, how much is
/// asked of it, and whether an operator has taken it out of use.
///
/// A device is known from its first use until the gateway ends; files that its commands gave count as the
/// device.
struct DeviceTable {
    /// Position that a tag can name in 15 bits, counted from 1; 0 is no device.
    typealias Index = UInt16

    /// An operator's word about a device.
    struct Order: Sendable {
        let reason: String
        /// Who said so.
        let identity: String
        /// Seconds since 1970.
        let time: UInt64
    }

    enum Availability {
        case enabled
        /// No new opens.
        case draining(Order)
        /// No use at all.
        case disabled(Order)

        /// As documents have it.
        var word: String {
            switch self {
            case .enabled: "enabled"
            case .draining: "draining"
            case .disabled: "disabled"
            }
        }

        var order: Order? {
            switch self {
            case .enabled: nil
            case .draining(let order), .disabled(let order): order
            }
        }
    }

    struct Entry {
        /// As the policy in force has it, or had it last.
        var device: Device
        var meter: Meter
        var availability = Availability.enabled
        /// Files open or on their way to be opened or closed.
        var files = 0
        /// The last lease on it has ended; once its files are closed it is to be made safe.
        var isVacated = false
        /// The loop that operates it, or its own process.
        var loop: UInt8

        var name: String { device.name }
    }

    private var entries: [Entry] = []
    private var indices: [String: Index] = [:]

    private let loops: Int
    /// Numbers, behind those of the loops, of the devices that a process of their own operates.
    private let processes: [String: UInt8]
    /// The devices of the policy in force.
    private var current: [String: Device] = [:]
    /// Profiles whose files may be handed to the kernel by commands of others.
    private var takenProfiles: Set<String> = []

    static let limit = 0x7fff

    /// Deals the devices out to `loops` loops, by their order, but for those that have a process.
    init(loops: Int = 1, _ devices: [Device] = [], processes: [String: UInt8] = [:]) {
        self.loops = loops
        self.processes = processes
        setCurrent(devices)
    }

    private mutating func setCurrent(_ devices: [Device]) {
        current = Dictionary(devices.map { ($0.name, $0) }) { first, _ in first }
        takenProfiles = Set(devices.flatMap(\.profile.takenProfiles))
    }

    /// Files that may meet in one command are all the first loop's.
    private func loop(of device: Device, _ index: Index) -> UInt8 {
        if device.hasOwnProcess, let process = processes[device.name] { return process }
        let mayMeet =
            takenProfiles.contains(device.profile.name)
            || device.profile.commands.contains(where: \.usesDescriptors)
        return mayMeet ? 0 : UInt8(Int(index) % loops)
    }

    func index(_ name: String) -> Index? { indices[name] }
    func find(_ name: String) -> Entry? { indices[name].map { self[$0] } }

    subscript(index: Index) -> Entry {
        _read { yield entries[Int(index) - 1] }
        _modify { yield &entries[Int(index) - 1] }
    }

    /// Decides whether the device may be opened now, and counts its file until `left`.
    mutating func enter(_ device: Device, now: UInt64) throws(Refusal) -> Index {
        let index = try known(device, now: now)
        try requireAvailable(index)
        self[index].files += 1
        return index
    }

    /// Refuses a device that an operator has taken out of use.
    func requireAvailable(_ index: Index) throws(Refusal) {
        let device = self[index]
        switch self[index].availability {
        case .enabled: break
        case .draining(let order):
            throw Refusal(.unavailable, "`\(device.name)` takes no new opens: \(order.reason)")
        case .disabled(let order): throw Self.disabled(device.name, order.reason)
        }
    }

    /// Devices that are to be made safe.
    var vacated: [Index] { entries.indices.filter { entries[$0].isVacated }.map { Index($0 + 1) } }

    var all: Range<Index> { 1..<Index(entries.count + 1) }

    static func disabled(_ name: String, _ reason: String) -> Refusal {
        Refusal(.unavailable, "`\(name)` is disabled: \(reason)")
    }

    /// One more file of a device that is open already: one that a command gives.
    mutating func enterAgain(_ index: Index) { self[index].files += 1 }

    /// A file counted by `enter` is closed, or was never opened.
    mutating func left(_ index: Index) { self[index].files -= 1 }

    /// The device's place, given to it now if it has none.
    mutating func known(_ device: Device, now: UInt64) throws(Refusal) -> Index {
        if let known = indices[device.name] { return known }
        guard entries.count < Self.limit else {
            throw Refusal(.busy, "\(Self.limit) devices have been in use since the gateway's start")
        }
        // A loop that has not got the policy in force yet may still ask as the one before has it.
        let device = current[device.name] ?? device
        let index = Index(entries.count + 1)
        entries.append(
            Entry(
                device: device, meter: Meter(device.limits, now: now), loop: loop(of: device, index)))
        indices[device.name] = index
        return index
    }

    // MARK: Administration

    /// Sets what an operator says about a device of the policy.
    mutating func set(_ availability: Availability, of device: Device, now: UInt64) throws(Refusal) -> Index {
        let index = try known(device, now: now)
        self[index].availability = availability
        return index
    }

    /// Goes by another policy from now on. The result are devices that are had in another way now: files that were opened in
    /// the old way count for nobody.
    mutating func change(to devices: [Device], now: UInt64) -> [Index] {
        var changed: [Index] = []
        setCurrent(devices)
        for position in entries.indices {
            let new = current[entries[position].name]?.limits ?? UseLimits()
            if let device = current[entries[position].name] {
                let old = entries[position].device
                if old.lease.mode != device.lease.mode || (old.console == nil) != (device.console == nil) {
                    changed.append(Index(position + 1))
                }
                entries[position].device = device
                if entries[position].files == 0, device.console == nil {
                    entries[position].loop = loop(of: device, Index(position + 1))
                }
            }
            if new != entries[position].meter.limits { entries[position].meter.change(to: new, now: now) }
        }
        return changed
    }

    /// Refuses one more entry on the device when that would be one too many for it.
    mutating func check(_ index: Index, now: UInt64) throws(Refusal) {
        guard let obstacle = self[index].meter.obstacle(now: now) else { return }
        throw Refusal(.busy, "`\(self[index].name)` takes no more at a time: \(obstacle)")
    }
}
