import RingPolicy
import Synchronization

/// A worker's memory for the blocks of one ioctl(2) argument, each against a guard page.
///
/// Each place costs the process two of its memory areas, of which it may have 65,530 (vm.max_map_count). So a
/// worker has one place, a few more once a command needed them, and many only while a call runs that does.
struct GuardedArena: ~Copyable {
    private let root: GuardedPlaces
    private var few = GuardedPlaces()
    private var many = GuardedPlaces()
    private var large = GuardedPlaces()
    private let counters: EngineCounters

    init(_ counters: EngineCounters) throws(EngineError) {
        root = try GuardedPlaces(count: 1, size: CommandShape.maximumSize)
        self.counters = counters
    }

    /// The place for a struct that is the whole argument.
    @inline(__always)
    func place(_ size: Int) -> UnsafeMutableRawBufferPointer { root.place(0, size) }

    /// Gives each span of the plan a place of its own; false when there is no memory for as many.
    mutating func place(_ plan: CallPlan) -> Bool {
        var small = 0
        var big = 0
        for span in plan.spans where !span.isInline {
            if span.size > Span.smallSize { big += 1 } else { small += 1 }
        }
        guard reserve(small: small, big: big) else { return false }
        (small, big) = (0, 0)
        for index in plan.spans.indices where !plan.spans[index].isInline {
            let size = Int(plan.spans[index].size)
            let memory: UnsafeMutableRawBufferPointer
            if size > Span.smallSize {
                memory = large.place(big, size)
                big += 1
            } else {
                memory = smallPlace(small, size)
                small += 1
            }
            plan.addresses[index] = memory.baseAddress.unsafelyUnwrapped
        }
        return true
    }

    private func smallPlace(_ index: Int, _ size: Int) -> UnsafeMutableRawBufferPointer {
        if index == 0 { return root.place(0, size) }
        if index < EngineLimits.keptPlaces { return few.place(index - 1, size) }
        return many.place(index - EngineLimits.keptPlaces, size)
    }

    private mutating func reserve(small: Int, big: Int) -> Bool {
        do throws(EngineError) {
            if big > 0 && large.count == 0 {
                large = try GuardedPlaces(count: Span.maximumLarge, size: EngineLimits.largeBlock)
            }
            if small > 1 && few.count == 0 {
                few = try GuardedPlaces(count: EngineLimits.keptPlaces - 1, size: Span.smallSize)
            }
            guard small > EngineLimits.keptPlaces else { return true }
            let running = counters.callsWithManyBlocks.add(1, ordering: .relaxed).newValue
            guard running <= EngineLimits.callsWithManyBlocks else {
                counters.callsWithManyBlocks.subtract(1, ordering: .relaxed)
                return false
            }
            do throws(EngineError) {
                many = try GuardedPlaces(
                    count: Span.maximum - EngineLimits.keptPlaces, size: Span.smallSize)
            } catch {
                counters.callsWithManyBlocks.subtract(1, ordering: .relaxed)
                throw error
            }
            return true
        } catch {
            return false
        }
    }

    /// To be called after each call whose plan was placed: gives back what is too much to keep.
    mutating func clear() {
        large.forget()
        guard many.count > 0 else { return }
        many = GuardedPlaces()
        counters.callsWithManyBlocks.subtract(1, ordering: .relaxed)
    }
}
