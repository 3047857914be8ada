import Glibc
import RingClient
import RingLab
import RingProtocol
import TestSupport
import Testing

/// Commands reach real devices and their results come back.
@Suite struct DeviceTests {
    private static let board = [
        "{id: board, principals: [agent], devices: [board], read: true, write: true, commands: "
            + "[TIOCGWINSZ, TCGETS2, TCSETSW2, TIOCMGET, TIOCINQ, TIOCOUTQ, TCFLSH, TCSBRK, "
            + "{use: TIOCSWINSZ, where: {ws_row: {range: [1, 200]}}}]}"
    ]

    private func site(_ board: borrowing Board) throws -> Site {
        try Site(devices: ["board: {path: \(board.path), profile: tty, open: read-write}"], rules: Self.board)
    }

    @Test func aRingCommandRunsOnTheRing() async throws {
        let site = try Site()
        let connection = try await site.connect()
        let device = try await connection.open("null")
        let reply = try await device.command(SubOpcode(0), argument: [])
        #expect(reply.result == 0)
        #expect(reply.engine == .ring)
        #expect(site.gateway.engineCounters.submittedRingEntries == 1)
        await connection.close()
    }

    @Test func anIoctlRunsOnTheWorker() async throws {
        let site = try Site()
        let connection = try await site.connect()
        let device = try await connection.open("random")
        let reply = try await device.command(SubOpcode(0x8004_5200), argument: [])
        #expect(reply.engine == .call)
        #expect(reply.payload.count == 4)
        #expect(reply.deviceTime > 0)
        #expect(try await device.read(count: 32).count == 32)
        await connection.close()
    }

    @Test func windowSizesTravelBothWays() async throws {
        let board = try Board()
        let site = try site(board)
        let connection = try await site.connect()
        let device = try await connection.open("board")
        try await device.command(SubOpcode(0x5414), argument: [50, 0, 132, 0, 0, 0, 0, 0]).checked(
            "TIOCSWINSZ")
        let reply = try await device.command(SubOpcode(0x5413), argument: [])
        #expect(reply.payload == [50, 0, 132, 0, 0, 0, 0, 0])
        await connection.close()
    }

    @Test func theConsoleCanBeReadAndWritten() async throws {
        let board = try Board()
        let site = try site(board)
        let connection = try await site.connect()
        let device = try await connection.open("board")
        _ = try await device.write(Array("version\r".utf8))
        var text = ""
        while !text.contains("version\r\n") || !text.hasSuffix("board> ") {
            text += String(decoding: try await device.read(count: 4096), as: UTF8.self)
        }
        await connection.close()
    }

    @Test func aKernelErrorIsAResultWithItsNumber() async throws {
        let board = try Board()
        let site = try site(board)
        let connection = try await site.connect()
        let device = try await connection.open("board")
        // A pty has no modem lines.
        await #expect(throws: RingError.errno(Errno(ENOTTY), operation: "command 0x5415 on board")) {
            try await device.command(SubOpcode(0x5415), argument: [])
        }
        await connection.close()
    }

    @Test func aDeviceThatIsNotThereFailsWithTheKernelsWord() async throws {
        let site = try Site()
        let connection = try await site.connect()
        await #expect(throws: RingError.errno(Errno(2), operation: "open absent")) {
            try await connection.open("absent")
        }
        await connection.close()
    }

    @Test func aNodeOfAnotherKindIsRefused() async throws {
        let site = try Site()
        let client = try site.greeted()
        try client.submit([.open("notblock", slot: 0, id: 1)])
        let completion = try client.completions(1)[0]
        #expect(completion.refusal?.reason == .identity)
        #expect(completion.header.result == -19)
        #expect(eventually { site.gateway.engineCounters.openFiles == 0 })
    }

    @Test(.enabled(if: LoopDevice.reasonUnavailable(directory: "/tmp") == nil, "needs loop devices and root"))
    func aDiscardZeroesItsRangeAndNothingElse() async throws {
        let loop = try LoopDevice(mebibytes: 4, directory: "/tmp")
        let mebibyte = 1 << 20
        let site = try Site(
            devices: ["disk: {path: \(loop.path), kind: block, profile: block, open: read-write}"],
            rules: [
                "{id: disk, principals: [agent], devices: [disk], commands: [BLKFLSBUF, {use: BLOCK_URING_CMD_DISCARD,"
                    + " where: {range: {window: [1MiB, 2MiB]}}}], read: true, write: true}"
            ])
        let connection = try await site.connect()
        let disk = try await connection.open("disk")
        let pattern = [UInt8](repeating: 0xa5, count: mebibyte)
        for part in 0..<3 { _ = try await disk.write(pattern, offset: UInt64(part * mebibyte)) }
        try await disk.sync()

        let discard = SubOpcode(0x1200)
        let reply = try await disk.command(discard, argument: range(mebibyte, 64 << 10))
        #expect(reply.result == 0)
        #expect(reply.engine == .ring)
        #expect(try await disk.read(count: 64 << 10, offset: UInt64(mebibyte)).allSatisfy { $0 == 0 })
        #expect(try await disk.read(count: 4096, offset: UInt64(mebibyte - 4096)).allSatisfy { $0 == 0xa5 })
        #expect(
            try await disk.read(count: 4096, offset: UInt64(mebibyte + (64 << 10))).allSatisfy { $0 == 0xa5 })

        for (start, length) in [(2 * mebibyte - 4096, 8192), (mebibyte, -4096), (mebibyte - 512, 512)] {
            var batch = Batch()
            batch.command(disk, discard, argument: range(start, length))
            #expect(try await connection.submit(batch)[0].refusal?.reason == .constraint)
        }
        await connection.close()
    }

    private func range(_ start: Int, _ length: Int) -> [UInt8] {
        withUnsafeBytes(of: (start.littleEndian, length.littleEndian)) { Array($0) }
    }
}
