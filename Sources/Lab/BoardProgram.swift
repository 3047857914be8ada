/// The firmware of the lab's board: a line editor and a handful of commands. It does no I/O.
struct BoardProgram {
    static let prompt = "board> "
    static let version = "ringlab board, firmware 1.4.2"
    /// Longest line in bytes; the bell answers what comes after.
    static let lineLimit = 128

    private var line: [UInt8] = []
    private var lastWasReturn = false
    private var ledIsOn = false

    /// Powers the board up: all state is fresh. Returns what it prints.
    mutating func boot() -> String {
        self = BoardProgram()
        return "\r\n\(Self.version)\r\nself-test passed, type help for the commands\r\n\(Self.prompt)"
    }

    /// Takes typed bytes and returns what the board prints, echo included.
    ///
    /// While the kernel echoes, it sends the board its own words; answering them would never end. A line that
    /// was hung up comes back like that, until somebody makes it raw again.
    mutating func receive(_ bytes: some Sequence<UInt8>, settings: TerminalSettings) -> String {
        if settings.echoes { return "" }
        var printed = ""
        for byte in bytes {
            printed += receive(byte, settings: settings)
        }
        return printed
    }

    private mutating func receive(_ byte: UInt8, settings: TerminalSettings) -> String {
        let secondOfPair = byte == UInt8(ascii: "\n") && lastWasReturn
        lastWasReturn = byte == UInt8(ascii: "\r")
        switch byte {
        case UInt8(ascii: "\n") where secondOfPair:
            return ""
        case UInt8(ascii: "\r"), UInt8(ascii: "\n"):
            let command = String(decoding: line, as: UTF8.self)
            line.removeAll()
            return "\r\n" + answer(to: command, settings: settings)
        case 0x03:  // Control-C gives the line up.
            line.removeAll()
            return "^C\r\n" + Self.prompt
        case 0x08, 0x7F:
            return line.popLast() == nil ? "" : "\u{8} \u{8}"
        case 0x20...0x7E where line.count < Self.lineLimit:
            line.append(byte)
            return String(UnicodeScalar(byte))
        case 0x20...0x7E:
            return "\u{7}"
        default:
            return ""
        }
    }

    private mutating func answer(to command: String, settings: TerminalSettings) -> String {
        let words = command.split(separator: " ")
        if words == ["reboot"] { return boot() }
        let text = words.isEmpty ? "" : result(of: words, settings: settings) + "\r\n"
        return text + Self.prompt
    }

    private mutating func result(of words: [Substring], settings: TerminalSettings) -> String {
        switch words {
        case ["help"]:
            return "help | version | led [on|off] | temp | size | baud | reboot"
        case ["version"]:
            return Self.version
        case ["led", "on"], ["led", "off"]:
            ledIsOn = words[1] == "on"
            return "led is \(words[1])"
        case ["led"]:
            return "led is \(ledIsOn ? "on" : "off")"
        case ["temp"]:
            return ledIsOn ? "temp 37.5 C" : "temp 36.5 C"
        case ["size"]:
            return "size \(settings.rows) rows, \(settings.columns) columns"
        case ["baud"]:
            return "baud \(settings.speed) \(settings.framing)"
        default:
            return "error: unknown command: \(words.joined(separator: " "))"
        }
    }
}
