import CLiburing
import Glibc
import RingPolicy
import RingProtocol
import Testing

@testable import RingEngine

/// Arguments with pointers reach the kernel, and no address goes either way on the wire.
@Suite struct BlockTests {
    static let code: UInt32 = 0xc068_6611

    /// Whether the kernel has PROCMAP_QUERY (Linux 6.11).
    static let hasMapQuery: Bool = {
        let fd = Glibc.open("/proc/self/maps", O_RDONLY | O_CLOEXEC)
        defer { Glibc.close(fd) }
        var block = BlockShapes.mapQuestion(nameSize: 0, name: 0, build: 0)
        return rg_ioctl_pointer(fd, code, &block) == 0
    }()

    @Test(.enabled(if: hasMapQuery, "the kernel has no PROCMAP_QUERY"))
    func blocksBehindPointersComeBackInOrderAndWithoutAddresses() throws {
        var bench = try Bench([BlockShapes.maps(BlockShapes.mapQuery())])
        let file = try bench.open("device")
        let outcome = try bench.command(Self.code, file, BlockShapes.mapQuestion(nameSize: 4_096))
        #expect(outcome.result == 0 && outcome.engine == .call)
        let reply = outcome.payload
        try #require(reply.count == 104 + 4_096 + 64)
        #expect(reply.number(at: 88, UInt64.self) == 0 && reply.number(at: 96, UInt64.self) == 0)
        #expect(reply.number(at: 32, UInt64.self) > reply.number(at: 24, UInt64.self))
        let size = Int(reply.number(at: 80, UInt32.self))
        #expect(reply[104] == UInt8(ascii: "/") && reply[104 + size - 1] == 0)
        #expect(reply[(104 + size)..<4_200].allSatisfy { $0 == 0 }, "out blocks are zeroed")
        let build = Int(reply.number(at: 84, UInt32.self))
        #expect(build > 0 && reply[4_200..<(4_200 + build)].contains { $0 != 0 })
    }

    @Test(.enabled(if: hasMapQuery, "the kernel has no PROCMAP_QUERY"))
    func aBlockThatIsNotThereIsNull() throws {
        var bench = try Bench([BlockShapes.maps(BlockShapes.mapQuery())])
        let file = try bench.open("device")
        let outcome = try bench.command(Self.code, file, BlockShapes.mapQuestion(nameSize: 0, name: 0))
        #expect(outcome.result == 0 && outcome.payload.count == 104 + 64)
        #expect(outcome.payload.number(at: 84, UInt32.self) > 0)
    }

    @Test(.enabled(if: hasMapQuery, "the kernel has no PROCMAP_QUERY"))
    func aLargeBlockHasAPlaceToo() throws {
        var bench = try Bench([BlockShapes.maps(BlockShapes.mapQuery())])
        let file = try bench.open("device")
        for _ in 0..<3 {
            let outcome = try bench.command(Self.code, file, BlockShapes.mapQuestion(nameSize: 1 << 19))
            #expect(outcome.result == 0 && outcome.payload.count == 104 + 1 << 19 + 64)
            #expect(outcome.payload[104] == UInt8(ascii: "/"))
        }
    }

    @Test(.enabled(if: hasMapQuery, "the kernel has no PROCMAP_QUERY"))
    func aDriverThatWritesBeyondABlockGetsAFault() throws {
        var bench = try Bench([BlockShapes.maps(BlockShapes.mapQuery(nameSize: 4))])
        let file = try bench.open("device")
        let outcome = try bench.command(Self.code, file, BlockShapes.mapQuestion(nameSize: 4_096))
        #expect(outcome.result == -EFAULT && outcome.payload.isEmpty)
        let small = try bench.command(Self.code, file, BlockShapes.mapQuestion(nameSize: 4))
        #expect(small.result == -ENAMETOOLONG, "the worker goes on")
    }

    @Test(.enabled(if: hasMapQuery, "the kernel has no PROCMAP_QUERY"))
    func redactedFieldsComeBackAsZeros() throws {
        var bench = try Bench([BlockShapes.maps(BlockShapes.mapQuery(redacted: true))])
        let file = try bench.open("device")
        let outcome = try bench.command(Self.code, file, BlockShapes.mapQuestion(nameSize: 4_096))
        #expect(outcome.result == 0 && outcome.payload.number(at: 24, UInt64.self) == 0)
        #expect(outcome.payload.number(at: 32, UInt64.self) > 0)
    }

    @Test(arguments: [2, 0x7fff_0000_0000, UInt64.max]) func anAddressFromAClientIsRefused(address: UInt64)
        throws
    {
        var bench = try Bench([BlockShapes.maps(BlockShapes.mapQuery())])
        let file = try bench.open("device")
        let argument = BlockShapes.mapQuestion(nameSize: 16, name: address)
        #expect(refusal { _ = try bench.start(.command, file, code: Self.code, argument) } == .shape)
        #expect(bench.engine.inFlight == 0)
    }

    @Test func redactionNeedsNoPointers() throws {
        let terminal = try Terminal()
        let shape = CommandShape(
            name: "TIOCGWINSZ", code: SubOpcode(0x5413), transport: .call, effect: .read, placement: .pointer,
            direction: .output, size: 8,
            fields: [Field(name: "rows", type: .unsigned(bytes: 2), offset: 0, isRedacted: true)])
        var bench = try Bench([Shapes.device(terminal.path, shape, Shapes.setWindow)])
        let file = try bench.open("device")
        #expect(try bench.command(0x5414, file, [40, 0, 132, 0, 1, 2, 3, 4]).result == 0)
        #expect(try bench.command(0x5413, file).payload == [0, 0, 132, 0, 1, 2, 3, 4])
    }

    @Test(arguments: [UInt32(0), 1, 4_096, 5_000, 1 << 19]) func ringCommandsGetTheirBlocksBack(
        length: UInt32
    ) throws {
        var bench = try Bench([
            Shapes.device(
                "/dev/null", BlockShapes.ringArea(1, .ring, size: 16),
                BlockShapes.ringArea(2, .wideRing, size: 80))
        ])
        let file = try bench.open("device")
        for (code, size) in [(UInt32(1), 16), (2, 80)] {
            let outcome = try bench.command(code, file, BlockShapes.ringQuestion(size: size, length: length))
            #expect(outcome.result == 0 && outcome.engine == .ring)
            #expect(outcome.payload == [UInt8](repeating: 0, count: Int(length)), "nothing of the heap")
        }
    }

    @Test func theMemoryOfRingCommandsIsBoundedAndGivenBack() throws {
        var bench = try Bench([Shapes.device("/dev/null", BlockShapes.ringArea(1, .ring, size: 16))])
        let file = try bench.open("device")
        let argument = BlockShapes.ringQuestion(size: 16, length: 1 << 19)
        for _ in 0..<3 {
            var ids: [UInt64] = []
            var reason: RefusalReason?
            while reason == nil, ids.count < 1_000 {
                reason = refusal { ids.append(try bench.start(.command, file, code: 1, argument)) }
            }
            #expect(reason == .busy && ids.count >= 32, "each has its block and the reply")
            for id in ids { #expect(try bench.outcome(of: id).payload.count == 1 << 19) }
            #expect(bench.engine.inFlight == 0)
        }
    }
}
