import Glibc
import Testing

@testable import RingLab

@Suite struct BoardTests {
    @Test func greetsWhoeverOpensItsLine() throws {
        let board = try Board()
        let line = try SerialLine(opening: board.path)
        let banner = line.read(until: BoardProgram.prompt)
        #expect(banner.contains(BoardProgram.version) && banner.hasSuffix(BoardProgram.prompt))
    }

    @Test func answersCommands() throws {
        let board = try Board()
        let line = try SerialLine(opening: board.path)
        _ = line.read(until: BoardProgram.prompt)
        line.type("version\r")
        #expect(line.read(until: BoardProgram.prompt) == "version\r\n\(BoardProgram.version)\r\nboard> ")
    }

    @Test func seesTheWindowSizeThatWasSetOnItsLine() throws {
        let board = try Board()
        let line = try SerialLine(opening: board.path)
        _ = line.read(until: BoardProgram.prompt)
        line.type("size\r")
        #expect(line.read(until: BoardProgram.prompt).contains("\r\nsize 24 rows, 80 columns\r\n"))
        var window = winsize(ws_row: 50, ws_col: 132, ws_xpixel: 0, ws_ypixel: 0)
        #expect(ioctl(line.number, UInt(TIOCSWINSZ), &window) == 0)
        line.type("size\r")
        #expect(line.read(until: BoardProgram.prompt).contains("\r\nsize 50 rows, 132 columns\r\n"))
    }

    @Test func seesTheSpeedThatWasSetOnItsLine() throws {
        let board = try Board()
        let line = try SerialLine(opening: board.path)
        _ = line.read(until: BoardProgram.prompt)
        var settings = termios()
        #expect(tcgetattr(line.number, &settings) == 0)
        cfsetspeed(&settings, speed_t(B9600))
        settings.c_cflag |= tcflag_t(CSTOPB)
        #expect(tcsetattr(line.number, TCSANOW, &settings) == 0)
        line.type("baud\r")
        #expect(line.read(until: BoardProgram.prompt).contains("\r\nbaud 9600 8N2\r\n"))
    }

    @Test func outlivesEveryoneWhoClosesItsLine() throws {
        let board = try Board()
        for _ in 0..<3 {
            let line = try SerialLine(opening: board.path)
            line.type("led\r")
            #expect(line.read(until: "led is off\r\n\(BoardProgram.prompt)").hasSuffix(BoardProgram.prompt))
        }
    }

    /// All answers together are many times what the kernel holds for a reader.
    @Test func losesNothingWhenItsReaderIsSlow() throws {
        let board = try Board()
        let line = try SerialLine(opening: board.path)
        _ = line.read(until: BoardProgram.prompt)
        for _ in 0..<1000 { line.type("help\r") }
        line.type("led on\r")
        let text = line.read(until: "led is on\r\n\(BoardProgram.prompt)")
        #expect(text.split(separator: "\r\n").count { $0.hasPrefix("help | version") } == 1000)
    }

    @Test func seesThatTheKernelEchoes() throws {
        let board = try Board()
        let line = try SerialLine(opening: board.path)
        #expect(try !TerminalSettings(of: line.number).echoes)
        var settings = termios()
        #expect(tcgetattr(line.number, &settings) == 0)
        settings.c_lflag |= tcflag_t(ECHO)
        #expect(tcsetattr(line.number, TCSANOW, &settings) == 0)
        #expect(try TerminalSettings(of: line.number).echoes)
    }

    @Test func lineHangsUpWhenTheBoardGoes() throws {
        let line: SerialLine
        do {
            let board = try Board()
            line = try SerialLine(opening: board.path)
            _ = line.read(until: BoardProgram.prompt)
        }
        var watched = pollfd(fd: line.number, events: Int16(POLLIN), revents: 0)
        #expect(poll(&watched, 1, 0) == 1 && watched.revents & Int16(POLLHUP) != 0)
    }
}
