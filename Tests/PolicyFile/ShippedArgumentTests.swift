import RingPolicy
import Testing

/// For every profile an argument that passes, and its nearest miss with the reason: what the profiles refuse
/// whatever the rules say.
@Suite("Arguments of the shipped profiles")
struct ShippedArgumentTests {
    @Test("Every profile has an argument here that passes, and one that is refused")
    func complete() throws {
        let all = ArgumentExample.all
        for profile in try ShippedProfiles.load().map(\.name) {
            #expect(all.contains { $0.profile == profile && $0.refused == nil }, "\(profile)")
            #expect(all.contains { $0.profile == profile && $0.refused != nil }, "\(profile)")
        }
    }

    @Test("is laid out, or refused for the right reason", arguments: ArgumentExample.all)
    func example(_ example: ArgumentExample) throws {
        let refusal = try example.refusal(try ShippedProfiles.load())
        guard let refused = example.refused else {
            #expect(refusal == nil)
            return
        }
        #expect(refusal?.contains(refused) == true, "\(refusal ?? "it passes")")
    }
}

extension ArgumentExample {
    static let all: [ArgumentExample] = terminals + buses + storage + media + processes

    private static let terminals: [ArgumentExample] = [
        .init("null", "NULL_URING_CMD"),
        .init("null", "NULL_URING_CMD", rest: zeros(1), refused: "takes 0 bytes"),
        .init("random", "RNDGETENTCNT"),
        .init("random", "RNDGETENTCNT", rest: zeros(4), refused: "takes 0 bytes"),
        .init("tty", "TIOCMBIS", ["lines": 0x6]),
        .init("tty", "TIOCMBIS", ["lines": 0x20], refused: "lines only bits TIOCM_DTR|TIOCM_RTS"),
        .init("tty", "TIOCMIWAIT", ["lines": 0x1e0]),
        .init("tty", "TIOCMIWAIT", ["lines": 1], refused: "lines only bits"),
        .init("tty", "TCFLSH", ["queue": 3], refused: "queue in [TCIFLUSH, TCOFLUSH, TCIOFLUSH]"),
        .init("watchdog", "WDIOC_SETTIMEOUT", ["seconds": 60]),
        .init("watchdog", "WDIOC_SETTIMEOUT", ["seconds": 1], refused: "seconds in 10..3600"),
        .init("watchdog", "WDIOC_SETOPTIONS", ["options": 4], refused: "options in [WDIOS_DISABLECARD"),
        .init("rtc", "RTC_SET_TIME", ["tm_mday": 1, "tm_year": 126]),
        .init("rtc", "RTC_SET_TIME", ["tm_mday": 0, "tm_year": 126], refused: "tm_mday in 1..31"),
        .init("evdev", "EVIOCGBIT", variation: 0x60_0021),
        .init("evdev", "EVIOCGBIT", variation: 0x61_0021, refused: "describes no sub-opcode"),
        .init("evdev", "EVIOCSABS", variation: 0xc1),
        .init("evdev", "EVIOCGRAB", ["grab": 2], refused: "grab in [0, 1]"),
        .init("hidraw", "HIDIOCSFEATURE", ["report": 7], variation: 8 << 16),
        .init(
            "hidraw", "HIDIOCSFEATURE", ["report": 7], variation: 8 << 16, rest: [1], refused: "takes 8 bytes"
        ),
        .init("hidraw", "HIDIOCGRDESC", ["size": 4096], refused: "size in 1..4095"),
    ]

    /// One line, as an output that starts high.
    private static let line: [String: Int64] = [
        "offsets": 17, "num_lines": 1, "config.flags": 8, "config.num_attrs": 1, "config.attrs.attr.id": 2,
        "config.attrs.attr.values": 1, "config.attrs.mask": 1,
    ]

