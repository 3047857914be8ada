import Glibc

/// What a board sees of its serial line: the window size and how characters are framed.
struct TerminalSettings: Equatable {
    var rows: UInt16
    var columns: UInt16
    /// Bits per second; any number, not only the `B...` constants.
    var speed: UInt32
    /// Termios control flags (`CSIZE`, `PARENB`, ...).
    var controlFlags: UInt32
    /// Termios local flags (`ECHO`, `ICANON`, ...).
    var localFlags: UInt32

    /// The kernel sends back to the board all that the board says.
    var echoes: Bool {
        localFlags & UInt32(ECHO) != 0
    }

    /// The framing as terminal programs write it, such as `8N1`.
    var framing: String {
        let bits =
            switch controlFlags & UInt32(CSIZE) {
            case UInt32(CS5): "5"
            case UInt32(CS6): "6"
            case UInt32(CS7): "7"
            default: "8"
            }
        let odd = controlFlags & UInt32(PARODD) != 0
        let parity = controlFlags & UInt32(PARENB) == 0 ? "N" : odd ? "O" : "E"
        return bits + parity + (controlFlags & UInt32(CSTOPB) == 0 ? "1" : "2")
    }
}

extension TerminalSettings {
    /// Asks the kernel. TCGETS2 and not `tcgetattr`, because only it tells speeds that have no constant.
    init(of terminal: CInt) throws(LabError) {
        var window = winsize()
        guard ioctl(terminal, UInt(TIOCGWINSZ), &window) == 0 else { throw .last("TIOCGWINSZ") }
        var raw = [UInt8](repeating: 0, count: Termios2.size)
        guard ioctl(terminal, Request.terminalSettings, &raw) == 0 else { throw .last("TCGETS2") }
        rows = window.ws_row
        columns = window.ws_col
        func field(_ offset: Int) -> UInt32 {
            raw.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
        }
        speed = field(Termios2.outputSpeedOffset)
        controlFlags = field(Termios2.controlFlagsOffset)
        localFlags = field(Termios2.localFlagsOffset)
    }
}
