import RingProtocol
import Testing

@Suite("Hello and welcome")
struct HandshakeTests {
    private func payload(_ frame: [UInt8]) -> [UInt8] { Array(frame.dropFirst(Limits.frameHeader)) }

    @Test("A hello comes back as it was sent")
    func hello() throws {
        let features: Features = [.links, .skipSuccess]
        for hello in [Hello(), Hello(versions: 1...9, features: features), Hello(versions: 0...(.max))] {
            #expect(try payload(hello.encoded()).wire { try Hello.decode($0) } == hello)
            #expect(hello.encoded().count - Limits.frameHeader == Hello.size)
        }
    }

    @Test("Any other length is R-6 or R-8")
    func lengths() throws {
        for count in 0..<200 {
            let bytes = [UInt8](repeating: 0, count: count)
            let ofHello = try broken { try bytes.wire { _ = try Hello.decode($0) } }
            // 56 zeros ask for a session without the feature.
            #expect(ofHello == (count == 16 ? nil : Broken(.malformed, 6)))
            let ofWelcome = try broken { try bytes.wire { _ = try Welcome.decode($0) } }
            #expect(ofWelcome == (count == 96 ? nil : Broken(.malformed, 8)))
        }
    }

    @Test("Versions must not cross, the reserved field must be 0")
    func hellos() throws {
        var bytes = payload(Hello(versions: 5...5).encoded())
        bytes.store(UInt16(4), at: 2)
        #expect(try broken { try bytes.wire { _ = try Hello.decode($0) } } == Broken(.malformed, 6))
        for position in 4..<8 {
            var bytes = payload(Hello().encoded())
            bytes[position] = 1
            #expect(try broken { try bytes.wire { _ = try Hello.decode($0) } } == Broken(.reserved, 6))
        }
    }

    @Test("A welcome announces the limits and comes back as it was sent")
    func welcome() throws {
        var welcome = Welcome()
        welcome.features = [.cancel, .resume]
        welcome.epoch = .max
        welcome.session = 1
        welcome.monotonic = 2
        welcome.realtime = 3
        welcome.revision = [UInt8](100..<132)
        let decoded = try payload(welcome.encoded()).wire { try Welcome.decode($0) }
        #expect(decoded == welcome)
        #expect(Int(decoded.frameLimit) == Limits.framePayload && Int(decoded.payloadLimit) == Limits.payload)
        #expect(Int(decoded.inFlight) == Limits.inFlight && Int(decoded.slots) == Limits.slots)
        #expect(Int(decoded.payloadInFlight) == Limits.payloadInFlight)
        #expect(Int(decoded.entriesPerFrame) == Limits.entriesPerFrame && Int(decoded.chain) == Limits.chain)
    }

    @Test("The protocol's name is the one of the page")
    func name() { #expect(applicationProtocol == "ringgate/1") }

    @Test("Names order and print as their numbers")
    func identifiers() {
        #expect(RequestID(1) < RequestID(.max) && SubOpcode(0x5412) < SubOpcode(.max))
        #expect("\(SubOpcode(0x8004_5200))" == "0x80045200")
        #expect(FileSlot(3) == FileSlot(3))
    }
}