    /// A message to address 0x50 with these flags and this length; its buffer is 1.
    private static func message(_ flags: UInt64, _ length: UInt64) -> [UInt8] {
        numbers(2, 0x50, flags, length, 0) + numbers(8, 1)
    }

    private static let buses: [ArgumentExample] = [
        .init("gpio", "GPIO_V2_GET_LINE_IOCTL", line),
        .init(
            "gpio", "GPIO_V2_GET_LINE_IOCTL", line.merging(["num_lines": 0]) { $1 },
            refused: "elements of offsets from 0 on are not in use"),
        .init(
            "gpio", "GPIO_V2_GET_LINE_IOCTL", line.merging(["config.attrs.attr.id": 1]) { $1 },
            refused: "config.attrs.attr.id in [GPIO_V2_LINE_ATTR_ID_OUTPUT_VALUES"),
        .init("gpio", "GPIO_V2_GET_LINE_IOCTL", line.merging(["fd": 3]) { $1 }, refused: "it must be 0"),
        .init("gpio-line", "GPIO_V2_LINE_SET_VALUES_IOCTL", ["bits": 1, "mask": 1]),
        .init(
            "gpio-line", "GPIO_V2_LINE_SET_CONFIG_IOCTL", ["flags": 1],
            refused: "flags only bits GPIO_V2_LINE_FLAG_ACTIVE_LOW"),
        // A write of the register's number, then a read of four bytes.
        .init("i2c", "I2C_RDWR", ["msgs": 1, "nmsgs": 2], rest: message(0, 1) + message(1, 4) + [0x10]),
        .init(
            "i2c", "I2C_RDWR", ["msgs": 1, "nmsgs": 1], rest: message(0x401, 1),
            refused: "msgs.flags only bits I2C_M_RD|I2C_M_TEN"),
        .init("i2c", "I2C_RDWR", ["msgs": 1, "nmsgs": 1], rest: message(1, 8193), refused: "at most 8192"),
        .init("i2c", "I2C_RDWR", ["msgs": 1, "nmsgs": 43], rest: zeros(43 * 16), refused: "at most 42"),
        .init("i2c", "I2C_SMBUS", ["read_write": 1, "size": 2, "data": 1], rest: zeros(34)),
        .init("i2c", "I2C_SMBUS", ["size": 6], refused: "size in [I2C_SMBUS_QUICK"),
        .init(
            "spi", "SPI_IOC_MESSAGE",
            ["transfers.tx_buf": 1, "transfers.rx_buf": 1, "transfers.len": 3, "transfers.bits_per_word": 8],
            variation: 32 << 16, rest: [0x9f, 0, 0]),
        .init(
            "spi", "SPI_IOC_MESSAGE", ["transfers.tx_buf": 1, "transfers.len": 3], variation: 32 << 16,
            rest: [0x9f], refused: "inside transfers.tx_buf"),
        .init("spi", "SPI_IOC_MESSAGE", variation: 48 << 16, refused: "describes no sub-opcode"),
        .init("spi", "SPI_IOC_WR_MODE32", ["mode": 0x80], refused: "mode only bits SPI_CPHA"),
        .init(
            "usbfs", "USBDEVFS_CONTROL",
            [
                "bRequestType": 0x80, "bRequest": 6, "wValue": 0x100, "wLength": 18, "timeout": 1000,
                "data": 1,
            ]),
        .init(
            "usbfs", "USBDEVFS_CONTROL", ["bRequestType": 0x80, "wLength": 18, "data": 1],
            refused: "timeout in 1..60000"),
        .init(
            "usbfs", "USBDEVFS_BULK", ["ep": 2, "len": 2, "timeout": 1, "data": 1],
            refused: "the argument ends at 24, inside data"),
    ]

    private static func sg(_ direction: Int64, _ length: Int64) -> [String: Int64] {
        [
            "interface_id": 0x53, "dxfer_direction": direction, "cmd_len": 6, "mx_sb_len": 32, "sbp": 1,
            "dxfer_len": length, "dxferp": 1, "cmdp": 1, "timeout": 1000,
        ]
    }

