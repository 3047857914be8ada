import Glibc
import Testing

@testable import RingLab

@Suite struct BoardProgramTests {
    private var program = BoardProgram()

    @Test(arguments: [
        ("help", "help | version | led [on|off] | temp | size | baud | reboot"),
        ("version", BoardProgram.version),
        ("led on", "led is on"),
        ("  led   off ", "led is off"),
        ("led", "led is off"),
        ("temp", "temp 36.5 C"),
        ("size", "size 24 rows, 80 columns"),
        ("baud", "baud 250000 8N1"),
        ("led blue", "error: unknown command: led blue"),
        ("Version", "error: unknown command: Version"),
    ])
    func answers(command: String, answer: String) {
        var program = program
        #expect(program.typing("\(command)\r") == "\(command)\r\n\(answer)\r\n\(BoardProgram.prompt)")
    }

    @Test mutating func warmsUpWhileTheLedIsOn() {
        _ = program.typing("led on\r")
        #expect(program.typing("temp\r").contains("temp 37.5 C"))
    }

    @Test mutating func rebootForgetsEverything() {
        _ = program.typing("led on\r")
        let text = program.typing("reboot\r")
        #expect(text.contains(BoardProgram.version) && text.hasSuffix(BoardProgram.prompt))
        #expect(program.typing("led\r").contains("led is off"))
    }

    @Test(arguments: ["\r", "\n", "\r\n"])
    func takesEveryEndOfLineAsOne(end: String) {
        var program = program
        #expect(program.typing(end + end) == "\r\nboard> \r\nboard> ")
    }

    @Test mutating func erasesAndGivesUpLines() {
        #expect(program.typing("\u{7F}") == "")
        #expect(program.typing("tempx\u{7F}\r").contains("temp 36.5 C"))
        #expect(program.typing("reb\u{3}") == "reb^C\r\n\(BoardProgram.prompt)")
        #expect(program.typing("temp\r").contains("temp 36.5 C"))
    }

    @Test mutating func ignoresControlAndForeignBytes() {
        #expect(program.typing("te\u{1B}\u{0}é\tmp\r").contains("temp 36.5 C"))
    }

    @Test mutating func ringsTheBellForWhatALineCannotHold() {
        let full = String(repeating: "a", count: BoardProgram.lineLimit)
        #expect(program.typing(full) == full)
        #expect(program.typing("b") == "\u{7}")
        #expect(program.typing("\r").contains("unknown command: \(full)\r\n"))
    }

    @Test mutating func isDeafWhileTheKernelEchoesItsWords() {
        var echoing = TerminalSettings.usual
        echoing.localFlags = UInt32(ECHO)
        #expect(program.receive("led on\r".utf8, settings: echoing) == "")
        #expect(program.typing("led\r").contains("led is off"))
    }

    @Test(arguments: [(0o00, "5N1"), (0o20, "6N1"), (0o460, "8E1"), (0o1440, "7O1"), (0o160, "8N2")])
    func namesTheFraming(controlFlags: Int, framing: String) {
        var settings = TerminalSettings.usual
        settings.controlFlags = UInt32(controlFlags)
        #expect(settings.framing == framing)
    }
}

extension BoardProgram {
    fileprivate mutating func typing(_ text: String) -> String {
        receive(text.utf8, settings: .usual)
    }
}

extension TerminalSettings {
    /// Raw 8N1 at a speed that has no `B...` constant.
    fileprivate static let usual = TerminalSettings(
        rows: 24, columns: 80, speed: 250_000, controlFlags: UInt32(CS8), localFlags: 0)
}
