import Logging
import RingAdministration
import RingPolicy
import RingProtocol
import Testing

@testable import RingGateway

/// The arithmetic of limits, without a clock.
@Suite struct MeterTests {
    private let second: UInt64 = 1_000_000_000

    /// Entries that may go on at `now`, of `count`.
    private func passed(_ meter: inout Meter, _ count: Int, at now: UInt64) -> Int {
        (0..<count).filter { _ in
            guard meter.obstacle(now: now) == nil else { return false }
            meter.enter()
            meter.leave()
            return true
        }.count
    }

    @Test func aBucketHoldsOneSecondsWorth() {
        var meter = Meter(UseLimits(rate: 10), now: 5)
        #expect(passed(&meter, 100, at: 5) == 10)
        #expect(passed(&meter, 100, at: 5 + second / 2) == 5)
        #expect(passed(&meter, 100, at: 5 + second / 2 + second / 10 - 1) == 0, "a nanosecond too early")
        #expect(passed(&meter, 100, at: 5 + second / 2 + second / 10) == 1)
        #expect(passed(&meter, 100, at: 5 + 1000 * second) == 10, "no more after a long pause")
    }

    @Test func noRateOverflows() {
        for rate in [0, 1, Int(Int32.max), Int.max, -1] {
            var meter = Meter(UseLimits(rate: rate), now: 0)
            _ = passed(&meter, 3, at: 0)
            _ = passed(&meter, 3, at: .max)
            #expect((passed(&meter, 1, at: .max) == 1) == (rate > 1))
        }
    }

    @Test func aClockThatStandsStillGivesNothing() {
        var meter = Meter(UseLimits(rate: 1), now: 100)
        #expect(passed(&meter, 5, at: 100) == 1)
        #expect(passed(&meter, 5, at: 50) == 0)
        #expect(passed(&meter, 5, at: 100) == 0)
    }

    @Test func otherBoundsHoldFromThenOnForWhatIsInFlight() {
        var meter = Meter(UseLimits(inFlight: 2), now: 0)
        for _ in 0..<2 { meter.enter() }
        #expect(meter.obstacle(now: 0) == "2 entries are unanswered")
        meter.change(to: UseLimits(inFlight: 3, rate: 1), now: 0)
        #expect(meter.obstacle(now: 0) == nil)
        meter.enter()
        #expect(meter.obstacle(now: 0) == "3 entries are unanswered")
        meter.leave()
        #expect(meter.obstacle(now: 0) == "1 entries a second", "the token is used")
        // A rate that goes and comes back begins anew; none of that forgets what is in flight.
        meter.change(to: UseLimits(inFlight: 2), now: 0)
        #expect(meter.obstacle(now: 0) == "2 entries are unanswered")
        meter.change(to: UseLimits(rate: 1), now: 0)
        #expect(meter.obstacle(now: 0) == nil)
        for _ in 0..<2 { meter.leave() }
        #expect(meter.inFlight == 0)
    }

    @Test func whatIsCountedSurvivesItsWayThroughTheEngine() {
        for counted in [
            Counted(), Counted(device: 0x7fff), Counted(device: 1, isMetered: true, rule: .max),
            Counted(rule: 9),
        ] {
            #expect(Counted(bits: counted.bits) == counted)
        }
        #expect(Counted().bits == 0, "an entry without limits costs nothing at its completion")
    }
}

/// What is kept about denied requests is bounded in time and memory.
@Suite struct RequestNotesTests {
    @Test func aFloodIsCountedNotKept() {
        var notes = RequestNotes()
        var made = 0
        for _ in 0..<100_000 { notes.add(request(&made)) }
        #expect(made == RequestNotes.requestsPerInterval)
        #expect(notes.log.requests.count == RequestNotes.requestsPerInterval)
        notes.endInterval(Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        notes.add(request(&made))
        #expect(made == RequestNotes.requestsPerInterval + 1)
    }

    private func request(_ made: inout Int) -> LoggedRequest {
        made += 1
        return LoggedRequest(
            time: 0, session: 1, requestID: RequestID(1), identity: "", principals: PrincipalSet(names: []),
            device: "", operation: .command, code: SubOpcode(0), offset: 0, argument: [], refusal: nil)
    }
}