    private static func read(_ length: Int64, blocks: Int64) -> [String: Int64] {
        ["opcode": 2, "nsid": 1, "addr": 1, "data_len": length, "slba": 64, "nlb": blocks - 1]
    }

    private static let storage: [ArgumentExample] = [
        .init("block", "BLKROSET", ["read_only": 1]),
        .init("block", "BLKROSET", ["read_only": 2], refused: "read_only in [0, 1]"),
        .init("loop", "LOOP_SET_DIRECT_IO", ["direct_io": 1]),
        .init("loop", "LOOP_SET_DIRECT_IO", ["direct_io": 2], refused: "direct_io in [0, 1]"),
        .init("nvme", "NVME_URING_CMD_ADMIN_IDENTIFY", ["opcode": 6, "addr": 1, "data_len": 4096, "cns": 1]),
        .init(
            "nvme", "NVME_URING_CMD_ADMIN_IDENTIFY", ["opcode": 6, "addr": 1, "data_len": 512, "cns": 1],
            refused: "data_len = 4096"),
        .init(
            "nvme", "NVME_IOCTL_ADMIN_CMD_GET_LOG_PAGE",
            ["opcode": 2, "addr": 1, "data_len": 512, "lid": 2, "numdl": 127]),
        .init(
            "nvme", "NVME_IOCTL_ADMIN_CMD_GET_LOG_PAGE",
            ["opcode": 2, "addr": 1, "data_len": 512, "lid": 2, "numdl": 128],
            refused: "data_len = 4*numdl + 262144*numdu + 4"),
        .init(
            "nvme", "NVME_IOCTL_ADMIN_CMD_GET_LOG_PAGE",
            ["opcode": 2, "addr": 1, "data_len": 512, "lid": 2, "numdl": 127, "numdu": 1],
            refused: "data_len = 4*numdl + 262144*numdu + 4"),
        .init("nvme", "NVME_URING_CMD_ADMIN_GET_FEATURES", ["opcode": 10, "fid": 6]),
        .init(
            "nvme", "NVME_URING_CMD_ADMIN_GET_FEATURES", ["opcode": 10, "fid": 3],
            refused: "fid in [ARBITRATION"),
        .init("nvme", "NVME_URING_CMD_IO_READ", read(4096, blocks: 8)),
        .init("nvme", "NVME_URING_CMD_IO_READ", read(4096, blocks: 9), refused: "data_len = 512*nlb + 512"),
        .init("nvme", "NVME_URING_CMD_IO_FLUSH", ["opcode": 4], refused: "with this argument"),
        .init("nvme-4k", "NVME_URING_CMD_IO_READ", read(4096, blocks: 1)),
        .init(
            "nvme-4k", "NVME_URING_CMD_IO_READ", read(4096, blocks: 8),
            refused: "data_len = 4096*nlb + 4096"),
        .init("scsi-generic", "SG_IO_INQUIRY", sg(-3, 96), rest: [0x12, 0, 0, 0, 96, 0]),
        .init(
            "scsi-generic", "SG_IO_INQUIRY", sg(-2, 96), rest: [0x12, 0, 0, 0, 96, 0],
            refused: "dxfer_direction = SG_DXFER_FROM_DEV"),
        .init(
            "scsi-generic", "SG_IO_INQUIRY", sg(-3, 96), rest: [0x15, 0, 0, 0, 96, 0],
            refused: "describes no sub-opcode 0x2285 with this argument"),
        .init(
            "scsi-generic", "SG_IO_INQUIRY", sg(-3, 96), rest: [0x12, 0, 0, 0, 95, 0],
            refused: "dxfer_len = cmdp.allocation_length"),
        .init(
            "scsi-generic", "SG_IO_INQUIRY", sg(-3, 96), rest: [0x12, 0, 0, 0, 96, 4],
            refused: "reserved bytes 5..<6 of cmdp must be zero"),
    ]

