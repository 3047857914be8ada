import RingProtocol

/// The commands that hostile clients are tried on: nested blocks, arrays, directions that the argument
/// chooses, families of codes, ties, and descriptors both ways.
extension HostileTarget {
    static let all = [
        procmap, pagemap, i2cTransfer, i2cSMBus, spi, gpio, nvmeRead, nvmeWrite, scsi, usb, heap, drmVersion,
        drmResources, drmExport, drmImport, socketOption,
    ]

    private static let procmap = HostileTarget(
        name: "PROCMAP_QUERY", device: "procmap", code: 0xc068_6611,
        argument: .zeros(104).setting(0, 8, 104).setting(8, 8, 0x10).setting(80, 4, 256).setting(88, 8, 1),
        result: 0, pointers: [88, 96],
        numbers: [
            Number(at: 0, bytes: 8, refused: [0, 1, 103, 105, 1 << 31, 1 << 32 | 104, 1 << 63, .max]),
            .count(at: 80, 4, most: 4096, also: [0]), .count(at: 84, 4, most: 64),
        ],
        reserved: [Reserved(range: 8..<16, used: 0x3f)],
        edits: [
            Edit(
                what: "the name comes from the client",
                argument: procmap(naming: 16, 1) + [UInt8](repeating: 0x41, count: 16)),
            Edit(what: "a name of no length", argument: procmap(naming: 0, 1)),
        ])

    private static func procmap(naming size: UInt64, _ word: UInt64) -> [UInt8] {
        .zeros(104).setting(0, 8, 104).setting(8, 8, 0x10).setting(80, 4, size).setting(88, 8, word)
    }

    private static let pagemap = HostileTarget(
        name: "PAGEMAP_SCAN", device: "pagemap", code: 0xc060_6610,
        argument: .zeros(96).setting(0, 8, 96).setting(24, 8, 4096).setting(40, 8, 1).setting(48, 8, 1)
            .setting(72, 8, 8).setting(88, 8, 8),
        result: 0, pointers: [40],
        numbers: [
            Number(at: 0, bytes: 8, refused: [0, 95, 97, 1 << 31, 1 << 63, .max]),
            Number(at: 40, bytes: 8, refused: [0]), .count(at: 48, 8, most: 682, also: [0]),
        ],
        reserved: [Reserved(range: 8..<16)]
            + [64, 72, 80, 88].map { Reserved(range: $0..<$0 + 8, used: 0xff) })

    // MARK: Buses

    /// A message that writes two bytes and one that reads four.
    private static let i2cMessages = [UInt8].zeros(32).setting(0, 2, 0x50).setting(4, 2, 2).setting(8, 8, 1)
        .setting(16, 2, 0x51).setting(18, 2, 1).setting(20, 2, 4).setting(24, 8, 1)
    private static let i2cRoot = [UInt8].zeros(16).setting(0, 8, 1).setting(8, 4, 2)

    private static let i2cTransfer = HostileTarget(
        name: "I2C_RDWR", device: "i2c", code: 0x707, argument: i2cRoot + i2cMessages + [0xaa, 0xbb],
        pointers: [0, 24, 40],
        numbers: [
            Number(at: 0, bytes: 8, refused: [0]), .count(at: 8, 4, most: 42, also: [0, 1, 3]),
            .count(at: 20, 2, most: 8192, also: [0, 1, 3, 8192]),
            .count(at: 36, 2, most: 8192, also: [0]),
            Number(at: 16, bytes: 2, refused: [0, 1, 2, 0x400, 0x8000, 0xffff]),
            Number(at: 32, bytes: 2, refused: [0, 1, 2, 0x400, 0x8000, 0xffff]),
        ],
        // Whether a message reads (0x1) is tried below.
        reserved: [
            Reserved(range: 12..<16), Reserved(range: 18..<20, used: 0x11), Reserved(range: 22..<24),
            Reserved(range: 34..<36, used: 0x11), Reserved(range: 38..<40),
        ],
        edits: [
            Edit(
                what: "a message that reads brings bytes",
                argument: i2cRoot + i2cMessages.setting(2, 2, 1) + [0xaa, 0xbb]),
            Edit(
                what: "a message that writes brings none",
                argument: i2cRoot + i2cMessages.setting(18, 2, 0) + [0xaa, 0xbb]),
            Edit(
                what: "43 messages, all there",
                argument: i2cRoot.setting(8, 4, 43)
                    + Array(repeating: Array(i2cMessages.suffix(16)), count: 43).flatMap { $0 }),
            Edit(
                what: "a buffer of 8193 bytes, all there",
                argument: i2cRoot + i2cMessages.setting(4, 2, 8193) + .zeros(8193)),
        ]
            + [0x4f, 0x52, 0x3ff].flatMap { address in
                [0, 16].map {
                    Edit(
                        what: "message @\($0) to \(address)",
                        argument: i2cRoot + i2cMessages.setting($0, 2, address) + [0xaa, 0xbb],
                        reason: .constraint)
                }
            })

