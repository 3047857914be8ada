import RingProtocol
import TestSupport
import Testing

@testable import RingGateway

/// Who gets a device, when, and what those who wait are told.
@Suite struct LeaseTableTests {
    private static let second: UInt64 = 1_000_000_000

    private func demand(
        _ session: UInt64, _ id: UInt64, _ devices: [UInt16], exclusive: Bool = true,
        ttl: UInt64 = 10, until: UInt64 = 100, position: Bool = false
    ) -> LeaseTable.Demand {
        LeaseTable.Demand(
            request: .init(session: session, id: RequestID(id)), devices: devices, isExclusive: exclusive,
            ttl: ttl * Self.second, waitsUntil: until * Self.second, wantsPosition: position)
    }

    /// The table with what follows from vacated devices done at once.
    private func settle(_ table: inout LeaseTable) -> [LeaseTable.Event] {
        var all: [LeaseTable.Event] = []
        while true {
            let events = table.takeEvents()
            guard !events.isEmpty else { return all }
            all += events
            for case .vacated(let device) in events { table.released(device) }
        }
    }

    private func granted(_ events: [LeaseTable.Event]) -> [UInt64] {
        events.compactMap { if case .granted(let request, _) = $0 { request.session } else { nil } }
    }

    @Test func aDeviceGoesToWhoAskedFirst() throws {
        var table = LeaseTable()
        let first = try #require(try table.acquire(demand(1, 1, [5]), now: 0))
        #expect(try table.acquire(demand(2, 1, [5]), now: 0) == nil)
        #expect(try table.acquire(demand(3, 1, [5]), now: 0) == nil)
        #expect(table.position(.init(session: 3, id: RequestID(1))) == 2)
        try table.release(first.id, by: 1)
        #expect(granted(settle(&table)) == [2])
        #expect(table.holders(5) == [2] && table.epoch(5) == 2)
        #expect(throws: LeaseTable.Misuse.unknownLease) { try table.release(first.id, by: 1) }
    }

    @Test func severalDevicesAreGivenTogetherOrNotAtAll() throws {
        var table = LeaseTable()
        let one = try #require(try table.acquire(demand(1, 1, [1]), now: 0))
        #expect(try table.acquire(demand(2, 1, [1, 2]), now: 0) == nil)
        // Nobody overtakes the one who waits for both, not even on the one that is free.
        #expect(try table.acquire(demand(3, 1, [2]), now: 0) == nil)
        #expect(table.holders(2).isEmpty)
        #expect(throws: LeaseTable.Obstacle.self) { try table.enter(4, 2, isExclusive: true) }
        try table.release(one.id, by: 1)
        #expect(granted(settle(&table)) == [2])
        #expect(table.holders(1) == [2] && table.holders(2) == [2])
    }

    @Test func sharedLeasesGoTogetherExclusiveOnesAlone() throws {
        var table = LeaseTable()
        let one = try #require(try table.acquire(demand(1, 1, [1], exclusive: false), now: 0))
        let two = try #require(try table.acquire(demand(2, 1, [1], exclusive: false), now: 0))
        #expect(try table.acquire(demand(3, 1, [1]), now: 0) == nil)
        #expect(try table.acquire(demand(4, 1, [1], exclusive: false), now: 0) == nil)
        try table.release(one.id, by: 1)
        #expect(granted(settle(&table)).isEmpty)
        try table.release(two.id, by: 2)
        #expect(granted(settle(&table)) == [3])
        table.end(session: 3)
        #expect(granted(settle(&table)) == [4])
    }

    @Test func whoOpensHasTheDeviceWhileItIsOpen() throws {
        var table = LeaseTable()
        try table.enter(1, 1, isExclusive: true)
        try table.enter(1, 1, isExclusive: true)
        #expect(throws: LeaseTable.Obstacle.self) { try table.enter(2, 1, isExclusive: true) }
        // Its own files are not in its way.
        let lease = try #require(try table.acquire(demand(1, 1, [1]), now: 0))
        table.left(1, 1)
        table.left(1, 1)
        #expect(table.holders(1) == [1])
        try table.release(lease.id, by: 1)
        _ = settle(&table)
        try table.enter(2, 1, isExclusive: true)
        table.left(2, 1)
        #expect(table.holders(1).isEmpty)
    }

    @Test func nobodyGetsADeviceBeforeItIsSafe() throws {
        var table = LeaseTable()
        let lease = try #require(try table.acquire(demand(1, 1, [1]), now: 0))
        _ = try table.acquire(demand(2, 1, [1]), now: 0)
        try table.release(lease.id, by: 1)
        let events = table.takeEvents()
        #expect(granted(events).isEmpty)
        #expect(throws: LeaseTable.Obstacle.self) { try table.enter(3, 1, isExclusive: true) }
        table.released(1)
        #expect(granted(table.takeEvents()) == [2])
    }

