import Testing

@testable import RingProtocol

@Suite("Refusals and session errors")
struct RefusalTests {
    @Test("A refusal comes back as it was sent, with the result and flags of its reason")
    func roundTrip() throws {
        let results: [RefusalReason: Int32] = [
            .noRule: -13, .never: -13, .constraint: -13, .slotNotOpen: -9, .slotInUse: -16, .shape: -22,
            .unsupported: -95, .busy: -16, .draining: -108, .identity: -19, .unavailable: -16,
        ]
        for reason in RefusalReason.allCases {
            for refusal in [
                Refusal(reason, "why"), Refusal(reason, rule: "a-rule", "wärum — 為什麼"), Refusal(reason, ""),
            ] {
                #expect(try refusal.encoded().wire { try Refusal.decode($0) } == refusal)
                #expect(refusal.result == results[reason])
                #expect(refusal.flags.contains(.denied) == (refusal.result == -13))
                #expect(refusal.flags.contains(.refused))
            }
        }
    }

    @Test("The time after which to try again is no part of the payload")
    func retryAfter() throws {
        let refusal = Refusal(.busy, "queue full", retryAfter: 5_000)
        #expect(refusal.retryAfter == 5_000 && refusal != Refusal(.busy, "queue full"))
        #expect(refusal.encoded() == Refusal(.busy, "queue full").encoded())
        var decoded = try refusal.encoded().wire { try Refusal.decode($0) }
        #expect(decoded.retryAfter == 0)
        decoded.retryAfter = 5_000
        #expect(decoded == refusal)
    }

    @Test("Text is cut at the last character that fits, on both sides of the limit")
    func cut() throws {
        let cases: [(text: String, bytes: Int)] = [
            (String(repeating: "a", count: 511), 511), (String(repeating: "a", count: 512), 512),
            (String(repeating: "a", count: 513), 512), (String(repeating: "é", count: 300), 512),
            ("a" + String(repeating: "é", count: 300), 511), (String(repeating: "🧪", count: 200), 512),
            ("abc" + String(repeating: "🧪", count: 200), 511),
            (String(repeating: "👩‍🔬", count: 100), 506), ("e" + String(repeating: "\u{301}", count: 400), 0),
        ]
        for (text, bytes) in cases {
            let cut = Refusal.cut(text)
            #expect(cut.utf8.count == bytes && text.hasPrefix(cut))
            let refusal = Refusal(.busy, rule: text, text)
            let decoded = try refusal.encoded().wire { try Refusal.decode($0) }
            #expect(decoded.text == cut && decoded.rule == cut)
            let error = SessionError(.limit, text)
            let frame = error.encoded()
            let again = try Array(frame.dropFirst(8)).wire { try SessionError.decode($0) }
            #expect(again.text == cut)
        }
    }

    @Test("A refusal cut anywhere is R-25")
    func refusalCut() throws {
        let whole = Refusal(.constraint, rule: "rule", "text").encoded()
        for count in 0..<whole.count {
            let found = try broken { try Array(whole.prefix(count)).wire { _ = try Refusal.decode($0) } }
            #expect(found == Broken(.malformed, 25))
        }
    }

    @Test("Lengths that lie about the payload are R-25, however great")
    func lengths() throws {
        for (rule, text) in [
            (UInt16(5), UInt32(4)), (.max, 0), (0, .max), (0, 513), (513, 0), (4, 5), (3, 4),
        ] {
            var bytes = Refusal(.constraint, rule: "rule", "text").encoded()
            bytes.store(rule, at: 2)
            bytes.store(text, at: 4)
            #expect(try broken { try bytes.wire { _ = try Refusal.decode($0) } } == Broken(.malformed, 25))
        }
    }

    @Test("A broken rule becomes the error frame that names it")
    func sessionError() throws {
        let wire = WireError(.requestID, rule: 14, entry: 3, "request id 7 is not above 9")
        let error = SessionError(wire)
        let decoded = try Array(error.encoded().dropFirst(8)).wire { try SessionError.decode($0) }
        #expect(decoded == error && decoded.entry == 3 && decoded.rule == 14)
        let unblamed = SessionError(.overloaded, "64 sessions")
        #expect(try Array(unblamed.encoded().dropFirst(8)).wire { try SessionError.decode($0) } == unblamed)
    }

    @Test("Error and goodbye frames cut anywhere are R-27 and R-28")
    func farewellsCut() throws {
        let error = Array(SessionError(.version, "").encoded().dropFirst(8))
        let goodbye = Array(Goodbye.done.encoded().dropFirst(8))
        for count in 0..<8 {
            let ofError = try broken {
                try Array(error.prefix(count)).wire { _ = try SessionError.decode($0) }
            }
            #expect(ofError == Broken(.malformed, 27))
            let ofGoodbye = try broken {
                try Array(goodbye.prefix(count)).wire { _ = try Goodbye.decode($0) }
            }
            #expect(ofGoodbye == Broken(.malformed, 28))
        }
        #expect(try goodbye.wire { try Goodbye.decode($0) } == .done)
    }
}
