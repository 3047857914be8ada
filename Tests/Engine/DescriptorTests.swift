import CLiburing
import Glibc
import RingPolicy
import RingProtocol
import TestSupport
import Testing

@testable import RingEngine

/// Descriptors that commands give become files of the engine, and none is ever seen or lost.
@Suite(.serialized) struct DescriptorTests {
    static let virtualMachines = "/dev/kvm"
    static let faults = "/dev/userfaultfd"

    /// USERFAULTFD_IOC_NEW: flags by value, a descriptor as the result. On what it gives, UFFDIO_API.
    static let faultShape = CommandShape(
        name: "USERFAULTFD_IOC_NEW", pattern: CodePattern(SubOpcode(0xaa00)), transport: .call,
        effect: .write,
        placement: .value,
        blocks: [Block(elementSize: 8, fields: [Field(name: "flags", type: .unsigned(bytes: 8), offset: 0)])],
        result: .gives(profile: "faults"))
    static let faultProfile = Profile(
        name: "faults", summary: "",
        commands: [
            CommandShape(
                name: "UFFDIO_API", code: SubOpcode(0xc018_aa3f), transport: .call, effect: .write,
                placement: .pointer, direction: .both, size: 24,
                fields: ["api", "features", "ioctls"].enumerated().map {
                    Field(name: $0.element, type: .unsigned(bytes: 8), offset: $0.offset * 8)
                })
        ])

    private static let faultFile = "anon_inode:[userfaultfd]"
    private static var givenFiles: Int { descriptors(of: faultFile) }

    private static func faultBench() throws -> Bench {
        try Bench([Shapes.device(faults, faultShape)], handles: [faultProfile])
    }

    @Test(.enabled(if: canOpen(faults), "there is no /dev/userfaultfd"))
    func aResultThatIsADescriptorBecomesAFile() throws {
        var bench = try Self.faultBench()
        let file = try bench.open("device")
        let outcome = try bench.command(0xaa00, file, Shapes.value(0), offset: 7)
        #expect(outcome.kind == .gave && outcome.result == 7 && outcome.payload.isEmpty)
        let given = try #require(outcome.file)
        #expect(given != file && Self.givenFiles == 1 && bench.engine.openFiles == 2)
        // UFFD_API
        let api = try bench.command(0xc018_aa3f, given, Shapes.value(0xaa) + [UInt8](repeating: 0, count: 16))
        #expect(api.result == 0 && api.payload.number(at: 16, UInt64.self) > 0)
        #expect(try bench.close(given).kind == .closed)
        #expect(Self.givenFiles == 0 && bench.engine.openFiles == 1)
    }

    @Test(.enabled(if: canOpen(faults), "there is no /dev/userfaultfd"))
    func aGivenDescriptorIsNotInherited() throws {
        var bench = try Self.faultBench()
        let file = try bench.open("device")
        // Without O_CLOEXEC among the flags.
        #expect(try bench.command(0xaa00, file, Shapes.value(0), offset: 1).kind == .gave)
        let given = descriptors().compactMap(Int32.init).filter { Terminal.path(of: $0) == Self.faultFile }
        #expect(given.count == 1 && given.allSatisfy { fcntl($0, F_GETFD) & FD_CLOEXEC != 0 })
    }

    @Test(.enabled(if: canOpen(faults), "there is no /dev/userfaultfd"))
    func aReadOnAGivenFileThatWaitsStopsNobodyElse() throws {
        var bench = try Self.faultBench()
        let file = try bench.open("device")
        let given = try #require(try bench.command(0xaa00, file, Shapes.value(0), offset: 1).file)
        _ = try bench.command(0xc018_aa3f, given, Shapes.value(0xaa) + [UInt8](repeating: 0, count: 16))
        let read = try bench.startRead(given, count: 64)
        bench.expectPending(read)
        #expect(try bench.command(0xaa00, file, Shapes.value(0), offset: 2).kind == .gave)
        #expect(try bench.close(given).kind == .closed)
        #expect(try bench.outcome(of: read).result == -ECANCELED)
    }

    @Test(.enabled(if: canOpen(faults), "there is no /dev/userfaultfd"))
    func aCallThatFailsGivesNothing() throws {
        var bench = try Self.faultBench()
        let file = try bench.open("device")
        let outcome = try bench.command(0xaa00, file, Shapes.value(1 << 20), offset: 3)
        #expect(outcome.kind == .gaveNothing && outcome.result == -EINVAL && outcome.file == nil)
        #expect(Self.givenFiles == 0 && bench.engine.openFiles == 1)
    }