    private static let i2cSMBus = HostileTarget(
        name: "I2C_SMBUS", device: "i2c", code: 0x720,
        argument: .zeros(50).setting(4, 4, 2).setting(8, 8, 1), pointers: [8],
        numbers: [
            Number(at: 0, bytes: 1, refused: [2, 3, 0x80, 0xff]),
            Number(at: 4, bytes: 4, refused: [6, 9, 0xffff, 1 << 31, 0xffff_ffff]),
            Number(at: 8, bytes: 8, refused: [0]),
        ],
        reserved: [Reserved(range: 2..<4)])

    /// Two transfers: one sends and receives 4 bytes, one receives 8.
    private static let spiTransfers = [UInt8].zeros(64).setting(0, 8, 1).setting(8, 8, 1).setting(16, 4, 4)
        .setting(40, 8, 1).setting(48, 4, 8)

    private static let spi = HostileTarget(
        name: "SPI_IOC_MESSAGE", device: "spi", code: 0x4040_6b00, argument: spiTransfers + [1, 2, 3, 4],
        pointers: [0, 8, 32, 40],
        numbers: [
            .count(at: 16, 4, most: 4096, also: [0, 1, 3, 5, 4096]), .count(at: 48, 4, most: 4096, also: [0]),
            Number(at: 26, bytes: 1, refused: [33, 0x80, 0xff]),
            Number(at: 27, bytes: 1, refused: [2, 0xff]),
            Number(at: 28, bytes: 1, refused: [3, 5, 16, 0xff]),
            Number(at: 61, bytes: 1, refused: [3, 0x80]),
        ],
        reserved: [Reserved(range: 31..<32), Reserved(range: 63..<64)],
        edits: [0, 1, 16, 31, 33, 63, 65, 1025, 1056, 16_383].map {
            Edit(
                what: "the code states \($0) bytes", argument: spiTransfers + [1, 2, 3, 4],
                code: 0x4000_6b00 | $0 << 16, reason: .noRule)
        }
            + [32, 96, 1024].map {
                Edit(
                    what: "the code states \($0) bytes", argument: spiTransfers + [1, 2, 3, 4],
                    code: 0x4000_6b00 | $0 << 16)
            })

    /// Two outputs, one of them high.
    private static let lines = [UInt8].zeros(592).setting(0, 4, 4).setting(4, 4, 5).setting(288, 8, 8)
        .setting(296, 4, 1).setting(320, 4, 2).setting(328, 8, 1).setting(336, 8, 1).setting(560, 4, 2)

    private static let gpio = HostileTarget(
        name: "GPIO_V2_GET_LINE_IOCTL", device: "gpio", code: 0xc250_b407, argument: lines, gives: true,
        numbers: [
            .count(at: 560, 4, most: 64, also: [0, 1]), .count(at: 296, 4, most: 10, also: [0]),
            Number(at: 320, bytes: 4, refused: [0, 1, 4, 0xffff_ffff]),
            .count(at: 564, 4, most: 1024),
        ],
        reserved: [
            Reserved(range: 288..<296, used: 0x1ffe), Reserved(range: 300..<320), Reserved(range: 324..<328),
            Reserved(range: 568..<588), Reserved(range: 8..<12), Reserved(range: 252..<256),
            Reserved(range: 344..<348), Reserved(range: 552..<560),
        ],
        givenAt: 588)

