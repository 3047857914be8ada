import RingProtocol
import Testing

@Suite("Resumption and acknowledgement")
struct ResumptionTests {
    private static let asked = Hello.Resumption(
        epoch: .max, session: 2, token: SessionToken(3, .max - 1), received: 5)

    private func payload(_ frame: [UInt8]) -> [UInt8] { Array(frame.dropFirst(Limits.frameHeader)) }

    @Test("A hello with a session comes back as it was sent, and only with the feature")
    func hello() throws {
        let hello = Hello(features: [.resume, .links], resumption: Self.asked)
        let bytes = payload(hello.encoded())
        #expect(bytes.count == 56 && bytes.count <= Limits.greetingPayload)
        #expect(try bytes.wire { try Hello.decode($0) } == hello)
        var without = bytes
        without.store(Features.links.rawValue, at: 8)
        #expect(try broken { try without.wire { _ = try Hello.decode($0) } } == Broken(.malformed, 6))
        // Asking for the feature alone starts a session that can be resumed.
        let fresh = Hello(features: .resume)
        #expect(try payload(fresh.encoded()).wire { try Hello.decode($0) } == fresh)
    }

    @Test(
        "A welcome carries what resuming needs exactly when it was granted", arguments: [0, 1, 2] as [UInt32])
    func welcome(_ resumption: UInt32) throws {
        var welcome = Welcome()
        welcome.features = [.resume]
        welcome.token = SessionToken(7, 8)
        welcome.lastRequestID = RequestID(.max)
        welcome.grace = 30_000
        welcome.resumption = try #require(Welcome.Resumption(rawValue: resumption))
        let bytes = payload(welcome.encoded())
        #expect(bytes.count == Welcome.resumableSize)
        #expect(try bytes.wire { try Welcome.decode($0) } == welcome)
        for count in 0..<Welcome.resumableSize {
            let found = try broken { try Array(bytes.prefix(count)).wire { _ = try Welcome.decode($0) } }
            #expect(found == Broken(.malformed, 8))
        }
        welcome.features = []
        let short = payload(welcome.encoded())
        #expect(short.count == Welcome.size)
        let decoded = try short.wire { try Welcome.decode($0) }
        #expect(decoded.token == SessionToken(0, 0) && decoded.resumption == .fresh)
        let long = try broken { try (short + bytes[96...]).wire { _ = try Welcome.decode($0) } }
        #expect(long == Broken(.malformed, 8))
    }

    @Test("A resumption that is no number of the table is R-8")
    func unknown() throws {
        var welcome = Welcome()
        welcome.features = .resume
        for number in [UInt32(3), .max] {
            var bytes = payload(welcome.encoded())
            bytes.store(number, at: 124)
            #expect(try broken { try bytes.wire { _ = try Welcome.decode($0) } } == Broken(.malformed, 8))
        }
    }

    @Test("Tokens are equal when every bit is")
    func tokens() {
        let token = SessionToken(1 << 63, 1)
        #expect(token == SessionToken(1 << 63, 1))
        for bit in 0..<64 {
            #expect(token != SessionToken(token.first ^ 1 << bit, token.second))
            #expect(token != SessionToken(token.first, token.second ^ 1 << bit))
        }
        // Differences must not cancel each other out.
        #expect(SessionToken(1, 1) != SessionToken(2, 2) && SessionToken(1, 2) != SessionToken(2, 1))
    }

    @Test("An acknowledgement is one number of 64 bits; any other length is R-36")
    func acknowledge() throws {
        for received in [0, 1, UInt64.max] {
            let bytes = payload(Acknowledge(received: received).encoded())
            #expect(try bytes.wire { try Acknowledge.decode($0) }.received == received)
        }
        for count in 0..<20 where count != Acknowledge.size {
            let bytes = [UInt8](repeating: 0, count: count)
            #expect(
                try broken { try bytes.wire { _ = try Acknowledge.decode($0) } } == Broken(.malformed, 36))
        }
    }
}
