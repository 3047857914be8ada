import CLiburing
import Glibc
import Testing

@testable import RingEngine

/// io_uring_register(2) on a ring whose fence is up.
@Suite struct RegisterTests {
    /// BUFFERS to FILE_ALLOC_RANGE: what Linux 6.1, the oldest kernel this runs on, knows.
    static let known = UInt32(0)...25
    static let allowed = [RG_REGISTER_ENABLE_RINGS, RG_REGISTER_FILES_UPDATE2, RG_UNREGISTER_RING_FDS]

    @Test(arguments: Wall.allCases) func nothingElseCanBeRegistered(wall: Wall) throws {
        let fenced = try FencedRing(wall)
        for opcode in Self.known where !Self.allowed.contains(opcode) {
            #expect(fenced.ring.register(opcode, nil, 0) == -EACCES, "register operation \(opcode)")
        }
        for opcode in Self.known.upperBound + 1..<128 {
            // Beyond what this kernel knows it says EINVAL.
            let result = fenced.ring.register(opcode, nil, 0)
            #expect(result == -EACCES || result == -EINVAL, "register operation \(opcode): \(result)")
        }
    }

    @Test(arguments: Wall.allCases) func theFenceCannotBeReplaced(wall: Wall) throws {
        let fenced = try FencedRing(wall)
        var all = io_uring_restriction()
        rg_restriction_set(&all, RG_RESTRICT_SQE_OP, RG_OP_NOP)
        #expect(fenced.ring.register(RG_REGISTER_RESTRICTIONS, &all, 1) == -EACCES)
        #expect(fenced.ring.register(RG_REGISTER_ENABLE_RINGS, nil, 0) == -EBADFD)
        #expect(
            fenced.ring.register(RG_UNREGISTER_RING_FDS, nil, 0) == -EINVAL, "allowed, but nothing is named")
        #expect(try fenced.result(RG_OP_NOP) == -EACCES)
    }

    @Test(arguments: Wall.allCases) func otherWaysToNameFilesAreClosed(wall: Wall) throws {
        let fenced = try FencedRing(wall)
        let fd = fenced.file
        withUnsafeTemporaryAllocation(of: Int32.self, capacity: 1) { list in
            list.initialize(repeating: fd)
            let fds = UInt64(UInt(bitPattern: list.baseAddress))
            var update = io_uring_files_update(offset: 1, resv: 0, fds: fds)
            #expect(fenced.ring.register(6, &update, 1) == -EACCES, "FILES_UPDATE")
            #expect(fenced.ring.register(3, nil, 0) == -EACCES, "UNREGISTER_FILES")
            #expect(fenced.ring.register(2, list.baseAddress, 1) == -EACCES, "FILES")
        }
        #expect(try fenced.result(wall.harmless, file: 1) == -EBADF)
    }

    @Test(arguments: Wall.allCases) func filesComeAndGo(wall: Wall) throws {
        let fenced = try FencedRing(wall)
        #expect(fenced.ring.setFile(fenced.file, at: 3) == 0)
        #expect(try fenced.result(wall.harmless, file: 3) == 0)
        #expect(fenced.ring.setFile(-1, at: 3) == 0)
        #expect(try fenced.result(wall.harmless, file: 3) == -EBADF)
        #expect(fenced.ring.setFile(fenced.file, at: FencedRing.files) == EINVAL)
        #expect(fenced.ring.setFile(1 << 20, at: 3) == EBADF)
    }

    /// More rings than a thread has places for registered ring descriptors, on this one thread.
    @Test func aRingThatGoesLetsGoOfItsFiles() throws {
        for _ in 0..<32 {
            let pair = try FencedRing.socketPair()
            do {
                let fenced = try FencedRing(.device)
                #expect(fenced.ring.setFile(pair.1, at: 1) == 0)
            }
            Glibc.close(pair.1)
            defer { Glibc.close(pair.0) }
            // A hangup shows that nobody holds the other end any more.
            var ready = pollfd(fd: pair.0, events: Int16(POLLIN), revents: 0)
            try #require(poll(&ready, 1, 10_000) == 1, "the file is still held")
        }
    }
}
