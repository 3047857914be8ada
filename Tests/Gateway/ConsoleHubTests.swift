import RingProtocol
import TestSupport
import Testing

@testable import RingGateway

@Suite struct ConsoleHubTests {
    private static func key(_ request: UInt64, session: UInt64 = 1) -> ConsoleHub.Key {
        ConsoleHub.Key(session: session, request: RequestID(request))
    }

    private static func append(_ hub: inout ConsoleHub, _ text: String) {
        Array(text.utf8).withUnsafeBytes { hub.append($0) }
    }

    /// The next event's text, with the bytes lost before it in front: `3!text`.
    private static func take(_ hub: inout ConsoleHub, _ request: UInt64) -> String? {
        guard let event = hub.take(key(request)) else { return nil }
        let text = hub.withBytes(of: event) { Array($0) + Array($1) }
        return (event.lost > 0 ? "\(event.lost)!" : "") + String(decoding: text, as: UTF8.self)
    }

    private static func grant(_ hub: inout ConsoleHub, _ request: UInt64, _ credit: UInt32) -> Bool {
        hub.grant(key(request), credit: credit)
    }

    private func hub(_ scrollback: Int = 8) -> ConsoleHub { ConsoleHub(scrollback: scrollback) }

    // MARK: Streams

    @Test func aStreamTakesWhatComesInItsEventSize() throws {
        var hub = hub()
        Self.append(&hub, "old")
        try hub.begin(Self.key(1), at: .newest, eventSize: 2, credit: 10)
        #expect(hub.firstReady == nil && Self.take(&hub, 1) == nil)
        Self.append(&hub, "abc")
        #expect(hub.firstReady == Self.key(1))
        #expect(Self.take(&hub, 1) == "ab" && Self.take(&hub, 1) == "c" && Self.take(&hub, 1) == nil)
        #expect(hub.firstReady == nil && hub.isCaughtUp(Self.key(1)) == true)
        #expect(hub.oldest == 0 && hub.newest == 6)
    }

    @Test func whatWasOverwrittenIsAGapInItsPlace() throws {
        var hub = hub()
        try hub.begin(Self.key(1), at: .oldest, eventSize: 100, credit: 10)
        Self.append(&hub, "abcd")
        #expect(Self.take(&hub, 1) == "abcd")
        Self.append(&hub, "efghij")
        Self.append(&hub, "klmno")
        #expect(Self.take(&hub, 1) == "3!hijklmno" && Self.take(&hub, 1) == nil)
        Self.append(&hub, "much more than it holds")
        #expect(Self.take(&hub, 1) == "15!it holds")
    }

    @Test func aStreamRestsWithoutCreditAndLosesOnlyWhatIsOverwritten() throws {
        var hub = hub()
        try hub.begin(Self.key(1), at: .newest, eventSize: 2, credit: 1)
        Self.append(&hub, "abcd")
        #expect(Self.take(&hub, 1) == "ab")
        #expect(hub.firstReady == nil && Self.take(&hub, 1) == nil)
        Self.append(&hub, "e")
        #expect(hub.firstReady == nil)
        #expect(Self.grant(&hub, 1, 2) && hub.firstReady == Self.key(1))
        #expect(Self.take(&hub, 1) == "cd" && Self.take(&hub, 1) == "e" && Self.take(&hub, 1) == nil)
        #expect(Self.grant(&hub, 1, .max) && hub.firstReady == nil)
        Self.append(&hub, "f")
        #expect(Self.take(&hub, 1) == "f")
        #expect(!Self.grant(&hub, 2, 1))
    }

    @Test func readersTakeTurns() throws {
        var hub = hub()
        for request in UInt64(1)...3 {
            try hub.begin(Self.key(request), at: .newest, eventSize: 1, credit: 100)
        }
        Self.append(&hub, "ab")
        var order: [UInt64] = []
        while let key = hub.firstReady {
            order.append(key.request.value)
            let event = hub.take(key)
            #expect(event?.count == 1)
        }
        #expect(order == [1, 2, 3, 1, 2, 3])
    }

