/// Things in memory that never moves, addressed by index and generation: the kernel, the engine and other things
/// refer to them.
struct PlaceTable<Thing: ~Copyable>: ~Copyable {
    private let things: UnsafeMutablePointer<Thing>
    private var isUsed: [Bool]
    private var generations: [UInt32]
    private var free: [UInt32]

    init(capacity: Int) {
        things = .allocate(capacity: capacity)
        isUsed = Array(repeating: false, count: capacity)
        generations = Array(repeating: 0, count: capacity)
        free = (0..<UInt32(capacity)).reversed()
    }

    deinit {
        for (index, used) in isUsed.enumerated() where used { (things + index).deinitialize(count: 1) }
        things.deallocate()
    }

    var count: Int { isUsed.count - free.count }
    var capacity: Int { isUsed.count }

    /// A place for a new thing and the generation it must carry, or nil when the table is full.
    mutating func reserve() -> Place? {
        guard let index = free.popLast() else { return nil }
        generations[Int(index)] = (generations[Int(index)] + 1) & Place.generationMask
        return Place(index: index, generation: generations[Int(index)])
    }

    @discardableResult
    mutating func place(_ thing: consuming Thing, at index: UInt32) -> UnsafeMutablePointer<Thing> {
        (things + Int(index)).initialize(to: thing)
        isUsed[Int(index)] = true
        return things + Int(index)
    }

    /// Undoes `reserve` for a place that was not filled.
    mutating func cancelReservation(_ index: UInt32) { free.append(index) }

    /// Takes the thing out, for another table.
    mutating func take(_ index: UInt32) -> Thing {
        isUsed[Int(index)] = false
        free.append(index)
        return (things + Int(index)).move()
    }

    mutating func remove(_ index: UInt32) {
        (things + Int(index)).deinitialize(count: 1)
        isUsed[Int(index)] = false
        free.append(index)
    }

    /// The thing at `index`, if it is still the one of that generation.
    @inline(__always)
    func find(_ index: UInt32, _ generation: UInt32) -> UnsafeMutablePointer<Thing>? {
        guard Int(index) < isUsed.count, isUsed[Int(index)], generations[Int(index)] == generation else {
            return nil
        }
        return things + Int(index)
    }

    @inline(__always)
    subscript(index: UInt32) -> UnsafeMutablePointer<Thing>? {
        isUsed[Int(index)] ? things + Int(index) : nil
    }
}

/// Where a thing is, and which of those that are there one after the other.
struct Place: Hashable {
    let index: UInt32
    let generation: UInt32

    /// Generations are kept to 24 bits, so that they fit into a completion's user data.
    static let generationMask: UInt32 = 0xff_ffff
}
