import TestSupport
import Testing

/// What the parts of a simulation promise to those that are simulated.
@Suite struct SimulationTests {
    private typealias Network = VirtualNetwork<Int>
    private typealias Device = VirtualDevice<Int>

    @Test func theSameSeedGivesTheSameNumbers() {
        var (one, two, other) = (SeededRandom(seed: 5), SeededRandom(seed: 5), SeededRandom(seed: 6))
        let numbers = (0..<100).map { _ in one.next() }
        #expect(numbers == (0..<100).map { _ in two.next() })
        #expect(numbers != (0..<100).map { _ in other.next() })
        // SplitMix64's published first numbers for 1234567.
        var known = SeededRandom(seed: 1_234_567)
        #expect(known.next() == 6_457_827_717_110_365_317 && known.next() == 3_203_168_211_198_807_973)
    }

    @Test func theClockOnlyGoesForward() {
        var clock = VirtualClock(now: 10)
        let isMoved = clock.advance(to: nil, 30, 20)
        #expect(isMoved && clock.now == 20)
        let isPast = clock.advance(to: 5)
        #expect(isPast && clock.now == 20)
        let isIdle = clock.advance(to: nil, nil)
        #expect(!isIdle && clock.now == 20)
    }

    // MARK: Network

    private struct Heard {
        var messages: [Int] = []
        var isEnded = false
        var isLost = false
        var isInOrder = true

        mutating func add(_ arrival: Network.Arrival) {
            isInOrder = isInOrder && !isEnded && !isLost
            switch arrival {
            case .message(let message): messages.append(message)
            case .end: isEnded = true
            case .lost: isLost = true
            }
        }
    }

    private func hear(_ network: inout Network, _ clock: inout VirtualClock) -> [Network.End: Heard] {
        var heard: [Network.End: Heard] = [.client: Heard(), .gateway: Heard()]
        while clock.advance(to: network.next) {
            while let arrival = network.takeDue(clock.now) { heard[arrival.end]?.add(arrival.arrival) }
        }
        return heard
    }

    @Test(arguments: 1...50)
    func messagesArriveInOrderAndTheEndBehindThem(seed: UInt64) {
        var network = Network(random: SeededRandom(seed: seed))
        var clock = VirtualClock()
        let link = network.connect()
        for number in 0..<100 { network.send(number, from: .client, on: link, now: clock.now) }
        network.end(link, from: .client, now: clock.now)
        network.send(100, from: .client, on: link, now: clock.now)
        network.send(7, from: .gateway, on: link, now: clock.now)
        let heard = hear(&network, &clock)
        #expect(heard[.gateway]?.messages == Array(0..<100))
        #expect(heard[.gateway]?.isEnded == true && heard[.gateway]?.isInOrder == true)
        #expect(heard[.client]?.messages == [7] && heard[.client]?.isEnded == false)
    }

    @Test func aCutLosesALastPartAndTellsBothEndsAfterTheRest() {
        var counts: Set<Int> = []
        for seed in UInt64(1)...100 {
            var network = Network(random: SeededRandom(seed: seed))
            var clock = VirtualClock()
            let (link, other) = (network.connect(), network.connect())
            for number in 0..<20 {
                network.send(number, from: .client, on: link, now: clock.now)
                clock.advance(by: 5_000)
            }
            network.cut(link, now: clock.now)
            network.send(20, from: .client, on: link, now: clock.now)
            network.send(1, from: .gateway, on: other, now: clock.now)
            #expect(!network.isOpen(link, for: .gateway) && network.isOpen(other, for: .gateway))
            let heard = hear(&network, &clock)
            let messages = heard[.gateway]?.messages ?? []
            counts.insert(messages.count)
            #expect(messages == Array(0..<messages.count) && messages.count <= 20)
            for end in Network.End.allCases {
                #expect(heard[end]?.isLost == true && heard[end]?.isEnded == false)
            }
            #expect(heard[.client]?.messages == [1], "another connection is not hurt")
        }
        #expect(counts.count > 3, "where it is cut is drawn")
    }

    // MARK: Device

    private func outcomes(_ device: inout Device, _ clock: inout VirtualClock) -> [Int: Int32] {
        var found: [Int: Int32] = [:]
        while clock.advance(to: device.next) {
            while let outcome = device.takeDue(clock.now) { found[outcome.call] = outcome.result }
        }
        return found
    }

    @Test func callsComeBackWithResultsOrErrors() {
        var device = Device(.init(failures: 30), random: SeededRandom(seed: 1))
        var clock = VirtualClock()
        for call in 0..<1_000 { device.begin(call, result: 7, now: clock.now) }
        let found = outcomes(&device, &clock)
        #expect(found.count == 1_000 && device.running.isEmpty)
        #expect(Set(found.values) == [7, -5, -16])
        #expect((200...400).contains(found.values.count { $0 < 0 }))
    }

    @Test func aStuckCallIgnoresCancellationUntilItIsReleased() {
        var device = Device(.init(stuck: 100), random: SeededRandom(seed: 1))
        var clock = VirtualClock()
        device.begin(1, now: clock.now)
        let cancellation = device.cancel(1, now: clock.now)
        #expect(cancellation == .ignored && device.next == nil && device.running == [1])
        device.release(1, result: -4, now: clock.now)
        #expect(outcomes(&device, &clock) == [1: -4] && device.stuck.isEmpty)
        let unknown = device.cancel(1, now: clock.now)
        #expect(unknown == .unknown)
    }

    @Test func aStuckCallMayComeBackLate() {
        var device = Device(.init(stuck: 100, late: 100), random: SeededRandom(seed: 1))
        var clock = VirtualClock()
        let start = clock.now
        device.begin(1, result: 3, now: start)
        #expect(outcomes(&device, &clock) == [1: 3] && clock.now >= start + 1_000_000_000)
    }

    @Test func aCancelledCallComesBackOnce() {
        var device = Device(random: SeededRandom(seed: 1))
        var clock = VirtualClock()
        device.begin(1, now: clock.now)
        device.begin(2, result: 2, now: clock.now)
        let cancellation = device.cancel(1, now: clock.now)
        #expect(cancellation == .accepted)
        #expect(outcomes(&device, &clock) == [1: Device.cancelled, 2: 2])
    }
}
