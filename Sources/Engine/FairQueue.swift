/// A queue in which several flows take turns: deficit round robin (Shreedhar and Varghese, "Efficient Fair Queuing Using
/// Deficit Round-Robin", 1995). Within a flow the order stays; between flows that always have something each gets the
/// same share of cost, to within one quantum and one element.
struct FairQueue<Element> {
    private struct Item {
        let element: Element
        let cost: Int
    }
    private struct Flow {
        let key: UInt64
        var items: [Item]
        var first = 0
        var deficit = 0

        var count: Int { items.count - first }
    }

    /// Those with something in them, in the order of their turns.
    private var flows: [Flow] = []
    /// Memory of flows that ended, for those that begin.
    private var spare: [[Item]] = []
    private var turn = 0
    /// Whether the flow whose turn it is has had its quantum.
    private var isServed = false
    private(set) var count = 0
    private let quantum: Int

    /// Cost that a flow may use in one turn.
    init(quantum: Int) { self.quantum = max(quantum, 1) }

    var isEmpty: Bool { count == 0 }
    var flowCount: Int { flows.count }
    func count(of key: UInt64) -> Int { flows.first { $0.key == key }?.count ?? 0 }

    mutating func append(_ element: Element, of key: UInt64, cost: Int) {
        count += 1
        let item = Item(element: element, cost: max(cost, 1))
        guard let index = flows.firstIndex(where: { $0.key == key }) else {
            var items = spare.popLast() ?? []
            items.append(item)
            flows.append(Flow(key: key, items: items))
            return
        }
        flows[index].items.append(item)
    }

    /// The element whose turn it is, or nil.
    mutating func take() -> Element? {
        guard count > 0 else { return nil }
        while true {
            if !isServed {
                flows[turn].deficit += quantum
                isServed = true
            }
            let item = flows[turn].items[flows[turn].first]
            guard item.cost <= flows[turn].deficit else {
                turn = (turn + 1) % flows.count
                isServed = false
                continue
            }
            flows[turn].deficit -= item.cost
            flows[turn].first += 1
            count -= 1
            dropTaken()
            return item.element
        }
    }

    private mutating func dropTaken() {
        guard flows[turn].count > 0 else { return removeFlow(turn) }
        guard flows[turn].first >= 64 else { return }
        flows[turn].items.removeFirst(flows[turn].first)
        flows[turn].first = 0
    }

    /// A flow that has nothing more has no claim on what it did not use.
    private mutating func removeFlow(_ index: Int) {
        var items = flows.remove(at: index).items
        if spare.count < 8 {
            items.removeAll(keepingCapacity: true)
            spare.append(items)
        }
        if index < turn { turn -= 1 } else if index == turn { isServed = false }
        if turn >= flows.count { turn = 0 }
    }

    /// Takes out all that is meant, in order of the flows.
    mutating func removeAll(where isMeant: (Element) -> Bool) -> [Element] {
        var removed: [Element] = []
        for index in flows.indices.reversed() {
            let items = flows[index].items[flows[index].first...]
            let taken = items.filter { isMeant($0.element) }
            guard !taken.isEmpty else { continue }
            removed += taken.map(\.element)
            count -= taken.count
            flows[index].items = items.filter { !isMeant($0.element) }
            flows[index].first = 0
            if flows[index].count == 0 { removeFlow(index) }
        }
        return removed
    }
}