    @Test func timeEndsLeasesAndPatience() throws {
        var table = LeaseTable()
        _ = try table.acquire(demand(1, 1, [1], ttl: 10), now: 0)
        _ = try table.acquire(demand(2, 1, [1], until: 5), now: 0)
        _ = try table.acquire(demand(3, 1, [1], until: 50), now: 0)
        #expect(table.nextDeadline == 5 * Self.second)
        table.advance(to: 5 * Self.second)
        table.expire(now: 5 * Self.second)
        let patience = settle(&table)
        guard case .timedOut(let request, let obstacle)? = patience.first else {
            Issue.record("nobody was told")
            return
        }
        #expect(request.session == 2 && obstacle.holders == [1])
        table.advance(to: 10 * Self.second)
        table.expire(now: 10 * Self.second)
        #expect(granted(settle(&table)) == [3])
        // Counted from when it was given.
        #expect(table.nextDeadline == 20 * Self.second)
    }

    @Test func renewingTransferringAndSharing() throws {
        var table = LeaseTable()
        let lease = try #require(try table.acquire(demand(1, 1, [1, 2], ttl: 10), now: 0))
        try table.renew(lease.id, by: 1, ttl: 30 * Self.second, now: 5 * Self.second)
        #expect(table.nextDeadline == 35 * Self.second)
        try table.share(lease.id, by: 1, with: 2)
        #expect(table.holders(1) == [1, 2] && table.epoch(1) == 1)
        #expect(throws: LeaseTable.Misuse.notOwner) { try table.release(lease.id, by: 2) }
        try table.transfer(lease.id, by: 1, to: 3)
        #expect(table.holders(1) == [3] && table.epoch(1) == 2)
        guard case .ended(_, let devices, let sessions, _)? = settle(&table).first else {
            Issue.record("nobody was told")
            return
        }
        #expect(devices == [1, 2] && sessions == [1, 2])
        #expect(table.holds(3, 1, epoch: 2) && !table.holds(3, 1, epoch: 1) && !table.holds(1, 1, epoch: 1))
        #expect(throws: LeaseTable.Misuse.unknownLease) { try table.renew(lease.id, by: 1, ttl: 1, now: 0) }
    }

    @Test func anOperatorTakesADeviceFromAll() throws {
        var table = LeaseTable()
        _ = try table.acquire(demand(1, 1, [1], exclusive: false), now: 0)
        try table.enter(2, 1, isExclusive: false)
        _ = try table.acquire(demand(3, 1, [1]), now: 0)
        table.revoke(1, .revoked(reason: "maintenance"))
        #expect(granted(settle(&table)) == [3])
        let nobody = table.dismissWaiting(1)
        #expect(nobody.isEmpty)
        _ = try table.acquire(demand(4, 1, [1]), now: 0)
        let dismissed = table.dismissWaiting(1)
        #expect(dismissed.map(\.session) == [4])
    }

    @Test func positionsAreToldWhenTheyChange() throws {
        var table = LeaseTable()
        let lease = try #require(try table.acquire(demand(1, 1, [1]), now: 0))
        for session in 2...4 as ClosedRange<UInt64> {
            _ = try table.acquire(demand(session, 1, [1], position: true), now: 0)
        }
        func positions(_ events: [LeaseTable.Event]) -> [String] {
            events.compactMap {
                if case .position(let request, let place) = $0 { "\(request.session):\(place)" } else { nil }
            }
        }
        #expect(positions(settle(&table)) == ["2:1", "3:2", "4:3"])
        let isCancelled = table.cancel(.init(session: 3, id: RequestID(1)))
        #expect(isCancelled)
        #expect(positions(settle(&table)) == ["4:2"])
        try table.release(lease.id, by: 1)
        #expect(positions(settle(&table)) == ["4:1"])
    }

