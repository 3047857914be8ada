import Glibc
import RingProtocol
import TestSupport
import Testing

@testable import RingGateway

/// Who comes in when many want to.
@Suite(.timeLimit(.minutes(5)))
struct DoorkeeperTests {
    private let home = SourceAddress(ipv4: 1)

    @Test func strangersFromOneSourceAreFewerThanFromAll() {
        var limits = DoorLimits()
        (limits.start, limits.rate, limits.full, limits.strangersPerSource) = (8, 50, 12, 3)
        var door = Doorkeeper(limits)
        for _ in 0..<3 { #expect(door.admit(home, dice: 0) == nil) }
        #expect(door.admit(home, dice: 99) == .sourceStrangers)
        for number in 0..<5 { #expect(door.admit(SourceAddress(ipv6Prefix: UInt64(number)), dice: 0) == nil) }
        // From here on by chance: 50 percent at 8, 62 at 9, ...
        #expect(door.admit(SourceAddress(ipv4: 9), dice: 49) == .strangers)
        #expect(door.admit(SourceAddress(ipv4: 9), dice: 50) == nil)
        #expect(door.admit(SourceAddress(ipv4: 9), dice: 61) == .strangers)
        #expect(door.admit(SourceAddress(ipv4: 9), dice: 62) == nil)
        #expect(door.admit(SourceAddress(ipv4: 10), dice: 99) == nil)
        #expect(door.admit(SourceAddress(ipv4: 11), dice: 99) == nil)
        #expect(door.strangerCount == 12 && door.admit(SourceAddress(ipv4: 12), dice: 99) == .strangers)
        door.prove(home)
        #expect(door.strangerCount == 11 && door.count == 12)
        #expect(door.admit(home, dice: 99) == nil)
    }

    @Test func connectionsAreCountedUntilTheyGo() {
        var limits = DoorLimits()
        (limits.connections, limits.connectionsPerSource) = (3, 2)
        var door = Doorkeeper(limits)
        #expect(door.admit(home, dice: 0) == nil && door.admit(home, dice: 0) == nil)
        #expect(door.admit(home, dice: 0) == .sourceFull)
        #expect(door.admit(SourceAddress(ipv4: 2), dice: 0) == nil)
        #expect(door.admit(SourceAddress(ipv4: 3), dice: 0) == .full)
        door.prove(home)
        door.leave(home)
        #expect(door.count == 2 && door.admit(home, dice: 0) == nil)
    }

    @Test func oneFloodingSourceKeepsNobodyOut() throws {
        let site = try Site()
        let flood = try Flood(from: "127.0.0.2", to: site.gateway.port, connections: 300)
        defer { flood.stop() }
        #expect(eventually { site.gateway.counters.accepted >= 300 })
        for _ in 0..<50 {
            let client = try site.greeted()
            try client.submit([.nop(1)])
            #expect(try client.completions(1)[0].header.result == 0)
        }
        #expect(site.gateway.counters.open <= 48 + 50)
    }

    @Test func whoSaysNothingIsEndedWhereTheLimitsSaySo() throws {
        var limits = GatewayLimits()
        limits.idleDeadline = 3_000_000_000
        let site = try Site(limits: limits)
        let silent = try site.greeted()
        let resumable = try site.greeted([.resume])
        let talker = try site.greeted()
        for id in 1...20 as ClosedRange<UInt64> {
            try talker.submit([.nop(id)])
            #expect(try talker.completions(1)[0].header.result == 0)
            usleep(250_000)
        }
        #expect(try silent.ending()?.code == .deadline)
        // Its session waits for it, so it is told nothing: the connection is cut.
        #expect(throws: RawClient.Failure.self) { try resumable.ending() }
    }

    @Test func whoHasGoneMakesRoom() throws {
        var limits = GatewayLimits()
        limits.door.connectionsPerSource = 2
        let site = try Site(limits: limits)
        for _ in 0..<5 {
            let first = try site.greeted()
            let second = try site.greeted()
            #expect(throws: (any Error).self) { try site.greeted() }
            first.vanish()
            second.vanish()
            #expect(eventually { site.gateway.counters.open == 0 })
        }
    }
}
