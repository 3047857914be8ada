import Foundation
import RingGateway
import RingPolicy
import RingProtocol
import TestSupport
import Testing

/// A site with a device of each profile that hostile clients are tried on. Where the machine has no such
/// device a plain file stands in: the kernel refuses what reaches it with ENOTTY or EOPNOTSUPP.
struct HostileSite {
    /// Each opened in the slot of its index.
    static let devices = [
        "procmap", "pagemap", "i2c", "spi", "gpio", "nvme", "heap", "drm", "buffer", "socket", "scsi", "usb",
    ]
    /// Never opened.
    static let freeSlot: UInt16 = 20
    /// Opened and closed before.
    static let closedSlot: UInt16 = 30

    static func slot(of device: String) -> UInt16 { UInt16(devices.firstIndex(of: device) ?? 0) }

    let site: Site
    let client: RawClient
    private let listener: LoopbackListener
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        listener = try LoopbackListener()
        for name in ["i2c", "spi", "gpio", "nvme", "heap", "drm", "buffer", "scsi", "usb"] {
            try Data().write(to: URL(filePath: "\(directory.path)/\(name)"))
        }
        site = try Site(yaml: Self.policy(directory.path, listener.address))
        client = try site.greeted()
        var opens = Self.devices.map { RawEntry.open($0, slot: Self.slot(of: $0), id: 0) }
        opens.append(.open("buffer", slot: Self.closedSlot, id: 0))
        for completion in try answers(opens) where completion.header.result != 0 {
            throw Broken(step: "open", reason: completion.refusal?.text ?? "\(completion.header)")
        }
        _ = try answers([RawEntry(.close, id: 0, slot: Self.closedSlot)])
    }

    private static func policy(_ directory: String, _ listener: String) -> String {
        """
        version: 1
        principals:
          agent: {uri: "ringgate://test.example/agent/*"}
          admin: {uri: "\(SitePolicy.administratorURI)"}
        devices:
          procmap: {path: /proc/\(getpid())/maps, kind: regular, profile: procmap}
          pagemap: {path: /proc/\(getpid())/pagemap, kind: regular, profile: pagemap}
          i2c: {path: \(directory)/i2c, kind: regular, profile: i2c, open: read-write}
          spi: {path: \(directory)/spi, kind: regular, profile: spi, open: read-write}
          gpio: {path: \(directory)/gpio, kind: regular, profile: gpio, open: read-write}
          nvme: {path: \(directory)/nvme, kind: regular, profile: nvme, open: read-write}
          heap: {path: \(directory)/heap, kind: regular, profile: dma-heap, open: read-write}
          drm: {path: \(directory)/drm, kind: regular, profile: drm, open: read-write}
          buffer: {path: \(directory)/buffer, kind: regular, profile: dma-buf, open: read-write}
          scsi: {path: \(directory)/scsi, kind: regular, profile: scsi-generic, open: read-write}
          usb: {path: \(directory)/usb, kind: regular, profile: usbfs, open: read-write}
          socket: {address: "\(listener)", kind: tcp, profile: socket}
        rules:
          - {id: look, principals: [admin], devices: ["@gateway"], commands: [trace.read]}
          - {id: procmap, principals: [agent], devices: [procmap], commands: [PROCMAP_QUERY]}
          - {id: pagemap, principals: [agent], devices: [pagemap], commands: [PAGEMAP_SCAN]}
          - id: i2c
            principals: [agent]
            devices: [i2c]
            commands: [{use: I2C_RDWR, where: {msgs.addr: {in: [0x50, 0x51]}}}, I2C_SMBUS]
          - {id: spi, principals: [agent], devices: [spi], commands: [SPI_IOC_MESSAGE]}
          - {id: gpio, principals: [agent], devices: [gpio], commands: [GPIO_V2_GET_LINE_IOCTL]}
          - id: nvme
            principals: [agent]
            devices: [nvme]
            commands: [NVME_URING_CMD_IO_READ, NVME_URING_CMD_IO_WRITE]
          - {id: heap, principals: [agent], devices: [heap], commands: [DMA_HEAP_IOCTL_ALLOC]}
          - id: drm
            principals: [agent]
            devices: [drm]
            commands:
              - DRM_IOCTL_VERSION
              - DRM_IOCTL_MODE_GETRESOURCES
              - DRM_IOCTL_PRIME_HANDLE_TO_FD
              - DRM_IOCTL_PRIME_FD_TO_HANDLE
          - {id: buffer, principals: [agent], devices: [buffer], commands: [DMA_BUF_IOCTL_SYNC]}
          - {id: scsi, principals: [agent], devices: [scsi], commands: [SG_IO_READ_10]}
          - {id: usb, principals: [agent], devices: [usb], commands: [USBDEVFS_CONTROL]}
          - {id: socket, principals: [agent], devices: [socket], commands: [SOCKET_URING_OP_GETSOCKOPT]}
        """
    }

    /// The answers to entries, which get ids of their own, in the order of the entries.
    func answers(_ entries: [RawEntry]) throws -> [RawCompletion] {
        var found: [RawCompletion] = []
        for start in stride(from: 0, to: entries.count, by: 32) {
            var batch = Array(entries[start..<min(start + 32, entries.count)])
            for index in batch.indices { batch[index].id = nextID.take() }
            try client.submit(batch)
            found += try client.completions(batch.count).sorted {
                $0.header.requestID < $1.header.requestID
            }
        }
        return found
    }

    private let nextID = IDs()

    private final class IDs {
        private var last: UInt64 = 0
        func take() -> UInt64 {
            last += 1
            return last
        }
    }

    /// How often the kernel was entered for the client.
    var kernelEntries: [Int] {
        let counters = site.gateway.engineCounters
        return [counters.submittedCalls, counters.submittedRingEntries, counters.submittedOpens]
    }
}