    @Test func boundsHold() throws {
        var table = LeaseTable()
        _ = try table.acquire(demand(1, 1, [1]), now: 0)
        for id in 1...UInt64(LeaseTable.requestsPerSession) {
            _ = try table.acquire(demand(2, id, [1]), now: 0)
        }
        #expect(throws: LeaseTable.Misuse.tooManyRequests) {
            _ = try table.acquire(demand(2, 99, [1]), now: 0)
        }
        for device in 2...UInt16(LeaseTable.leasesPerSession) {
            _ = try table.acquire(demand(1, UInt64(device), [device]), now: 0)
        }
        #expect(throws: LeaseTable.Misuse.tooManyLeases) {
            _ = try table.acquire(demand(1, 99, [99]), now: 0)
        }
        #expect(throws: LeaseTable.Misuse.alreadyHeld(1)) {
            _ = try table.acquire(demand(1, 98, [1]), now: 0)
        }
    }

    // MARK: At random

    @Test(arguments: 0..<40)
    func invariantsHoldAtRandom(_ seed: Int) throws {
        var walk = LeaseWalk(seed: UInt64(seed))
        for _ in 0..<1_500 { try walk.step() }
    }
}

/// Random steps on a lease table, each followed by a look at what must always be so.
private struct LeaseWalk {
    private var table = LeaseTable()
    private var random: SeededRandom
    private var now: UInt64 = 0
    private var nextID: UInt64 = 1
    private var open: [UInt64: [UInt16]] = [:]
    private var waiting: Set<LeaseTable.Request> = []
    private var releasing: Set<UInt16> = []
    private var epochs: [UInt16: UInt64] = [:]

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func step() throws {
        let session = UInt64(random.number(1...6))
        table.advance(to: now)
        switch random.number(0...9) {
        case 0...3: acquire(session)
        case 4:
            if let lease = table.leases(of: session).first { try? table.release(lease.id, by: session) }
        case 5: enter(session)
        case 6:
            if let device = open[session]?.popLast() { table.left(session, device) }
        case 7:
            table.end(session: session)
            open[session] = nil
            waiting = waiting.filter { $0.session != session }
        case 8:
            if let lease = table.leases(of: session).first {
                try? table.transfer(lease.id, by: session, to: UInt64(random.number(1...6)))
            }
        default:
            now += UInt64(random.number(0...20))
            table.advance(to: now)
            table.expire(now: now)
        }
        drain()
        if random.happens(50), let device = releasing.popFirst() {
            table.released(device)
            drain()
        }
        check()
    }

    private mutating func acquire(_ session: UInt64) {
        let devices = Set((0..<random.number(1...3)).map { _ in UInt16(random.number(1...4)) }).sorted()
        let request = LeaseTable.Request(session: session, id: RequestID(nextID))
        nextID += 1
        let demand = LeaseTable.Demand(
            request: request, devices: devices, isExclusive: random.happens(60),
            ttl: UInt64(random.number(1...40)), waitsUntil: now + UInt64(random.number(0...40)),
            wantsPosition: true)
        guard let lease = try? table.acquire(demand, now: now) else {
            if table.demands(of: session).contains(where: { $0.request == request }) {
                waiting.insert(request)
            }
            return
        }
        #expect(lease.devices.map(\.device) == devices)
    }

    private mutating func enter(_ session: UInt64) {
        let device = UInt16(random.number(1...4))
        guard (try? table.enter(session, device, isExclusive: random.happens(50))) != nil else { return }
        open[session, default: []].append(device)
    }

    private mutating func drain() {
        for event in table.takeEvents() {
            switch event {
            case .granted(let request, let lease):
                let asked = waiting.remove(request)
                #expect(asked != nil, "told twice, or never asked")
                #expect(lease.owner == request.session)
            case .timedOut(let request, _):
                let asked = waiting.remove(request)
                #expect(asked != nil)
            case .vacated(let device):
                let isNew = releasing.insert(device).inserted
                #expect(isNew)
            case .position(let request, let place): #expect(waiting.contains(request) && place >= 1)
            case .ended: break
            }
        }
    }

    private mutating func check() {
        for device in 1...4 as ClosedRange<UInt16> {
            let leases = table.leases(on: device)
            if leases.contains(where: \.isExclusive) { #expect(leases.count == 1) }
            if releasing.contains(device) { #expect(leases.isEmpty) }
            #expect(table.epoch(device) >= epochs[device] ?? 0)
            epochs[device] = table.epoch(device)
            // Whoever is first in every queue it stands in, with nobody in the way, does not wait.
            for request in table.waiting(device).prefix(1) {
                guard let demand = table.demands(of: request.session).first(where: { $0.request == request })
                else {
                    Issue.record("a request in a queue that nobody makes")
                    continue
                }
                let isFirst = demand.devices.allSatisfy { table.waiting($0).first == request }
                let isFree = demand.devices.allSatisfy {
                    table.obstacle(request.session, $0, isExclusive: demand.isExclusive) == nil
                }
                #expect(!(isFirst && isFree), "waits for nothing")
            }
        }
        for request in waiting {
            #expect(table.demands(of: request.session).contains { $0.request == request })
        }
    }
}
