import RingProtocol
import Testing

@Suite("Completions")
struct CompletionTests {
    @Test("Every combination of flags comes back as it was sent, or as R-23")
    func flags() throws {
        for bits in UInt16.min...UInt16.max {
            let flags = CompletionFlags(rawValue: bits)
            let bytes = completions([(CompletionHeader(RequestID(1), result: 0, flags: flags), [])])
            try bytes.wire { bytes in
                let frame = try #require(try Frame.decode(bytes, payloadLimit: 64))
                var batch = CompletionBatch(frame)
                var decoded: CompletionFlags?
                let found = try broken { decoded = try batch.next()?.header.flags }
                let isKnown = bits < 0x80 && bits & 0x18 != 0x18
                if isKnown ? decoded != flags || found != nil : found != Broken(.reserved, 23) {
                    Issue.record("flags \(bits)")
                }
            }
        }
    }

    @Test("The engine has its own bits")
    func engine() {
        for engine in EngineKind.allCases {
            let flags: CompletionFlags = [.engine(engine), .denied, .refused]
            #expect(flags.engine == engine && flags.isSubset(of: .known))
        }
        #expect(CompletionFlags(rawValue: 0x18).engine == nil)
    }

    @Test("Device time is cut to its 48 bits instead of reaching the flags")
    func deviceTime() throws {
        for (time, expected) in [(UInt64(0), UInt64(0)), (1 << 47, 1 << 47), (.max, (1 << 48) - 1)] {
            let header = CompletionHeader(
                RequestID(.max), result: .min, deviceTime: time, flags: .engine(.ring))
            try completions([(header, [])]).wire { bytes in
                let frame = try #require(try Frame.decode(bytes, payloadLimit: 64))
                var batch = CompletionBatch(frame)
                let decoded = try batch.next()?.header
                #expect(decoded?.deviceTime == expected && decoded?.flags == .engine(.ring))
                #expect(decoded?.result == .min && decoded?.requestID == RequestID(.max))
            }
        }
    }

    @Test("Payloads of every length up to 17 come back whole, with zeros behind them")
    func payloads() throws {
        let sent = (0...17).map { length in
            let header = CompletionHeader(
                RequestID(UInt64(length)), result: Int32(length), payloadLength: length, flags: .engine(.call)
            )
            return (header: header, payload: [UInt8](repeating: 0xee, count: length))
        }
        try completions(sent).wire { bytes in
            let frame = try #require(try Frame.decode(bytes, payloadLimit: Limits.framePayload))
            var batch = CompletionBatch(frame)
            #expect(batch.remaining == 18)
            for (header, payload) in sent {
                let next = try batch.next()
                #expect(next?.header == header && next?.payload.array == payload)
            }
            let end = try batch.next()
            #expect(end == nil && batch.remaining == 0)
        }
    }

    @Test("A frame cut anywhere is R-22")
    func cut() throws {
        let header = CompletionHeader(RequestID(1), result: 9, payloadLength: 9, flags: .engine(.ring))
        let whole = completions([(header, [UInt8](1...9))])
        for length in 0..<whole.count - 8 {
            var bytes = Array(whole.prefix(8 + length))
            bytes.store(UInt32(length), at: 0)
            #expect(try broken { try bytes.wire { try decodeWhole($0) } } == Broken(.malformed, 22))
        }
    }

    @Test("A failure carries a payload only when it was refused")
    func failures() throws {
        for (result, flags, passes) in [
            (Int32(-1), CompletionFlags.engine(.ring), false), (-1, [.engine(.ring), .denied], false),
            (0, .engine(.ring), true),
        ] {
            let header = CompletionHeader(RequestID(1), result: result, payloadLength: 8, flags: flags)
            let bytes = completions([(header, [UInt8](repeating: 1, count: 8))])
            let found = try broken { try bytes.wire { try decodeWhole($0) } }
            #expect(found == (passes ? nil : Broken(.malformed, 24)))
        }
    }
}
