/// The numbers 0 ..< capacity, each in one of two lists or in none: those that are ready, in turn, and those that
/// wait. Every change takes constant time; making all ready does, too.
struct ReaderLists {
    /// Neighbours in a circle. The last two entries are the lists' own.
    private var after: [Int]
    private var before: [Int]
    private let ready: Int
    private let waiting: Int

    init(capacity: Int) {
        // Who is in no list is a circle of its own.
        after = Array(0..<capacity + 2)
        before = after
        ready = capacity
        waiting = capacity + 1
    }

    /// Whose turn it is of those that are meant.
    func firstReady(where isMeant: (Int) -> Bool) -> Int? {
        var number = after[ready]
        while number != ready {
            if isMeant(number) { return number }
            number = after[number]
        }
        return nil
    }

    mutating func remove(_ number: Int) {
        after[before[number]] = after[number]
        before[after[number]] = before[number]
        after[number] = number
        before[number] = number
    }

    /// Puts a number behind all that are ready.
    mutating func makeReady(_ number: Int) { move(number, behindAllOf: ready) }

    mutating func makeWaiting(_ number: Int) { move(number, behindAllOf: waiting) }

    private mutating func move(_ number: Int, behindAllOf list: Int) {
        remove(number)
        let last = before[list]
        after[last] = number
        before[number] = last
        after[number] = list
        before[list] = number
    }

    /// Moves all that wait behind all that are ready.
    mutating func makeAllReady() {
        guard after[waiting] != waiting else { return }
        let (first, last) = (after[waiting], before[waiting])
        after[before[ready]] = first
        before[first] = before[ready]
        after[last] = ready
        before[ready] = last
        after[waiting] = waiting
        before[waiting] = waiting
    }
}
