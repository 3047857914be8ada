import Foundation
import Glibc
import RingClient
import RingLab
import RingProtocol
import TestSupport
import Testing

/// What the shipped profiles describe does on this machine's own kernel what it says, by names alone.
@Suite(.timeLimit(.minutes(5))) struct RealDeviceTests {
    private static let hasLoop = LoopDevice.reasonUnavailable(directory: "/tmp") == nil

    /// A policy with one device and one rule for it.
    private func site(_ device: String, _ rights: String) throws -> Site {
        try Site(
            yaml: """
                version: 1
                principals:
                  agent: {uri: "ringgate://test.example/agent/*"}
                devices:
                  device: {\(device)}
                rules:
                  - {id: use, principals: [agent], devices: [device], \(rights)}
                """)
    }

    // MARK: Terminals

    @Test func aTerminalsSettingsAndWindowAreSetAndComeBack() async throws {
        let board = try Board()
        let site = try site(
            "path: \(board.path), profile: tty, open: read-write",
            "commands: [TCGETS2, TCSETS2, TIOCGWINSZ, TIOCSWINSZ, TIOCMGET]")
        let connection = try await site.connect()
        let tty = try await NamedDevice(connection, "device")
        var settings = try await tty.call("TCGETS2").fields
        #expect(settings["c_ospeed"] == "115200")
        settings["c_cflag"] = "CS8|CREAD|BOTHER"
        settings["c_ispeed"] = "74880"
        settings["c_ospeed"] = "74880"
        try await tty.call("TCSETS2", settings)
        let found = try await tty.call("TCGETS2").fields
        #expect(found["c_ospeed"] == "74880")
        #expect(found["c_cflag"]?.contains("BOTHER") == true)
        try await tty.call("TIOCSWINSZ", ["ws_row": "50", "ws_col": "0x84"])
        #expect(
            try await tty.call("TIOCGWINSZ").fields
                == ["ws_row": "50", "ws_col": "132", "ws_xpixel": "0", "ws_ypixel": "0"])
        // A pty has no modem lines.
        #expect(try await tty.kernelError("TIOCMGET") == ENOTTY)
        await connection.close()
    }

    @Test func aTerminalsQueuesAreCountedAndDropped() async throws {
        let board = try Board()
        let site = try site(
            "path: \(board.path), profile: tty, open: read-write",
            "read: true, write: true, commands: [TIOCINQ, TIOCOUTQ, TCFLSH]")
        let connection = try await site.connect()
        let tty = try await NamedDevice(connection, "device")
        // The board's banner ends with its prompt; what comes then is asked for below.
        var banner = ""
        while !banner.hasSuffix("board> ") {
            banner += String(decoding: try await tty.device.read(count: 4096), as: UTF8.self)
        }
        #expect(try await tty.call("TIOCINQ").fields == ["bytes": "0"])
        try await tty.device.write(Array("version\r".utf8))
        while try await tty.call("TIOCINQ").fields == ["bytes": "0"] { await Task.yield() }
        #expect(try await tty.call("TIOCOUTQ").fields.keys.sorted() == ["bytes"])
        #expect(try await tty.call("TCFLSH", ["queue": "TCIOFLUSH"]).result == 0)
        await connection.close()
    }

    // MARK: Disks

    @Test(.enabled(if: hasLoop, "needs loop devices and root"))
    func aLoopDeviceTellsNothingOfTheFileBehindIt() async throws {
        let loop = try LoopDevice(mebibytes: 2, directory: "/tmp")
        let own = open(loop.path, O_RDONLY | O_CLOEXEC)
        defer { close(own) }
        var status = [UInt8](repeating: 0, count: 232)
        #expect(ioctl(own, 0x4c05, &status) == 0)
        #expect(status[8..<16].contains { $0 != 0 }, "the kernel itself tells the inode")

        let site = try site(
            "path: \(loop.path), kind: block, profile: loop", "commands: [LOOP_GET_STATUS64]")
        let connection = try await site.connect()
        let fields = try await NamedDevice(connection, "device").call("LOOP_GET_STATUS64").fields
        for name in ["lo_device", "lo_inode", "lo_rdevice"] { #expect(fields[name] == "0", "\(name)") }
        for name in ["lo_file_name", "lo_crypt_name", "lo_encrypt_key"] {
            #expect(fields[name]?.allSatisfy { $0 == "0" } == true, "\(name)")
        }
        #expect(fields["lo_number"] == String(loop.path.dropFirst("/dev/loop".count)))
        #expect(fields["lo_flags"] == "LO_FLAGS_AUTOCLEAR")
        await connection.close()
    }

    @Test(
        .enabled(if: hasLoop, "needs loop devices and root"),
        arguments: ["BLKDISCARD", "BLOCK_URING_CMD_DISCARD", "BLKZEROOUT"])
    func aDiscardZeroesItsRangeInItsWindowAndNothingElse(_ command: String) async throws {
        let loop = try LoopDevice(mebibytes: 4, directory: "/tmp")
        let site = try site(
            "path: \(loop.path), kind: block, profile: block, open: read-write",
            "read: true, write: true, commands: "
                + "[BLKGETSIZE64, BLKSSZGET, {use: \(command), where: {range: {window: [1MiB, 2MiB]}}}]")
        let connection = try await site.connect()
        let disk = try await NamedDevice(connection, "device")
        #expect(try await disk.call("BLKGETSIZE64").fields == ["bytes": "4194304"])
        #expect(try await disk.call("BLKSSZGET").fields == ["bytes": "512"])
        let mebibyte = 1 << 20
        let pattern = [UInt8](repeating: 0xa5, count: mebibyte)
        for part in 0..<3 { try await disk.device.write(pattern, offset: UInt64(part * mebibyte)) }
        try await disk.device.sync()

        let outside = [("1048064", "1024"), ("2096640", "1024"), ("0", "512"), ("0xfffffffffffffe00", "512")]
        for (start, length) in outside {
            let refusal = try await disk.denial(command, ["start": start, "length": length])
            #expect(refusal?.reason == .constraint, "\(start)")
            #expect(refusal?.rule == "use")
        }
        #expect(try await disk.call(command, ["start": "1048576", "length": "65536"]).result == 0)
        let range = try await disk.device.read(count: 64 << 10, offset: UInt64(mebibyte))
        #expect(range.allSatisfy { $0 == 0 } && range.count == 64 << 10)
        let before = try await disk.device.read(count: 4096, offset: UInt64(mebibyte - 4096))
        let behind = try await disk.device.read(count: 4096, offset: UInt64(mebibyte + 64 << 10))
        #expect(before.allSatisfy { $0 == 0xa5 })
        #expect(behind.allSatisfy { $0 == 0xa5 })
        await connection.close()
    }

    // MARK: Devices of every machine

    @Test func theRandomGeneratorAnswersAndIsRead() async throws {
        let site = try site("path: /dev/random, profile: random", "commands: [RNDGETENTCNT], read: true")
        let connection = try await site.connect()
        let random = try await NamedDevice(connection, "device")
        #expect(try await random.call("RNDGETENTCNT").fields == ["bits": "256"])
        #expect(try await random.device.read(count: 64).count == 64)
        await connection.close()
    }

    @Test func theNullDeviceTakesARingCommand() async throws {
        let site = try site("path: /dev/null, profile: \"null\"", "commands: [NULL_URING_CMD]")
        let connection = try await site.connect()
        #expect(try await NamedDevice(connection, "device").call("NULL_URING_CMD").result == 0)
        #expect(site.gateway.engineCounters.submittedRingEntries == 1)
        await connection.close()
    }

    @Test func aMappingsNameComesBackBehindItsPointer() async throws {
        let directory = try TemporaryDirectory()
        let path = "\(directory.path)/mapped"
        try Data(count: 8192).write(to: URL(filePath: path))
        let file = open(path, O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        let mapping = try #require(mmap(nil, 8192, PROT_READ, MAP_PRIVATE, file, 0))
        defer { munmap(mapping, 8192) }
        let address = UInt(bitPattern: mapping)

        let site = try site(
            "path: /proc/\(getpid())/maps, kind: regular, profile: procmap", "commands: [PROCMAP_QUERY]")
        let connection = try await site.connect()
        let maps = try await NamedDevice(connection, "device")
        let fields = try await maps.call(
            "PROCMAP_QUERY",
            [
                "size": "104", "query_addr": "\(address + 4096)",
                "query_flags": "PROCMAP_QUERY_FILE_BACKED_VMA",
                "vma_name_size": "512",
            ]
        ).fields
        #expect(fields["vma_start"] == "\(address)")
        #expect(fields["vma_end"] == "\(address + 8192)")
        #expect(fields["vma_flags"] == "PROCMAP_QUERY_VMA_READABLE")
        let name = try #require(fields["vma_name_addr"].flatMap(Hex.bytes))
        #expect(String(decoding: name.prefix { $0 != 0 }, as: UTF8.self) == path)
        await connection.close()
    }

    @Test func aConnectionIsCountedAskedReadAndWritten() async throws {
        let listener = try LoopbackListener()
        let site = try site(
            "address: \"\(listener.address)\", kind: tcp, profile: socket",
            "read: true, write: true, commands: [SOCKET_URING_OP_SIOCINQ, SOCKET_URING_OP_SIOCOUTQ, "
                + "{use: SOCKET_URING_OP_GETSOCKOPT, where: {optname: {in: [SO_TYPE, SO_DOMAIN]}}}]")
        let connection = try await site.connect()
        let instrument = try await NamedDevice(connection, "device")
        let peer = try listener.accept()
        defer { close(peer) }
        #expect(try await instrument.call("SOCKET_URING_OP_SIOCINQ").result == 0)
        #expect(write(peer, "hello", 5) == 5)
        while try await instrument.call("SOCKET_URING_OP_SIOCINQ").result < 5 { await Task.yield() }
        #expect(try await instrument.device.read(count: 100) == Array("hello".utf8))
        #expect(try await instrument.device.write(Array("*IDN?".utf8)) == 5)
        var heard = [UInt8](repeating: 0, count: 5)
        #expect(recv(peer, &heard, 5, Int32(MSG_WAITALL)) == 5)
        #expect(heard == Array("*IDN?".utf8))
        while try await instrument.call("SOCKET_URING_OP_SIOCOUTQ").result > 0 { await Task.yield() }

        let option = ["level": "SOL_SOCKET", "optname": "SO_TYPE", "optlen": "4"]
        let type = try await instrument.call("SOCKET_URING_OP_GETSOCKOPT", option)
        #expect(type.result == 4)
        #expect(type.fields == ["optval": "01000000"])
        let error = option.merging(["optname": "SO_ERROR"]) { $1 }
        #expect(try await instrument.denial("SOCKET_URING_OP_GETSOCKOPT", error)?.rule == "use")
        await connection.close()
    }

    // MARK: Devices of some machines

    /// The first node there is of some that differ in their number.
    private static func node(_ prefix: String, _ suffix: String = "") -> String? {
        (0..<32).map { "\(prefix)\($0)\(suffix)" }.first { access($0, R_OK) == 0 }
    }

    private func call(_ command: String, _ path: String?, _ profile: String) async throws -> [String: String]
    {
        let site = try site("path: \(try #require(path)), profile: \(profile)", "commands: [\(command)]")
        let connection = try await site.connect()
        let fields = try await NamedDevice(connection, "device").call(command).fields
        await connection.close()
        return fields
    }

    @Test(.enabled(if: node("/dev/input/event") != nil, "needs /dev/input/event*"))
    func anInputDeviceTellsTheVersionOfItsInterface() async throws {
        let fields = try await call("EVIOCGVERSION", Self.node("/dev/input/event"), "evdev")
        #expect(fields["version"] == "65537")
    }

    @Test(.enabled(if: node("/dev/i2c-") != nil, "needs /dev/i2c-*"))
    func anI2CBusTellsWhatItCanDo() async throws {
        let fields = try await call("I2C_FUNCS", Self.node("/dev/i2c-"), "i2c")
        #expect(fields["funcs"]?.contains("I2C_FUNC_") == true)
    }

    @Test(.enabled(if: node("/dev/spidev", ".0") != nil, "needs /dev/spidev*"))
    func anSPIDeviceTellsItsMode() async throws {
        #expect(
            try await call("SPI_IOC_RD_MODE32", Self.node("/dev/spidev", ".0"), "spi")["mode"] != nil)
    }

    @Test(.enabled(if: node("/dev/gpiochip") != nil, "needs /dev/gpiochip*"))
    func aGPIOChipTellsHowManyLinesItHas() async throws {
        let fields = try await call("GPIO_GET_CHIPINFO_IOCTL", Self.node("/dev/gpiochip"), "gpio")
        #expect(fields["lines"].flatMap { Int($0) } ?? 0 > 0)
    }

    @Test(.enabled(if: node("/dev/rtc") != nil, "needs /dev/rtc*"))
    func aClockTellsTheYear() async throws {
        let fields = try await call("RTC_RD_TIME", Self.node("/dev/rtc"), "rtc")
        #expect(fields["tm_year"].flatMap { Int($0) } ?? 0 >= 70)
    }

    @Test(.enabled(if: node("/dev/dri/card") != nil, "needs /dev/dri/card*"))
    func aGraphicsDeviceTellsItsVersion() async throws {
        let fields = try await call("DRM_IOCTL_VERSION", Self.node("/dev/dri/card"), "drm")
        #expect(fields["version_major"] != nil)
    }

    @Test(.enabled(if: node("/dev/video") != nil, "needs /dev/video*"))
    func aVideoDeviceTellsItsDriver() async throws {
        #expect(try await call("VIDIOC_QUERYCAP", Self.node("/dev/video"), "v4l2")["driver"] != nil)
    }
}
