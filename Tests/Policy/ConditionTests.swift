import RingPolicy
import RingProtocol
import Testing

@Suite("Conditions")
struct ConditionTests {
    private typealias Fixture = PolicyFixture

    /// Whether SET passes `test` on a field when the field holds `value`.
    private func passes<Value: FixedWidthInteger & BitwiseCopyable>(
        _ field: Field, _ test: Condition.Test, _ value: Value
    ) throws -> Bool {
        #expect(MemoryLayout<Value>.size == field.size)
        let command = Rule.Command(Fixture.set, where: [Condition(field, test)])
        let block = [UInt8].zeros(32).with(value, at: field.offset)
        let refusal = try Fixture.grant(Fixture.rule([command])).refusal(.command, code: 0x5414, block)
        if let refusal { #expect(refusal.reason == .constraint && refusal.rule == "rule") }
        return refusal == nil
    }

    @Test("A range holds at its bounds and not one beside them")
    func range() throws {
        for (value, expected) in [
            (UInt16(9), false), (10, true), (11, true), (20, true), (21, false), (.max, false),
        ] {
            #expect(try passes(Fixture.unsigned16, .range(10...20), value) == expected)
        }
    }

    @Test("Signed fields are compared with their sign")
    func signed() throws {
        for (value, expected) in [
            (Int8(-6), false), (-5, true), (0, true), (5, true), (6, false), (.min, false),
        ] {
            #expect(try passes(Fixture.signed8, .range(-5...5), value) == expected)
        }
        for (value, expected) in [(Int32.min, true), (.min + 1, false), (.max, false), (0, false)] {
            #expect(try passes(Fixture.signed32, .equals(Int128(Int32.min)), value) == expected)
        }
    }

    @Test("All 64 bits are compared")
    func wide() throws {
        let top = Int128(UInt64.max)
        #expect(try passes(Fixture.unsigned64, .equals(top), UInt64.max))
        #expect(try !passes(Fixture.unsigned64, .equals(top), UInt64.max - 1))
        #expect(try !passes(Fixture.unsigned64, .equals(-1), UInt64.max))
        #expect(try !passes(Fixture.unsigned64, .equals(5), UInt64(5) | 1 << 32))
        #expect(try !passes(Fixture.unsigned64, .range(0...(top >> 1)), UInt64(1) << 63))
        #expect(try passes(Fixture.unsigned64, .range(0...(top >> 1)), (UInt64(1) << 63) - 1))
    }

    @Test("One of several values passes, their neighbours do not")
    func oneOf() throws {
        for value in UInt16(0)...6 {
            #expect(try passes(Fixture.unsigned16, .oneOf([2, 5]), value) == (value == 2 || value == 5))
        }
    }

    @Test("A mask lets its own bits pass and no other of the field")
    func mask() throws {
        for bit in 0..<16 {
            #expect(
                try passes(Fixture.unsigned16, .mask(0x00f1), UInt16(1) << bit) == (0x00f1 >> bit & 1 == 1))
        }
        for bit in 0..<64 {
            let mask = UInt64(1) << 63 | 1
            #expect(try passes(Fixture.unsigned64, .mask(mask), UInt64(1) << bit) == (bit == 0 || bit == 63))
        }
        #expect(try passes(Fixture.signed8, .mask(0xff), Int8(-1)))
        #expect(try passes(Fixture.signed8, .mask(0x80), Int8.min))
        #expect(try !passes(Fixture.signed8, .mask(0x7f), Int8.min))
        #expect(try passes(Fixture.signed32, .mask(0xffff_ffff), Int32(-1)))
    }

    @Test("Integer fields of every width are read where they lie")
    func widths() throws {
        let types: [FieldType] = [1, 2, 4, 8].flatMap { [.unsigned(bytes: $0), .signed(bytes: $0)] }
        for type in types {
            let field = Field(name: "f", type: type, offset: 3)
            let shape = CommandShape(
                name: "C", code: SubOpcode(1), transport: .call, effect: .read, placement: .pointer, size: 12,
                fields: [field, Field(name: "rest", type: .bytes(12 - 3 - type.size), offset: 3 + type.size)])
            let profile = Profile(name: "p", summary: "", commands: [shape])
            let device = Device(
                name: "board", path: "/x", kind: .regular, access: .readOnly, profile: profile)
            let range = try #require(type.range)
            for (test, value) in [(range.lowerBound, range.lowerBound), (range.upperBound, range.upperBound)]
            {
                let rule = Fixture.rule([Rule.Command(shape, where: [Condition(field, .equals(test))])])
                let snapshot = Fixture.snapshot([rule], principals: [Fixture.agent], devices: [device])
                let peer = try snapshot.recognize(
                    PeerIdentity(uris: [], keyHash: [1], commonName: nil, issuer: ""))
                let grant = try "board".wire { try snapshot.policy(for: peer, at: 0).authorizeOpen($0).grant }
                var block = [UInt8].zeros(12)
                for byte in 0..<type.size {
                    block[3 + byte] = UInt8(truncatingIfNeeded: value >> Int128(byte * 8))
                }
                #expect(try grant.refusal(.command, code: 1, block) == nil)
                block[3] ^= 1
                #expect(try grant.refusal(.command, code: 1, block)?.reason == .constraint)
            }
        }
    }