    // MARK: NVMe

    private static let block = [UInt8].zeros(72).setting(4, 4, 1).setting(24, 8, 1).setting(36, 4, 512)
    private static let blockGaps = [
        Reserved(range: 1..<4), Reserved(range: 8..<16), Reserved(range: 16..<24), Reserved(range: 32..<36),
        Reserved(range: 48..<52, used: 0xc000_ffff), Reserved(range: 52..<60), Reserved(range: 60..<64),
        Reserved(range: 68..<72),
    ]
    /// Too many, too few, and as many as another count of blocks would have.
    private static let blockNumbers = [
        Number.count(at: 36, 4, most: 524_288, also: [0, 1, 511, 513, 1024, 524_288]),
        Number(at: 48, bytes: 2, refused: [1, 2, 0xff, 0x7fff, 0xffff]),
        Number.count(at: 64, 4, most: 120_000), Number(at: 24, bytes: 8, refused: [0]),
    ]

    private static let nvmeRead = HostileTarget(
        name: "NVME_URING_CMD_IO_READ", device: "nvme", code: 0xc048_4e80, argument: block.setting(0, 1, 2),
        result: -95, pointers: [24], numbers: blockNumbers, reserved: blockGaps,
        edits: [Edit(what: "a read brings data", argument: block.setting(0, 1, 2) + .zeros(512))]
            + [0, 4, 5, 8, 9, 0x0c, 0x0d, 0x19, 0x7d, 0x80, 0xff].map {
                Edit(what: "opcode \($0)", argument: block.setting(0, 1, $0), reason: .noRule)
            })

    private static let nvmeWrite = HostileTarget(
        name: "NVME_URING_CMD_IO_WRITE", device: "nvme", code: 0xc048_4e80,
        argument: block.setting(0, 1, 1) + .zeros(512), result: -95, pointers: [24], numbers: blockNumbers,
        reserved: blockGaps, edits: [Edit(what: "a write brings none", argument: block.setting(0, 1, 1))])

    // MARK: SCSI and USB

    /// Reads one block, and wants sense data.
    private static let scsi = HostileTarget(
        name: "SG_IO_READ_10", device: "scsi", code: 0x2285,
        argument: .zeros(88).setting(0, 4, 0x53).setting(4, 4, 0xffff_fffd).setting(8, 1, 10)
            .setting(9, 1, 32).setting(12, 4, 512).setting(16, 8, 1).setting(24, 8, 1).setting(32, 8, 1)
            .setting(40, 4, 1000) + [0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0],
        pointers: [16, 24, 32],
        numbers: [
            Number(at: 0, bytes: 4, refused: [0, 0x51, 0x54, 0xffff_ffff]),
            Number(at: 4, bytes: 4, refused: [0, 1, 0xffff_fffc, 0xffff_fffe, 0xffff_ffff, 1 << 31]),
            Number(at: 8, bytes: 1, refused: [0, 6, 9, 11, 16, 0xff]), Number(at: 9, bytes: 1, refused: [0]),
            .count(at: 12, 4, most: 262_144, also: [0, 1, 511, 513, 1024, 262_144]),
            Number(at: 24, bytes: 8, refused: [0]), .count(at: 40, 4, most: 60_000, also: [0]),
            // The blocks that the device goes by, big-endian.
            Number(at: 95, bytes: 2, refused: [0, 0x0200, 0x0101, 0xff00, 0xffff]),
        ],
        reserved: [
            Reserved(range: 10..<12), Reserved(range: 44..<52), Reserved(range: 52..<64),
            Reserved(range: 84..<88), Reserved(range: 89..<90, used: 0x18), Reserved(range: 94..<95),
            Reserved(range: 97..<98),
        ])