    private static let media: [ArgumentExample] = [
        .init("v4l2", "VIDIOC_S_FMT", ["type": 1, "width": 640, "height": 480]),
        .init("v4l2", "VIDIOC_S_FMT", ["type": 9], refused: "type in [V4L2_BUF_TYPE_VIDEO_CAPTURE"),
        .init(
            "v4l2", "VIDIOC_G_EXT_CTRLS", ["count": 1, "controls": 1],
            rest: numbers(4, 0x98_0900, 0, 0, 0, 0)),
        .init(
            "v4l2", "VIDIOC_G_EXT_CTRLS", ["count": 1, "controls": 1],
            rest: numbers(4, 0x98_0900, 8, 0, 0, 0), refused: "controls.size = 0"),
        .init(
            "v4l2", "VIDIOC_G_EXT_CTRLS", ["which": 0x0f01_0000, "count": 1, "controls": 1],
            rest: numbers(4, 0x98_0900, 0, 0, 0, 0), refused: "which in [V4L2_CTRL_WHICH_CUR_VAL"),
        .init("drm", "DRM_IOCTL_VERSION", ["name_len": 16, "name": 1]),
        .init("drm", "DRM_IOCTL_VERSION", ["name_len": 4096, "name": 1], refused: "at most 256"),
        .init("drm", "DRM_IOCTL_PRIME_FD_TO_HANDLE", ["fd": 3]),
        .init("drm", "DRM_IOCTL_PRIME_FD_TO_HANDLE", ["fd": 2], refused: "2 is no slot that is open"),
        .init("drm", "DRM_IOCTL_PRIME_HANDLE_TO_FD", ["handle": 1, "flags": 2], refused: "flags in ["),
        .init("dma-heap", "DMA_HEAP_IOCTL_ALLOC", ["len": 4096, "fd_flags": 0x80002]),
        .init("dma-heap", "DMA_HEAP_IOCTL_ALLOC", ["len": 4096, "fd_flags": 2], refused: "fd_flags in ["),
        .init("dma-buf", "DMA_BUF_IOCTL_SYNC", ["flags": 5]),
        .init("dma-buf", "DMA_BUF_IOCTL_SYNC", ["flags": 8], refused: "flags only bits DMA_BUF_SYNC_READ"),
    ]

    private static let processes: [ArgumentExample] = [
        .init("socket", "SOCKET_URING_OP_GETSOCKOPT", ["level": 1, "optname": 3, "optlen": 4, "optval": 1]),
        .init(
            "socket", "SOCKET_URING_OP_GETSOCKOPT", ["level": 6, "optname": 3, "optlen": 4, "optval": 1],
            refused: "level = SOL_SOCKET"),
        .init(
            "socket", "SOCKET_URING_OP_SETSOCKOPT", ["level": 1, "optname": 25, "optlen": 4, "optval": 1],
            rest: zeros(4), refused: "optname in [SO_SNDBUF"),
        .init(
            "procmap", "PROCMAP_QUERY",
            ["size": 104, "query_flags": 0x10, "vma_name_size": 256, "vma_name_addr": 1]),
        .init("procmap", "PROCMAP_QUERY", ["size": 96], refused: "size = 104"),
        .init(
            "pagemap", "PAGEMAP_SCAN",
            ["size": 96, "end": 4096, "vec": 1, "vec_len": 16, "category_mask": 8, "return_mask": 8]),
        .init("pagemap", "PAGEMAP_SCAN", ["size": 96, "vec": 1, "vec_len": 683], refused: "at most 682"),
        .init(
            "pagemap", "PAGEMAP_SCAN", ["size": 96, "vec": 1, "vec_len": 1, "category_mask": 0x100],
            refused: "category_mask only bits"),
    ]
}