    @Test func aHeldReaderIsNotReady() throws {
        var hub = hub()
        try hub.begin(Self.key(1), at: .newest, eventSize: 9, credit: 9)
        hub.setHeld(Self.key(1), true)
        Self.append(&hub, "ab")
        #expect(hub.firstReady == nil && Self.take(&hub, 1) == nil)
        hub.setHeld(Self.key(1), false)
        #expect(hub.firstReady == Self.key(1) && Self.take(&hub, 1) == "ab")
    }

    // MARK: Single reads and places

    @Test func aSingleReadIsGoneAfterItsEvent() throws {
        var hub = hub()
        try hub.beginSingle(Self.key(1), at: .newest, size: 2)
        #expect(!Self.grant(&hub, 1, 5), "it is no stream")
        Self.append(&hub, "abc")
        let event = hub.take(Self.key(1))
        #expect(event == ConsoleHub.Event(lost: 0, position: 0, count: 2, isLast: true))
        #expect(hub.keys.isEmpty && hub.firstReady == nil && hub.isCaughtUp(Self.key(1)) == nil)
        // It goes on where the client says.
        try hub.beginSingle(Self.key(2), at: .position(2), size: 5)
        #expect(Self.take(&hub, 2) == "c")
    }

    @Test func aPositionNamesTheSameByte() throws {
        var hub = hub()
        Self.append(&hub, "0123456789ABC")
        try hub.begin(Self.key(1), at: .position(7), eventSize: 99, credit: 1)
        try hub.begin(Self.key(2), at: .position(2), eventSize: 99, credit: 1)
        try hub.begin(Self.key(3), at: .position(13), eventSize: 99, credit: 1)
        #expect(Self.take(&hub, 1) == "789ABC" && Self.take(&hub, 2) == "3!56789ABC")
        #expect(Self.take(&hub, 3) == nil)
        for position in [14, UInt64.max] {
            #expect(throws: Refusal(.shape, "position \(position) is not reached yet; the next is 13")) {
                try hub.begin(Self.key(4), at: .position(position), eventSize: 99, credit: 1)
            }
        }
        #expect(hub.keys.count == 3)
    }

    @Test func oneReaderTooManyIsBusy() throws {
        var hub = hub()
        for request in UInt64(1)...256 {
            try hub.begin(Self.key(request), at: .newest, eventSize: 1, credit: 1)
        }
        let refusal = #expect(throws: Refusal.self) {
            try hub.beginSingle(Self.key(257), at: .newest, size: 1)
        }
        #expect(refusal?.reason == .busy)
        let ended = hub.end(Self.key(7))
        let again = hub.end(Self.key(7))
        #expect(ended && !again)
        try hub.beginSingle(Self.key(257), at: .newest, size: 1)
        let twice = #expect(throws: Refusal.self) {
            try hub.beginSingle(Self.key(257), at: .newest, size: 1)
        }
        #expect(twice?.reason == .busy)
    }

    @Test func aSessionTakesItsReadersAlong() throws {
        var hub = hub()
        for session in UInt64(1)...3 {
            for request in UInt64(1)...2 {
                try hub.begin(
                    Self.key(request, session: session), at: .newest, eventSize: 1, credit: 1)
            }
        }
        Self.append(&hub, "a")
        hub.end(session: 2)
        #expect(Set(hub.keys.map(\.session)) == [1, 3] && hub.keys.count == 4)
        var sessions: [UInt64] = []
        while let key = hub.firstReady, hub.take(key) != nil { sessions.append(key.session) }
        #expect(sessions == [1, 1, 3, 3])
    }

    @Test func noSizeIsTooOdd() throws {
        var hub = ConsoleHub(scrollback: 0)
        for (request, size) in [(UInt64(1), Int.min), (2, 0), (3, .max)] {
            try hub.begin(Self.key(request), at: .newest, eventSize: size, credit: .max)
        }
        Self.append(&hub, "")
        #expect(hub.firstReady == nil)
        Self.append(&hub, "ab")
        for request in UInt64(1)...3 { #expect(Self.take(&hub, request) == "1!b") }
    }
}