    /// Asks for a descriptor of 18 bytes.
    private static let usbControl = [UInt8].zeros(24).setting(0, 1, 0x80).setting(1, 1, 6)
        .setting(2, 2, 0x100).setting(6, 2, 18).setting(8, 4, 1000).setting(16, 8, 1)

    private static let usb = HostileTarget(
        name: "USBDEVFS_CONTROL", device: "usb", code: 0xc018_5500, argument: usbControl, pointers: [16],
        numbers: [.count(at: 6, 2, most: 4096, also: [0]), .count(at: 8, 4, most: 60_000, also: [0])],
        reserved: [Reserved(range: 12..<16)],
        edits: [
            Edit(what: "a request that sends brings none", argument: usbControl.setting(0, 1, 0)),
            Edit(what: "a request that asks brings bytes", argument: usbControl + .zeros(18)),
        ])

    // MARK: Buffers and descriptors

    private static let heap = HostileTarget(
        name: "DMA_HEAP_IOCTL_ALLOC", device: "heap", code: 0xc018_4800,
        argument: .zeros(24).setting(0, 8, 4096).setting(12, 4, 0x80002), gives: true,
        numbers: [
            .count(at: 0, 8, most: 1 << 30, also: [0]),
            Number(at: 12, bytes: 4, refused: [0, 1, 2, 0x80003, 0x80802, 1 << 31, 0xffff_ffff]),
        ],
        reserved: [Reserved(range: 16..<24)], givenAt: 8)

    private static let drmVersion = HostileTarget(
        name: "DRM_IOCTL_VERSION", device: "drm", code: 0xc040_6400,
        argument: .zeros(64).setting(16, 8, 16).setting(24, 8, 1).setting(32, 8, 8).setting(40, 8, 1)
            .setting(48, 8, 256).setting(56, 8, 1),
        pointers: [24, 40, 56], numbers: [16, 32, 48].map { .count(at: $0, 8, most: 256, also: [0]) },
        reserved: [Reserved(range: 12..<16)])

    private static let drmResources = HostileTarget(
        name: "DRM_IOCTL_MODE_GETRESOURCES", device: "drm", code: 0xc040_64a0,
        argument: [0, 8, 16, 24].reduce(.zeros(64)) { bytes, at in
            bytes.setting(at, 8, 1).setting(32 + at / 2, 4, 4)
        }, pointers: [0, 8, 16, 24],
        numbers: [32, 36, 40, 44].map { .count(at: $0, 4, most: 64, also: [0]) })

    private static let drmExport = HostileTarget(
        name: "DRM_IOCTL_PRIME_HANDLE_TO_FD", device: "drm", code: 0xc00c_642d,
        argument: .zeros(12).setting(0, 4, 1).setting(4, 4, 0x80002), gives: true,
        numbers: [Number(at: 4, bytes: 4, refused: [0, 1, 2, 0x80001, 0x80003, 1 << 31, 0xffff_ffff])],
        givenAt: 8)

    private static let drmImport = HostileTarget(
        name: "DRM_IOCTL_PRIME_FD_TO_HANDLE", device: "drm", code: 0xc00c_642e,
        argument: .zeros(12).setting(8, 4, UInt64(HostileSite.slot(of: "buffer"))),
        reserved: [Reserved(range: 4..<8)], takenAt: 8)

    private static let socketOption = HostileTarget(
        name: "SOCKET_URING_OP_GETSOCKOPT", device: "socket", code: 2,
        argument: .zeros(24).setting(0, 4, 1).setting(4, 4, 3).setting(8, 4, 4).setting(16, 8, 1),
        result: 4, pointers: [16],
        numbers: [
            Number(at: 0, bytes: 4, refused: [0, 6, 41, 0xffff, 1 << 31, 0xffff_ffff]),
            Number(at: 4, bytes: 4, refused: [0, 17, 24, 26, 27, 31, 50, 77, 1 << 31, 0xffff_ffff]),
            .count(at: 8, 4, most: 64, also: [0, 1, 3]), Number(at: 16, bytes: 8, refused: [0]),
        ],
        reserved: [Reserved(range: 12..<16)])
}