    @Test("An extent must lie in its window, at the bounds, beside them, and where its sum would wrap")
    func extents() throws {
        let command = Rule.Command(Fixture.discard, where: [Condition(Fixture.range, within: 1000..<2000)])
        let grant = try Fixture.grant(Fixture.rule([command]))
        let cases: [(start: UInt64, length: UInt64, passes: Bool)] = [
            (1000, 1000, true), (1000, 1001, false), (999, 1000, false), (999, 1, false), (1999, 1, true),
            (1999, 2, false), (2000, 0, true), (2001, 0, false), (2000, 1, false), (1000, 0, true),
            (.max, 2, false), (.max, .max, false), (1500, .max, false), (1001, .max - 1000 + 1, false),
            (1000, .max - 999, false), (0, 1500, false),
        ]
        for (start, length, passes) in cases {
            let block = [UInt8].zeros(16).with(start, at: 0).with(length, at: 8)
            let refusal = try grant.refusal(.command, code: 0x1200, block)
            #expect((refusal == nil) == passes, "\(start) + \(length)")
            if let refusal {
                #expect(refusal.text == "DISCARD needs range within [1000, 2000)")
            }
        }
        let whole = Rule.Command(Fixture.discard, where: [Condition(Fixture.range, within: 0..<UInt64.max)])
        let block = [UInt8].zeros(16).with(UInt64.max, at: 0).with(UInt64(1), at: 8)
        #expect(try Fixture.grant(Fixture.rule([whole])).refusal(.command, code: 0x1200, block) != nil)
    }

    @Test("All conditions of an alternative must hold, and one alternative of any rule is enough")
    func alternatives() throws {
        let both = Rule.Command(
            Fixture.set,
            where: [Condition(Fixture.unsigned16, .equals(1)), Condition(Fixture.signed8, .equals(2))])
        let other = Rule.Command(Fixture.set, where: [Condition(Fixture.unsigned16, .equals(9))])
        let grant = try Fixture.grant(Fixture.rule("first", [both]), Fixture.rule("second", [other]))
        func refusal(_ u16: UInt16, _ s8: Int8) throws -> Refusal? {
            try grant.refusal(.command, code: 0x5414, [UInt8].zeros(32).with(u16, at: 2).with(s8, at: 0))
        }
        #expect(try refusal(1, 2) == nil && refusal(9, 0) == nil)
        #expect(try refusal(1, 3) == Refusal(.constraint, rule: "first", "SET needs s8 = 2"))
        #expect(try refusal(3, 3)?.text == "SET needs u16 = 1 and s8 = 2")
        let free = try Fixture.grant(
            Fixture.rule("first", [both]), Fixture.rule("free", [Rule.Command(Fixture.set)]))
        #expect(try free.refusal(.command, code: 0x5414, .zeros(32)) == nil)
        #expect(
            try free.refusal(.command, code: 0x5414, [UInt8].zeros(32).with(UInt8(1), at: 31))?.reason
                == .shape)
    }

    @Test("A condition that has nothing to test never holds, and never traps")
    func nothingToTest() throws {
        let bytes = try #require(Fixture.set.fields.first { $0.name == "tag" })
        let onBytes = Rule.Command(Fixture.set, where: [Condition(bytes, .equals(0))])
        #expect(try Fixture.grant(Fixture.rule([onBytes])).refusal(.command, code: 0x5414, .zeros(32)) != nil)
        let onReply = Rule.Command(Fixture.get, where: [Condition(Fixture.get.fields[0], .mask(.max))])
        #expect(try Fixture.grant(Fixture.rule([onReply])).refusal(.command, code: 0x8004_5200) != nil)
        #expect(Linear(bytes) == nil, "bytes are no number to sum")
        let far = Field(name: "far", type: .unsigned(bytes: 8), offset: 30)
        let outside = Fixture.extent("x", far, Fixture.unsigned64)
        let onExtent = Rule.Command(Fixture.set, where: [Condition(outside, within: 0..<9)])
        #expect(
            try Fixture.grant(Fixture.rule([onExtent])).refusal(.command, code: 0x5414, .zeros(32)) != nil)
    }

    @Test("Conditions read as people would say them")
    func words() {
        let field = Fixture.unsigned16
        #expect(Condition(field, .equals(3)).words == "u16 = 3")
        #expect(Condition(field, .oneOf([1, 2])).words == "u16 in [1, 2]")
        #expect(Condition(field, .range(1...2)).words == "u16 in 1..2")
        #expect(Condition(field, .mask(0x3c)).words == "u16 only bits 0x3c")
        #expect(Condition(Fixture.range, within: 0..<8).words == "range within [0, 8)")
    }
}
