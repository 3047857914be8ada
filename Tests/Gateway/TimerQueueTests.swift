import TestSupport
import Testing

@testable import RingGateway

@Suite struct TimerQueueTests {
    private func taken(_ queue: inout TimerQueue<Int>, _ now: UInt64) -> [Int] {
        var keys: [Int] = []
        while let key = queue.takeDue(now) { keys.append(key) }
        return keys
    }

    @Test func givesWhatIsDueInOrder() {
        var queue = TimerQueue<Int>()
        #expect(queue.next == nil && queue.takeDue(.max) == nil)
        for (key, deadline) in [(1, 30), (2, 10), (3, 20), (4, 10)] { queue.add(key, at: UInt64(deadline)) }
        #expect(queue.next == 10)
        #expect(queue.takeDue(9) == nil)
        #expect(taken(&queue, 20) == [2, 4, 3], "equal deadlines in the order they were added")
        #expect(queue.next == 30 && queue.count == 1)
        #expect(taken(&queue, .max) == [1] && queue.isEmpty)
    }

    @Test func aKeyHasOneTimer() {
        var queue = TimerQueue<Int>()
        queue.add(1, at: 10)
        queue.add(1, at: .max)
        #expect(queue.count == 1 && queue.deadline(of: 1) == .max)
        #expect(queue.takeDue(.max - 1) == nil)
        let removed = queue.remove(1)
        let again = queue.remove(1)
        #expect(removed && !again && queue.isEmpty && queue.next == nil)
    }

    @Test(arguments: 1...20)
    func agreesWithASortedList(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var queue = TimerQueue<Int>()
        var model: [(key: Int, deadline: UInt64)] = []
        var now: UInt64 = 0
        for _ in 0..<3_000 {
            let key = random.number(0...200)
            switch random.number(0...9) {
            case 0...5:
                let deadline = now + random.number(0...50)
                model.removeAll { $0.key == key }
                let place = model.firstIndex { $0.deadline > deadline } ?? model.count
                model.insert((key, deadline), at: place)
                queue.add(key, at: deadline)
            case 6...8:
                let known = model.contains { $0.key == key }
                model.removeAll { $0.key == key }
                let removed = queue.remove(key)
                #expect(removed == known)
            default:
                now += random.number(0...40)
                let due = model.filter { $0.deadline <= now }.map(\.key)
                model.removeFirst(due.count)
                let keys = taken(&queue, now)
                #expect(keys == due)
            }
            #expect(queue.next == model.first?.deadline && queue.count == model.count)
            #expect(queue.deadline(of: key) == model.first { $0.key == key }?.deadline)
        }
    }

    @Test func thousandsThatComeAndGoLeaveNothing() {
        var queue = TimerQueue<UInt64>()
        var random = SeededRandom(seed: 7)
        for key in UInt64(0)..<200_000 {
            queue.add(key, at: random.number(0...1_000_000))
            if key >= 4_000 { queue.remove(key - 4_000) }
        }
        #expect(queue.count == 4_000)
        #expect(queue.places <= 4_001, "handles of removed timers are used again")
        var last: UInt64 = 0
        while let next = queue.next, queue.takeDue(next) != nil {
            #expect(next >= last)
            last = next
        }
        #expect(queue.isEmpty)
    }
}
