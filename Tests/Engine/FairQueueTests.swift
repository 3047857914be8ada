import TestSupport
import Testing

@testable import RingEngine

/// Sessions take turns at a device's worker.
@Suite struct FairQueueTests {
    @Test func aFlowKeepsItsOrderAndManyTakeTurns() {
        var queue = FairQueue<String>(quantum: 1)
        for index in 0..<3 { queue.append("a\(index)", of: 1, cost: 1) }
        queue.append("b0", of: 2, cost: 1)
        queue.append("c0", of: 3, cost: 1)
        var taken: [String] = []
        while let next = queue.take() { taken.append(next) }
        #expect(taken == ["a0", "b0", "c0", "a1", "a2"])
        #expect(queue.isEmpty && queue.flowCount == 0)
    }

    @Test func whoFloodsDoesNotMoveTheOther() {
        var queue = FairQueue<Int>(quantum: 4)
        for index in 0..<1_000 { queue.append(index, of: 1, cost: 1) }
        queue.append(-1, of: 2, cost: 1)
        let position = (0..<1_001).first { _ in queue.take() == -1 }
        #expect((position ?? .max) <= 4)
    }

    @Test func whatIsTakenOutIsGone() {
        var queue = FairQueue<Int>(quantum: 4)
        for index in 0..<10 { queue.append(index, of: UInt64(index % 3), cost: 1) }
        #expect(queue.removeAll { $0 % 2 == 0 }.sorted() == [0, 2, 4, 6, 8])
        var rest: [Int] = []
        while let next = queue.take() { rest.append(next) }
        #expect(rest.sorted() == [1, 3, 5, 7, 9])
    }

    /// Flows that always have something get the same, whatever their elements cost.
    @Test(arguments: 0..<20)
    func sharesAreFairAtRandom(_ seed: Int) {
        var random = SeededRandom(seed: UInt64(seed))
        var queue = FairQueue<(flow: UInt64, number: Int, cost: Int)>(quantum: 4)
        var next = [Int](repeating: 0, count: 5)
        var expected = [Int](repeating: 0, count: 5)
        var served = [Int](repeating: 0, count: 5)
        func fill(_ flow: Int, _ queue: inout FairQueue<(flow: UInt64, number: Int, cost: Int)>) {
            while queue.count(of: UInt64(flow)) < 3 {
                let cost = random.number(1...9)
                queue.append((UInt64(flow), next[flow], cost), of: UInt64(flow), cost: cost)
                next[flow] += 1
            }
        }
        for flow in 0..<5 { fill(flow, &queue) }
        for _ in 0..<4_000 {
            guard let item = queue.take() else {
                Issue.record("empty")
                return
            }
            let flow = Int(item.flow)
            #expect(item.number == expected[flow])
            expected[flow] += 1
            served[flow] += item.cost
            fill(flow, &queue)
        }
        let (least, most) = (served.min() ?? 0, served.max() ?? 0)
        #expect(most - least <= 2 * (4 + 9), "\(served)")
    }
}
