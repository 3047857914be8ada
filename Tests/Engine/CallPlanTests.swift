import Glibc
import RingPolicy
import RingProtocol
import Synchronization
import Testing

@testable import RingEngine

/// The memory of an argument with pointers to structs with pointers, as the kernel would see it.
@Suite struct CallPlanTests {
    /// `count` messages of `length` bytes, every second one read; those written are full of their number.
    private static func argument(_ count: Int, length: UInt16) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 16 + count * 16)
        bytes.put(UInt64(1), at: 0)
        bytes.put(UInt32(count), at: 8)
        for index in 0..<count {
            bytes.put(UInt16(0x50), at: 16 + index * 16)
            bytes.put(UInt16(index % 2), at: 18 + index * 16)
            bytes.put(length, at: 20 + index * 16)
            bytes.put(UInt64(1), at: 24 + index * 16)
        }
        for index in 0..<count where index % 2 == 0 {
            bytes += [UInt8](repeating: UInt8(index + 1), count: Int(length))
        }
        return bytes
    }

    /// Lays the argument out in an arena and calls `body` with what ioctl(2) would get.
    private static func laid(
        _ argument: [UInt8], in arena: inout GuardedArena,
        _ body: (CallPlan, UnsafeMutableRawPointer, _ replySize: Int) throws -> Void
    ) throws {
        let device = Shapes.device("/dev/null", BlockShapes.messages)
        let rule = Rule(
            id: "all", principals: ["tester"], commands: ["device": [Rule.Command(BlockShapes.messages)]])
        let snapshot = PolicySnapshot(
            revision: [UInt8](repeating: 0, count: 32), principals: [], devices: [device], rules: [rule])
        let policy = snapshot.policy(for: PrincipalSet(names: ["tester"]), at: 0)
        let grant = try #require(policy.grant(onDevice: "device"))
        var layout = Layout()
        try argument.withUnsafeBytes { bytes in
            let entry = Entry(
                .command, requestID: RequestID(1), subOpcode: SubOpcode(0x0707), argument: WireBytes(bytes))
            let command = try grant.authorize(entry, on: OpenFileID(0), &layout) { _ in nil }
            let memory = UnsafeMutableRawPointer.allocate(
                byteCount: CallPlan.size(for: command), alignment: 8)
            defer { memory.deallocate() }
            let plan = CallPlan.make(for: command, in: memory)
            guard arena.place(plan.pointee), let start = bytes.baseAddress else { throw Failed("no memory") }
            plan.pointee.fill(from: start, count: bytes.count)
            try body(plan.pointee, plan.pointee.addresses[0], command.replySize)
        }
    }

    private static func address(_ memory: UnsafeMutableRawPointer, _ offset: Int) throws
        -> UnsafeMutableRawPointer
    {
        let number = memory.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        return try #require(UnsafeMutableRawPointer(bitPattern: UInt(number)))
    }

    @Test(arguments: [1, 2, 31, 32, 120]) func everyPlaceOfAPointerHoldsTheAddressOfItsBlock(count: Int)
        throws
    {
        let counters = EngineCounters()
        var arena = try GuardedArena(counters)
        let argument = Self.argument(count, length: 5)
        try Self.laid(argument, in: &arena) { plan, root, replySize in
            let messages = try Self.address(root, 0)
            var seen: Set<UnsafeMutableRawPointer> = [root, messages]
            for index in 0..<count {
                let buffer = try Self.address(messages, index * 16 + 8)
                #expect(seen.insert(buffer).inserted, "no two blocks share memory")
                #expect(UInt(bitPattern: buffer + 5) % UInt(Pages.size) == 0, "against its guard page")
                let expected = index % 2 == 0 ? UInt8(index + 1) : 0
                #expect((0..<5).allSatisfy { buffer.load(fromByteOffset: $0, as: UInt8.self) == expected })
                if index % 2 == 1 { buffer.storeBytes(of: UInt8(index), as: UInt8.self) }
            }
            #expect(replySize == count / 2 * 5)
            var reply = [UInt8](repeating: 0xff, count: replySize)
            reply.withUnsafeMutableBytes { bytes in
                guard let start = bytes.baseAddress else { return }
                plan.collect(into: start, count: bytes.count)
            }
            for index in 0..<count / 2 {
                #expect(Array(reply[index * 5..<index * 5 + 5]) == [UInt8(index * 2 + 1), 0, 0, 0, 0])
            }
        }
        let many = counters.callsWithManyBlocks.load(ordering: .relaxed)
        #expect(many == (count + 2 > EngineLimits.keptPlaces ? 1 : 0))
        arena.clear()
        #expect(counters.callsWithManyBlocks.load(ordering: .relaxed) == 0)
    }

    @Test func callsWithManyBlocksAtTheSameTimeAreBounded() throws {
        let counters = EngineCounters()
        counters.callsWithManyBlocks.store(EngineLimits.callsWithManyBlocks, ordering: .relaxed)
        var arena = try GuardedArena(counters)
        var isPlaced = true
        do { try Self.laid(Self.argument(100, length: 1), in: &arena) { _, _, _ in } } catch {
            isPlaced = false
        }
        #expect(!isPlaced)
        #expect(counters.callsWithManyBlocks.load(ordering: .relaxed) == EngineLimits.callsWithManyBlocks)
        // A few still have a place.
        try Self.laid(Self.argument(10, length: 1), in: &arena) { _, _, _ in }
        arena.clear()
    }

    /// vm.max_map_count is 65,530 unless set; each place is two areas.
    @Test func theWorkersMemoryAreasLeaveRoomForTheRest() {
        let kept = EngineLimits.lanes * (EngineLimits.keptPlaces + Span.maximumLarge)
        let more = EngineLimits.callsWithManyBlocks * (Span.maximum - EngineLimits.keptPlaces)
        #expect((kept + more) * 2 < 65_530 / 2)
    }

    @Test func anOperationIsTwoCacheLinesAndAPlainOneIsInTheFirst() {
        #expect(MemoryLayout<RingEngine.Operation>.stride == 2 * RingEngine.Operation.alignment)
        let plain: [PartialKeyPath<RingEngine.Operation>] = [
            \.kind, \.stop, \.isIndeterminate, \.isAnswered, \.polling, \.tag, \.file, \.started, \.plan,
            \.next,
        ]
        for path in plain {
            #expect(
                (MemoryLayout<RingEngine.Operation>.offset(of: path) ?? .max)
                    < RingEngine.Operation.alignment, "\(path)")
        }
    }
}