    @Test(.enabled(if: canOpen(faults), "there is no /dev/userfaultfd"))
    func whatIsGivenWhileItsGiverIsClosedIsStillThere() throws {
        var bench = try Self.faultBench()
        let file = try bench.open("device")
        let ids = try (0..<20).map {
            try bench.start(.command, file, code: 0xaa00, Shapes.value(0), offset: $0)
        }
        let close = bench.startClose(file)
        for id in ids {
            let outcome = try bench.outcome(of: id)
            #expect(outcome.kind == .gave || outcome.kind == .gaveNothing && outcome.result == -ECANCELED)
            // What the gateway does when the session is gone.
            if let given = outcome.file { bench.engine.close(given, tag: nil) }
        }
        #expect(try bench.outcome(of: close).kind == .closed)
        while bench.engine.openFiles > 0 { _ = try bench.outcome(of: 0) }
        #expect(Self.givenFiles == 0)
    }

    @Test(.enabled(if: canOpen(faults), "there is no /dev/userfaultfd"))
    func withoutAPlaceForItNothingIsGiven() throws {
        var bench = try Self.faultBench()
        let file = try bench.open("device")
        bench.turn()
        while case let free = EngineLimits.openFiles - bench.engine.openFiles, free > 0 {
            let ids = try (0..<UInt64(min(free, 256))).map { _ in
                try bench.start(.command, file, code: 0xaa00, Shapes.value(1 << 20), offset: 1)
            }
            #expect(bench.engine.openFiles == EngineLimits.openFiles || ids.count == 256)
            guard bench.engine.openFiles == EngineLimits.openFiles else { continue }
            let full = refusal {
                _ = try bench.start(.command, file, code: 0xaa00, Shapes.value(0), offset: 1)
            }
            #expect(full == .busy)
            for id in ids { #expect(try bench.outcome(of: id).kind == .gaveNothing) }
            break
        }
        #expect(try bench.close(file).kind == .closed)
        #expect(bench.engine.openFiles == 0 && bench.engine.inFlight == 0)
    }

    @Test func aNumberThatIsNoDescriptorIsNotTakenForOne() throws {
        let terminal = try Terminal()
        // Window sizes where the profile says that a descriptor is.
        let shape = CommandShape(
            name: "TIOCGWINSZ", pattern: CodePattern(SubOpcode(0x5413)), transport: .call, effect: .read,
            placement: .pointer, direction: .output,
            blocks: [
                Block(
                    direction: .fixed(.output), elementSize: 8,
                    fields: [
                        Field(
                            name: "fd", type: .signed(bytes: 4), offset: 0,
                            descriptor: .gives(profile: "faults"))
                    ])
            ])
        var bench = try Bench(
            [Shapes.device(terminal.path, shape, Shapes.setWindow)], handles: [Self.faultProfile])
        let file = try bench.open("device")
        let wrong: [[UInt8]] = [[0, 0, 0, 0], [1, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], [0, 0, 0, 0x40]]
        for number in wrong {
            #expect(try bench.command(0x5414, file, number + [0, 0, 0, 0]).result == 0)
            let outcome = try bench.command(0x5413, file, offset: 1)
            #expect(outcome.kind == .gaveNothing && outcome.result == -EBADF && outcome.payload.isEmpty)
        }
        // Nor is a file that is open already given twice.
        let own = descriptors().compactMap(Int32.init).filter { Terminal.path(of: $0) == terminal.path }
        for fd in own {
            #expect(try bench.command(0x5414, file, Shapes.value(UInt64(fd))).result == 0)
            #expect(try bench.command(0x5413, file, offset: 1).result == -EBADF)
        }
        #expect(own.count == 1 && descriptors(of: terminal.path) == 1 && bench.engine.openFiles == 1)
    }

    @Test(.enabled(if: canOpen(faults), "there is no /dev/userfaultfd"))
    func filesThatCommandsGaveAreLeftAsTheirOwnProfileSays() throws {
        let profile = Profile(
            name: "faults", summary: "", commands: [], releases: [.call(SubOpcode(0x7777), 0), .write([1])])
        var bench = try Bench(
            [Shapes.device(Self.faults, Self.faultShape)], handles: [profile])
        let file = try bench.open("device")
        let given = try #require(try bench.command(0xaa00, file, Shapes.value(0), offset: 1).file)
        #expect(try bench.close(file).kind == .closed)
        #expect(bench.engine.counters.failedReleaseActions == 0)
        #expect(try bench.close(given).kind == .closed)
        #expect(bench.engine.counters.failedReleaseActions == 2)
    }

    // MARK: A descriptor in a struct, and files given by given files

    /// KVM_CREATE_VM and KVM_CREATE_DEVICE (linux/kvm.h).
    private static let kvm = CommandShape(
        name: "KVM_CREATE_VM", pattern: CodePattern(SubOpcode(0xae01)), transport: .call, effect: .write,
        placement: .value,
        blocks: [Block(elementSize: 8, fields: [Field(name: "type", type: .unsigned(bytes: 8), offset: 0)])],
        result: .gives(profile: "machine"))
    private static let machine = Profile(
        name: "machine", summary: "",
        commands: [
            CommandShape(
                name: "KVM_CREATE_DEVICE", pattern: CodePattern(SubOpcode(0xc00c_aee0)), transport: .call,
                effect: .write, placement: .pointer, direction: .both,
                blocks: [
                    Block(
                        direction: .fixed(.both), elementSize: 12,
                        fields: [
                            Field(name: "type", type: .unsigned(bytes: 4), offset: 0),
                            Field(
                                name: "fd", type: .unsigned(bytes: 4), offset: 4,
                                descriptor: .gives(profile: "part")),
                            Field(name: "flags", type: .unsigned(bytes: 4), offset: 8),
                        ])
                ])
        ])

    @Test(.enabled(if: canOpen(virtualMachines), "there is no /dev/kvm"))
    func aDescriptorInAStructIsReplacedByTheSlot() throws {
        let part = Profile(name: "part", summary: "", commands: [])
        var bench = try Bench([Shapes.device(Self.virtualMachines, Self.kvm)], handles: [Self.machine, part])
        let file = try bench.open("device")
        let created = try bench.command(0xae01, file, Shapes.value(0), offset: 1)
        let machine = try #require(created.file)
        // KVM_DEV_TYPE_VFIO
        var argument = [UInt8](repeating: 0, count: 12)
        argument.put(UInt32(4), at: 0)
        let outcome = try bench.command(0xc00c_aee0, machine, argument, offset: 5)
        #expect(outcome.kind == .gave && outcome.result == 0 && outcome.payload.count == 12)
        #expect(
            outcome.payload.number(at: 4, Int32.self) == 5 && outcome.payload.number(at: 0, UInt32.self) == 4)
        #expect(
            descriptors(of: "anon_inode:kvm-vm") == 1 && descriptors(of: "anon_inode:kvm-vfio") == 1
                && bench.engine.openFiles == 3)
        #expect(try bench.close(try #require(outcome.file)).kind == .closed)
        #expect(try bench.close(machine).kind == .closed)
        #expect(descriptors(of: "anon_inode:kvm-vm") == 0)
    }

    // MARK: Taking

    /// EXT4_IOC_MOVE_EXT (fs/ext4/ext4.h): moves data to blocks of the file whose descriptor it takes, and
    /// writes its struct back.
    private static let exchange = CommandShape(
        name: "EXT4_IOC_MOVE_EXT", pattern: CodePattern(SubOpcode(0xc028_660f)), transport: .call,
        effect: .write, placement: .pointer, direction: .both,
        blocks: [
            Block(
                direction: .fixed(.both), elementSize: 40,
                fields: [
                    Field(
                        name: "donor_fd", type: .unsigned(bytes: 4), offset: 4,
                        descriptor: .takes(profile: "test"))
                ]
                    + ["orig_start", "donor_start", "len", "moved_len"].enumerated().map {
                        Field(name: $0.element, type: .unsigned(bytes: 8), offset: 8 + $0.offset * 8)
                    })
        ])

    private static let isOnExt4: Bool = {
        guard let directory = try? TemporaryDirectory() else { return false }
        let fd = Glibc.open("\(directory.path)/file", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        defer { Glibc.close(fd) }
        var block = [UInt8](repeating: 0xff, count: 40)
        return rg_ioctl_pointer(fd, 0xc028_660f, &block) == -EBADF
    }()

    @Test(.enabled(if: isOnExt4, "the directory for temporary files is not on ext4"))
    func theFileInASlotIsTakenAndItsNumberNotShown() throws {
        let directory = try TemporaryDirectory()
        let paths = ["a", "b"].map { "\(directory.path)/\($0)" }
        for (index, path) in paths.enumerated() {
            let fd = Glibc.open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
            defer { Glibc.close(fd) }
            let bytes = [UInt8](repeating: UInt8(index + 1), count: 65_536)
            try #require(Glibc.write(fd, bytes, bytes.count) == bytes.count && fsync(fd) == 0)
        }
        var bench = try Bench(
            zip(["device", "other"], paths).map { Shapes.device($1, Self.exchange, name: $0, kind: .regular) }
        )
        let file = try bench.open("device")
        let other = try bench.open("other")
        bench.slots[FileSlot(9)] = HeldSlot(file: other, profile: "test")
        var argument = [UInt8](repeating: 0, count: 40)
        argument.put(UInt32(9), at: 4)
        argument.put(UInt64(1), at: 24)
        let outcome = try bench.command(0xc028_660f, file, argument)
        try #require(outcome.result == 0)
        #expect(outcome.payload.number(at: 4, UInt32.self) == 9)
        #expect(outcome.payload.number(at: 32, UInt64.self) == 1)
        // Nothing keeps the taken file from being closed afterwards; then it cannot be taken.
        #expect(try bench.close(other).kind == .closed)
        #expect(
            refusal { _ = try bench.start(.command, file, code: 0xc028_660f, argument) } == .slotNotOpen)
        #expect(bench.engine.inFlight == 0)
    }
}