/// A client that knows the protocol and says whatever it likes in an argument gets a reason for each, and
/// nothing of it reaches the kernel.
@Suite struct HostileArgumentTests {
    @Test func thereAreManyCasesAndNoTwoAreTheSame() {
        let counts = HostileTarget.all.map { target in
            let cases = target.distinctCases
            #expect(cases.allSatisfy { $0.argument != target.argument || $0.isElsewhere(than: target) })
            return cases.count
        }
        #expect(counts.allSatisfy { $0 >= 60 }, "\(counts)")
        #expect(counts.reduce(0, +) >= 2_000, "\(counts)")
    }

    @Test(arguments: HostileTarget.all.indices)
    func everyOneIsRefusedWithAReasonAndNoneReachesTheKernel(_ index: Int) throws {
        let target = HostileTarget.all[index]
        let hostile = try HostileSite()
        let slot = HostileSite.slot(of: target.device)
        let cases = target.distinctCases
        let before = hostile.kernelEntries
        let answers = try hostile.answers(cases.map { $0.entry(slot) })
        for (hostileCase, answer) in zip(cases, answers) {
            let refusal = answer.refusal
            #expect(
                refusal?.reason == hostileCase.reason,
                "\(hostileCase.what): \(refusal?.text ?? "result \(answer.header.result)")")
            #expect(refusal?.text.isEmpty == false, "\(hostileCase.what)")
            #expect(answer.header.flags.engine == .gateway, "\(hostileCase.what)")
        }
        #expect(hostile.kernelEntries == before)
        try expectAlive(hostile, target, slot)
    }

    /// The gateway lays all arguments out in one memory: what is refused must leave nothing there.
    @Test(arguments: HostileTarget.all.indices.filter { !HostileTarget.all[$0].gives })
    func whatIsRightBetweenThemIsNotTouched(_ index: Int) throws {
        let target = HostileTarget.all[index]
        let hostile = try HostileSite()
        let slot = HostileSite.slot(of: target.device)
        let cases = target.distinctCases.prefix(200)
        let expected = try hostile.answers([target.entry(slot)])[0].payload
        let before = hostile.kernelEntries
        let answers = try hostile.answers(cases.flatMap { [$0.entry(slot), target.entry(slot)] })
        for (number, answer) in answers.enumerated() {
            guard !number.isMultiple(of: 2) else {
                #expect(answer.refusal != nil)
                continue
            }
            let what = cases[number / 2].what
            #expect(answer.header.result == target.result, "behind \(what)")
            #expect(answer.payload == expected, "behind \(what)")
        }
        let after = hostile.kernelEntries
        #expect(after[0] + after[1] == before[0] + before[1] + cases.count)
    }

    /// For who traces, entries are described before they are decided, with whatever argument they have.
    @Test(arguments: HostileTarget.all.indices)
    func everyOneIsTracedWithoutHarm(_ index: Int) throws {
        let target = HostileTarget.all[index]
        let hostile = try HostileSite()
        let slot = HostileSite.slot(of: target.device)
        let admin = try AdministratorClient(hostile.site)
        #expect(try admin.list(.traceRead, "entries").isEmpty)
        let cases = target.distinctCases
        var told = 0
        // A part at a time, so that there is room for all lines.
        for start in stride(from: 0, to: cases.count, by: 64) {
            let part = cases[start..<min(start + 64, cases.count)]
            let refused = try hostile.answers(part.map { $0.entry(slot) })
            #expect(refused.allSatisfy { $0.refusal != nil })
            let wanted = told + part.count
            _ = eventually {
                told += ((try? admin.list(.traceRead, "entries")) ?? []).count
                return told >= wanted
            }
        }
        #expect(told == cases.count)
    }

    /// What is right still reaches the kernel, in the same session.
    private func expectAlive(_ hostile: HostileSite, _ target: HostileTarget, _ slot: UInt16) throws {
        let before = hostile.kernelEntries
        let answer = try hostile.answers([target.entry(slot)])[0]
        #expect(answer.refusal == nil, "\(target.name): \(answer.refusal?.text ?? "")")
        #expect(answer.header.result == target.result, "\(target.name)")
        let after = hostile.kernelEntries
        #expect(after[0] + after[1] == before[0] + before[1] + 1)
        #expect(hostile.site.gateway.counters.open == 1)
    }
}

extension HostileTarget {
    /// In their order.
    fileprivate var distinctCases: [HostileCase] {
        var seen: Set<HostileCase> = []
        return cases.filter { seen.insert($0).inserted }
    }

    fileprivate func entry(_ slot: UInt16) -> RawEntry {
        RawEntry(.command, id: 0, slot: slot, code: code, offset: offset, argument: argument)
    }
}

extension HostileCase {
    /// On the slot of the target's device, unless it has one of its own.
    fileprivate func entry(_ slot: UInt16) -> RawEntry {
        RawEntry(
            .command, id: 0, slot: self.slot ?? slot, code: code, offset: offset, argument: argument)
    }

    fileprivate func isElsewhere(than target: HostileTarget) -> Bool {
        slot != nil || code != target.code || offset != target.offset
    }
}
