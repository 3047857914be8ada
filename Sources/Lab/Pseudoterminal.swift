import Glibc

/// A pty pair whose both ends are open: with no slave open, the master would answer every read with EIO.
struct Pseudoterminal: ~Copyable, Sendable {
    let master: Descriptor
    let slave: Descriptor
    /// `/dev/pts/N`
    let slavePath: String

    /// A pair in raw mode, 115200 8N1, 24 by 80. The master does not block.
    init() throws(LabError) {
        let master = try Descriptor(opening: "/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK)
        var locked: CInt = 0
        guard ioctl(master.number, Request.lockPseudoterminal, &locked) == 0 else {
            throw .last("TIOCSPTLCK")
        }
        var number: CUnsignedInt = 0
        guard ioctl(master.number, Request.pseudoterminalNumber, &number) == 0 else {
            throw .last("TIOCGPTN")
        }
        let slave = try Self.openSlave(of: master.number)
        self.master = master
        self.slave = slave
        slavePath = "/dev/pts/\(number)"
    }

    private static func openSlave(of master: CInt) throws(LabError) -> Descriptor {
        let number = ioctl(master, Request.openPeer, O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard number >= 0 else { throw .last("TIOCGPTPEER") }
        let slave = Descriptor(owning: number)
        var settings = termios()
        guard tcgetattr(slave.number, &settings) == 0 else { throw .last("tcgetattr") }
        cfmakeraw(&settings)
        cfsetspeed(&settings, speed_t(B115200))
        guard tcsetattr(slave.number, TCSANOW, &settings) == 0 else { throw .last("tcsetattr") }
        var window = winsize(ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0)
        guard ioctl(slave.number, UInt(TIOCSWINSZ), &window) == 0 else { throw .last("TIOCSWINSZ") }
        return slave
    }
}
