import RingLab
import RingProtocol
import TestSupport
import Testing

/// Malformed bytes end their own session with the broken rule's number, run nothing, and disturb nobody else.
@Suite struct ViolationTests {
    /// What the gateway says to `bytes` sent after a good hello.
    private func verdict(_ site: Site, _ bytes: [UInt8], greeted: Bool = true) throws -> SessionError? {
        let client = greeted ? try site.greeted() : try site.raw(site.agent)
        try client.send(bytes)
        guard let frame = try client.frame(), frame.type == .error else { return nil }
        let error = try frame.payload.withUnsafeBytes { try SessionError.decode(WireBytes($0)) }
        #expect(try client.frame() == nil, "nothing follows an error frame but the end")
        return error
    }

    private func header(_ length: UInt32, _ type: UInt8, _ count: UInt16, reserved: UInt8 = 0) -> [UInt8] {
        withUnsafeBytes(of: length.littleEndian) { Array($0) } + [type, reserved]
            + withUnsafeBytes(of: count.littleEndian) { Array($0) }
    }

    @Test func eachRuleIsHeldAndNamed() throws {
        let site = try Site()
        var flagged = RawEntry(.nop, id: 1)
        flagged.flags = 1
        let good = RawEntry(.nop, id: 1).bytes
        let cases: [(rule: UInt16, code: SessionErrorCode, bytes: [UInt8])] = [
            (2, .malformed, header(0, 99, 0)),
            (3, .reserved, header(0, 3, 0, reserved: 1)),
            (4, .limit, header(UInt32(Limits.framePayload) + 1, 3, 1)),
            (4, .limit, header(.max, 3, 1)),
            (5, .reserved, header(8, 6, 1) + [UInt8](repeating: 0, count: 8)),
            (9, .unexpectedFrame, Hello().encoded()),
            (9, .unexpectedFrame, header(0, 4, 0)),
            (10, .malformed, header(0, 3, 0)),
            (11, .limit, header(32, 3, 1025) + good),
            (12, .malformed, header(32, 3, 2) + good),
            (12, .malformed, header(64, 3, 1) + good + good),
            (12, .malformed, header(31, 3, 1) + good.dropLast()),
            (13, .reserved, header(32, 3, 1) + flagged.bytes),
            (14, .requestID, header(32, 3, 1) + RawEntry(.nop, id: 0).bytes),
            (14, .requestID, header(64, 3, 2) + good + good),
            (15, .limit, header(32, 3, 1) + good[..<28] + [1, 0, 16, 0]),
            (12, .malformed, header(32, 3, 1) + good[..<28] + [1, 0, 0, 0]),
            (16, .reserved, header(40, 3, 1) + good[..<28] + [1, 0, 0, 0, 7, 7, 0, 0, 0, 0, 0, 0]),
            (28, .malformed, header(8, 6, 0) + [9, 0, 0, 0, 0, 0, 0, 0]),
        ]
        for (rule, code, bytes) in cases {
            let error = try verdict(site, bytes)
            #expect(error?.rule == rule && error?.code == code, "R-\(rule): \(String(describing: error))")
        }
        #expect(site.gateway.counters.violations == cases.count)
        #expect(eventually { site.gateway.counters.open == 0 })
    }

    @Test func theGreetingHasRulesOfItsOwn() throws {
        let site = try Site()
        let cases: [(rule: UInt16, bytes: [UInt8])] = [
            (4, header(65, 1, 0)),
            (6, header(8, 1, 0) + [1, 0, 1, 0, 0, 0, 0, 0]),
            (6, header(16, 1, 0) + [2, 0, 1, 0] + [UInt8](repeating: 0, count: 12)),
            (6, header(16, 1, 0) + [1, 0, 1, 0, 1] + [UInt8](repeating: 0, count: 11)),
            (7, header(16, 1, 0) + [2, 0, 9, 0] + [UInt8](repeating: 0, count: 12)),
            (9, RawEntry.frame([RawEntry(.nop, id: 1)])),
            (9, Goodbye.done.encoded()),
        ]
        for (rule, bytes) in cases {
            #expect(try verdict(site, bytes, greeted: false)?.rule == rule, "R-\(rule)")
        }
    }

    @Test func aMalformedFrameRunsNoneOfItsEntries() throws {
        let site = try Site()
        let client = try site.greeted()
        try client.submit([.open("null", slot: 0, id: 1)])
        _ = try client.completions(1)
        let good = (2...9).map { RawEntry(.command, id: $0, slot: 0) }
        try client.submit(good + [RawEntry(.command, id: 9, slot: 0)])
        #expect(throws: SessionError.self) { try client.completions(1) }
        #expect(site.gateway.engineCounters.submittedRingEntries == 0)
    }

    @Test func moreEntriesThanTheCreditEndTheSession() throws {
        let board = try Board()
        let site = try Site(
            devices: ["board: {path: \(board.path), profile: tty, open: read-write}"],
            rules: ["{id: board, principals: [agent], devices: [board], read: true}"])
        let client = try site.greeted()
        try client.submit([.open("board", slot: 0, id: 1)])
        _ = try client.completions(1)
        // The banner satisfies the first reads; the rest wait.
        try client.submit((0..<1024).map { .read(64, slot: 0, id: 10 + $0) })
        try client.submit((0..<1024).map { .read(64, slot: 0, id: 5000 + $0) })
        #expect(throws: SessionError.self) { try client.completions(2048) }
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
    }

    @Test func everyFrameCutAtEachByteEndsQuietly() throws {
        let site = try Site()
        let frames = [
            Hello().encoded(), RawEntry.frame([.open("null", slot: 0, id: 1), RawEntry(.nop, id: 2)]),
            Goodbye.done.encoded(),
        ]
        for (index, frame) in frames.enumerated() {
            for length in 0..<frame.count {
                let client = index == 0 ? try site.raw(site.agent) : try site.greeted()
                try client.send(Array(frame[..<length]))
            }
        }
        #expect(eventually { site.gateway.counters.open == 0 })
        #expect(site.gateway.counters.violations == 0)
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
    }

    @Test func framesMayArriveByteByByte() throws {
        let site = try Site()
        let client = try site.raw(site.agent)
        let bytes = Hello().encoded() + RawEntry.frame([RawEntry(.nop, id: 1), RawEntry(.nop, id: 2)])
        for byte in bytes { try client.send([byte]) }
        #expect(try client.frame()?.type == .welcome)
        #expect(try client.completions(2).map(\.header.requestID.value) == [1, 2])
    }
}
