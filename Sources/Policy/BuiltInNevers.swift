import RingProtocol

/// ioctl request numbers that no policy can allow, whatever the file: the authority on one screen.
///
/// They act on the gateway's own session or descriptor table, or inject input as if typed. Numbers are those of
/// asm-generic/ioctls.h, linux/fs.h, linux/vt.h and linux/loop.h (x86-64 and arm64 agree).
public enum BuiltInNevers {
    static let names: [UInt32: String] = [
        0x5412: "TIOCSTI",  // types into the terminal
        0x540e: "TIOCSCTTY",  // steals the gateway's controlling terminal
        0x5422: "TIOCNOTTY",
        0x5410: "TIOCSPGRP",
        0x541d: "TIOCCONS",  // redirects the kernel console
        0x5423: "TIOCSETD",  // loads another line discipline
        0x541c: "TIOCLINUX",  // pastes the console's selection
        0x541f: "TIOCSSERIAL",  // moves a port to other I/O addresses
        0x5437: "TIOCVHANGUP",
        0x5441: "TIOCGPTPEER",  // opens a descriptor in the gateway
        0x5450: "FIONCLEX",  // descriptor flags of the gateway itself
        0x5451: "FIOCLEX",
        0x5421: "FIONBIO",
        0x5452: "FIOASYNC",
        0x8901: "FIOSETOWN",
        0x8902: "SIOCSPGRP",
        0x0001: "FIBMAP",
        0x4004_9409: "FICLONE",  // name descriptors of the gateway
        0x4020_940d: "FICLONERANGE",
        0xc018_9436: "FIDEDUPERANGE",
        0xab00: "NBD_SET_SOCK",
        0x2405: "PERF_EVENT_IOC_SET_OUTPUT",
        0x8038_550a: "USBDEVFS_SUBMITURB",  // keep the gateway's memory after they return
        0x4008_550c: "USBDEVFS_REAPURB",
        0x4008_550d: "USBDEVFS_REAPURBNDELAY",
        0x5602: "VT_SETMODE",  // signals the gateway on console switches
        0x4c00: "LOOP_SET_FD",  // names descriptors of the gateway
        0x4c06: "LOOP_CHANGE_FD",
        0x4c0a: "LOOP_CONFIGURE",
        0xc050_4e49: "NVME_IOCTL_IO64_CMD_VEC",
    ]

    /// The name of a forbidden code, or nil.
    public static func name(of code: SubOpcode) -> String? { names[code.code] }

    /// The name of a code that is forbidden as an ioctl(2) or as a ring command, or nil.
    static func anyName(of code: SubOpcode) -> String? { names[code.code] ?? ringNames[code.code] }

    /// The name of a forbidden code that the pattern contains, or nil.
    public static func name(in pattern: CodePattern) -> String? {
        if pattern.isExact { return name(of: pattern.base) }
        return names.first { pattern.contains(SubOpcode($0.key)) }?.value
    }

    /// The vectored forms of NVMe's ring commands: they name lists of the gateway's memory.
    static let ringNames: [UInt32: String] = [
        0xc048_4e81: "NVME_URING_CMD_IO_VEC", 0xc048_4e83: "NVME_URING_CMD_ADMIN_VEC",
    ]
}
