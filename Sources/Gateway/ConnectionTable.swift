typealias ConnectionPointer = UnsafeMutablePointer<Connection>

/// All connections, in memory that never moves, addressed by index and generation.
struct ConnectionTable: ~Copyable {
    private let connections: ConnectionPointer
    private var isUsed: [Bool]
    private var generations: [UInt32]
    private var free: [UInt32]

    init(capacity: Int) {
        connections = .allocate(capacity: capacity)
        isUsed = Array(repeating: false, count: capacity)
        generations = Array(repeating: 0, count: capacity)
        free = (0..<UInt32(capacity)).reversed()
    }

    deinit {
        for (index, used) in isUsed.enumerated() where used { (connections + index).deinitialize(count: 1) }
        connections.deallocate()
    }

    var count: Int { isUsed.count - free.count }
    var capacity: Int { isUsed.count }

    /// Generations are kept to 24 bits, so that they fit into a completion's user data.
    static let generationMask: UInt32 = 0xff_ffff

    /// A place for a new connection and the generation it must carry, or nil when the table is full.
    mutating func reserve() -> (index: UInt32, generation: UInt32)? {
        guard let index = free.popLast() else { return nil }
        generations[Int(index)] = (generations[Int(index)] + 1) & Self.generationMask
        return (index, generations[Int(index)])
    }

    mutating func place(_ connection: consuming Connection, at index: UInt32) {
        (connections + Int(index)).initialize(to: connection)
        isUsed[Int(index)] = true
    }

    /// Undoes `reserve` for a place that was not filled.
    mutating func cancelReservation(_ index: UInt32) { free.append(index) }

    mutating func remove(_ index: UInt32) {
        (connections + Int(index)).deinitialize(count: 1)
        isUsed[Int(index)] = false
        free.append(index)
    }

    /// The connection at `index`, if it is still the one of that generation.
    @inline(__always)
    func find(_ index: UInt32, _ generation: UInt32) -> ConnectionPointer? {
        guard Int(index) < isUsed.count, isUsed[Int(index)], generations[Int(index)] == generation else {
            return nil
        }
        return connections + Int(index)
    }

    @inline(__always)
    subscript(index: UInt32) -> ConnectionPointer? {
        isUsed[Int(index)] ? connections + Int(index) : nil
    }
}
