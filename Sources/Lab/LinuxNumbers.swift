/// ioctl numbers that Glibc's module does not carry. They are those of the generic table, which x86-64 and
/// arm64 use.
enum Request {
    /// `TIOCSPTLCK`, `int` in. asm-generic/ioctls.h
    static let lockPseudoterminal: UInt = 0x4004_5431
    /// `TIOCGPTN`, `unsigned int` out. asm-generic/ioctls.h
    static let pseudoterminalNumber: UInt = 0x8004_5430
    /// `TIOCGPTPEER`, open flags in, a descriptor as result. asm-generic/ioctls.h
    static let openPeer: UInt = 0x5441
    /// `TCGETS2`, `struct termios2` out. asm-generic/ioctls.h
    static let terminalSettings: UInt = 0x802C_542A
    /// `LOOP_CTL_GET_FREE`, the number of an unused loop device as result. linux/loop.h
    static let freeLoop: UInt = 0x4C82
    /// `LOOP_CONFIGURE`, `struct loop_config` in. linux/loop.h
    static let configureLoop: UInt = 0x4C0A
}

/// `struct termios2`: which bytes hold what. asm-generic/termbits.h
enum Termios2 {
    static let size = 44
    static let controlFlagsOffset = 8
    static let localFlagsOffset = 12
    static let outputSpeedOffset = 40
}

/// `struct loop_config`, whose `struct loop_info64` starts at 8. linux/loop.h
enum LoopConfig {
    static let size = 304
    static let fileOffset = 0
    static let blockSizeOffset = 4
    static let flagsOffset = 60
    /// `LO_FLAGS_AUTOCLEAR`: the last close detaches the file.
    static let autoclear: UInt32 = 4
}
