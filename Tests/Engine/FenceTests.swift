import CLiburing
import Glibc
import Testing

@testable import RingEngine
@testable import RingGateway

/// The fences, proven on real rings by trying to get out.
@Suite struct FenceTests {
    @Test(arguments: Wall.allCases) func whatIsListedWorks(wall: Wall) throws {
        let fenced = try FencedRing(wall)
        #expect(try fenced.result(wall.harmless) == 0)
    }

    @Test(arguments: Wall.allCases) func noOtherOperationPasses(wall: Wall) throws {
        let fenced = try FencedRing(wall)
        let last = try #require(Self.lastOperation)
        for opcode in UInt8(0)..<64 where !wall.fence.operations.contains(opcode) {
            // Operations this kernel does not know fail before the fence is asked.
            let expected = opcode <= last ? -EACCES : -EINVAL
            #expect(try fenced.result(opcode) == expected, "operation \(opcode)")
        }
        #expect(try fenced.result(wall.harmless) == 0, "the ring goes on")
    }

    @Test(arguments: Wall.allCases) func noDescriptorOfTheProcessCanBeNamed(wall: Wall) throws {
        let fenced = try FencedRing(wall)
        for opcode in wall.fence.operations {
            let result = try fenced.result(opcode, file: fenced.file) { rg_sqe_set_flags($0, 0) }
            #expect(result == -EACCES, "operation \(opcode)")
        }
    }

    /// DRAIN, LINK, HARDLINK, ASYNC, BUFFER_SELECT, CQE_SKIP_SUCCESS: bits 1 to 6.
    @Test(arguments: Wall.allCases, UInt8(1)...6) func noOtherFlagPasses(wall: Wall, bit: UInt8) throws {
        let flag = UInt8(1) << bit
        guard wall.fence.flags & flag == 0 else { return }
        let opcode = wall == .device ? RG_OP_READ : wall.harmless
        // The kernel says so before it asks the fence: the operation takes no buffer of a group.
        let answers = flag == RG_SQE_BUFFER_SELECT ? [-EACCES, -EOPNOTSUPP] : [-EACCES]
        let fenced = try FencedRing(wall)
        let result = try fenced.result(opcode) { rg_sqe_set_flags($0, RG_SQE_FIXED_FILE | flag) }
        #expect(answers.contains(result), "flag 1 << \(bit): \(result)")
    }

    @Test func onlyTheFlagsThatAreUsedAreAllowed() {
        #expect(DeviceRing.fence.flags == RG_SQE_ASYNC)
        #expect(DeviceRing.wideFence.flags == 0)
        #expect(NetworkRing.fence.flags == RG_SQE_BUFFER_SELECT)
    }

    @Test(arguments: Wall.allCases) func thereIsNothingInEmptySlotsOrBeyondTheTable(wall: Wall) throws {
        let fenced = try FencedRing(wall)
        for opcode in wall.onFiles {
            for slot in [1, 7, 8, 1 << 20, Int32.max, -1] {
                #expect(try fenced.result(opcode, file: slot) == -EBADF, "operation \(opcode), slot \(slot)")
            }
        }
    }

    @Test(arguments: Wall.allCases) func nothingCanBeSubmittedBeforeTheFenceIsUp(wall: Wall) throws {
        let fenced = try FencedRing(wall, isEnabled: false)
        let entry = fenced.ring.entry(userData: 1)
        try #require(entry).pointee.opcode = RG_OP_NOP
        fenced.ring.submit()
        #expect(fenced.ring.ready == 0 && fenced.ring.unsubmitted == 1)
        try fenced.ring.enable(wall.fence)
        #expect(try fenced.take() == -EACCES, "what waited meets the fence")
    }

    @Test(arguments: [(Wall.device, Wall.network), (.network, .device), (.device, .wide), (.wide, .device)])
    func aFileOfOneRingIsOutOfReachOfAnother(owner: Wall, other: Wall) throws {
        let owning = try FencedRing(owner)
        let foreign = try FencedRing(other)
        #expect(owning.ring.setFile(owning.file, at: 5) == 0)
        #expect(try owning.result(owner.harmless, file: 5) == 0)
        for opcode in other.onFiles {
            #expect(try foreign.result(opcode, file: 5) == -EBADF, "operation \(opcode)")
        }
    }

    static let lastOperation: UInt8? = {
        guard let probe = io_uring_get_probe() else { return nil }
        defer { io_uring_free_probe(probe) }
        return probe.pointee.last_op
    }()
}
