import RingPolicy
import RingProtocol
import Testing

@Suite("Commands")
struct CommandTests {
    private typealias Fixture = PolicyFixture

    private func everything() throws -> Grant {
        try Fixture.grant(Fixture.rule(Fixture.profile.commands.map { Rule.Command($0) }))
    }

    @Test("What runs has the profile's engine, placement and sizes, and the very bytes that were checked")
    func authorized() throws {
        let grant = try everything()
        #expect(
            try grant.decide(.command, code: 0x8004_5200)
                == Authorized(
                    action: .command, transport: .call, placement: .pointer, code: 0x8004_5200, argument: [],
                    blockSize: 4, replySize: 4, offset: 0))
        let block = [UInt8].zeros(32).with(UInt64.max, at: 8)
        #expect(
            try grant.decide(.command, code: 0x5414, block)
                == Authorized(
                    action: .command, transport: .call, placement: .pointer, code: 0x5414, argument: block,
                    blockSize: 32, replySize: 32, offset: 0))
        #expect(try grant.decide(.command, code: 0x540b, .zeros(8)).placement == .value)
        #expect(try grant.decide(.command, code: 0x1200, .zeros(16)).placement == .sqeRange)
        let wide = try grant.decide(.command, code: 0xc048_4e80, .zeros(72))
        #expect(wide.transport == .wideRing && wide.placement == .sqeCommand && wide.replySize == 0)
        #expect(try grant.decide(.command).transport == .ring)
    }

    @Test("Every other length of argument is refused")
    func lengths() throws {
        let grant = try everything()
        for shape in Fixture.profile.commands {
            for count in 0...80 where count != shape.argumentSize {
                let refusal = try grant.refusal(.command, code: shape.code.code, .zeros(count))
                #expect(refusal?.reason == .shape)
                #expect(
                    refusal?.text
                        == "\(shape.name) takes \(shape.argumentSize) bytes of argument, not \(count)")
            }
        }
    }

    @Test("A command has no offset")
    func offset() throws {
        for offset in [UInt64(1), .max] {
            let refusal = try everything().refusal(.command, offset: offset)
            #expect(refusal == Refusal(.shape, "NOTHING: a command has no offset"))
        }
    }

    @Test(
        "A code is compared in all of its 32 bits", arguments: PolicyFixture.profile.commands.map(\.code.code)
    )
    func bits(_ code: UInt32) throws {
        let shape = try #require(Fixture.profile.command(SubOpcode(code)))
        let grant = try Fixture.grant(Fixture.rule([Rule.Command(shape)]))
        #expect(try grant.refusal(.command, code: code, .zeros(shape.argumentSize)) == nil)
        for bit in 0..<32 {
            let refusal = try grant.refusal(.command, code: code ^ (1 << bit), .zeros(shape.argumentSize))
            #expect(
                refusal?.result == -13 && refusal?.rule.hasPrefix("never/") != false || refusal?.rule == "")
            #expect(refusal?.flags == [.refused, .denied])
        }
    }

    @Test("What the profile knows and no rule allows is refused by name, the rest by number")
    func notGranted() throws {
        let grant = try Fixture.grant(Fixture.rule([Rule.Command(Fixture.nothing)]))
        #expect(
            try grant.refusal(.command, code: 0x540b, .zeros(8))
                == Refusal(.noRule, "no rule allows FLUSH (0x540b) on `board`"))
        #expect(
            try grant.refusal(.command, code: 0xdead_beef)
                == Refusal(.noRule, "profile `every` describes no sub-opcode 0xdeadbeef"))
    }

    @Test("The built-in nevers are refused by their rule")
    func nevers() throws {
        let grant = try everything()
        let codes: [(UInt32, String)] = [
            (0x5412, "TIOCSTI"), (0x540e, "TIOCSCTTY"), (0x5421, "FIONBIO"), (0x5451, "FIOCLEX"),
            (0x4c0a, "LOOP_CONFIGURE"), (0x0001, "FIBMAP"),
        ]
        for (code, name) in codes {
            #expect(BuiltInNevers.name(of: SubOpcode(code)) == name)
            let refusal = try grant.refusal(.command, code: code, [0x78])
            #expect(refusal?.reason == .never && refusal?.rule == "never/\(name)")
            let shape = CommandShape(name: name, code: SubOpcode(code), transport: .call, effect: .write)
            #expect(shape.flaw == "\(name) is never allowed, so it cannot be described")
        }
        let text = "TIOCSTI (0x5412) is never allowed on any device"
        #expect(try grant.refusal(.command, code: 0x5412, [0x78])?.text == text)
    }

    @Test("Bytes that belong to no field must be zero, each of them, whatever the rule says")
    func gaps() throws {
        let grant = try everything()
        for position in 0..<32 {
            let refusal = try grant.refusal(
                .command, code: 0x5414, [UInt8].zeros(32).with(UInt8(1), at: position))
            let gap = [1..<2, 16..<20, 24..<32].first { $0.contains(position) }
            let expected = gap.map {
                Refusal(.shape, "SET: reserved bytes \($0.lowerBound)..<\($0.upperBound) must be zero")
            }
            #expect(refusal == expected, "byte \(position)")
        }
    }

    @Test("Operations that do not run on an open file are not decided here")
    func others() throws {
        let running: Set<RingProtocol.Operation> = [.command, .read, .write, .sync, .poll]
        for operation in RingProtocol.Operation.allCases where !running.contains(operation) {
            #expect(try everything().refusal(operation)?.reason == .unsupported)
        }
    }

    @Test("A table of many codes finds each of them and no other")
    func manyCodes() throws {
        let shapes = (0..<500).map { index in
            CommandShape(
                name: "C\(index)", code: SubOpcode(UInt32(index) &* 0x0100_0100), transport: .ring,
                effect: .read)
        }
        let profile = Profile(name: "many", summary: "", commands: shapes)
        let device = Device(name: "board", path: "/x", kind: .character, access: .readOnly, profile: profile)
        let rule = Fixture.rule(shapes.map { Rule.Command($0) })
        let snapshot = Fixture.snapshot([rule], principals: [Fixture.agent], devices: [device])
        let peer = try snapshot.recognize(PeerIdentity(uris: [], keyHash: [1], commonName: nil, issuer: ""))
        let grant = try "board".wire { try snapshot.policy(for: peer, at: 0).authorizeOpen($0).grant }
        for shape in shapes {
            #expect(try grant.decide(.command, code: shape.code.code).code == shape.code.code)
            #expect(try grant.refusal(.command, code: shape.code.code | 0x80) != nil)
        }
    }
}
