import RingClient
import RingProtocol

/// The board's serial console: bytes both ways, window size, line settings, and what is never allowed.
struct ConsoleSteps: Sendable {
    let board: RemoteDevice
    private static let prompt = "board> "

    @Sendable func talk() async throws -> String {
        _ = try await readUntilPrompt()
        let answer = try await ask("version")
        guard let line = answer.split(separator: "\r\n").first else {
            throw Surprise("no answer to `version`")
        }
        return "version -> \(line)"
    }

    @Sendable func resize() async throws -> String {
        let codec = try await codec("TIOCSWINSZ")
        try await board.command(codec.encode(["ws_row": "50", "ws_col": "132"]))
        let answer = try await ask("size")
        guard answer.contains("50 rows, 132 columns") else { throw Surprise("the board saw \(answer)") }
        return "the board sees 50 rows, 132 columns"
    }

    /// Any speed, with BOTHER (asm-generic/termbits.h) in place of the CBAUD bits.
    @Sendable func changeSpeed() async throws -> String {
        let get = try await codec("TCGETS2")
        let set = try await codec("TCSETSW2")
        var values: [String: String] = [:]
        let question = try get.encode([:])
        for field in try get.decode(try await board.command(question).payload, of: question) {
            values[field.name] = "\(field.value)"
        }
        guard let flags = values["c_cflag"].flatMap({ UInt32($0) }) else {
            throw Surprise("no c_cflag in the reply")
        }
        let baudMask: UInt32 = 0o010017
        let anySpeed: UInt32 = 0o010000
        values["c_cflag"] = "\(flags & ~baudMask | anySpeed)"
        values["c_ispeed"] = "9600"
        values["c_ospeed"] = "9600"
        try await board.command(set.encode(values))
        let answer = try await ask("baud")
        guard answer.contains("9600 8N1") else { throw Surprise("the board saw \(answer)") }
        return "the board sees 9600 8N1"
    }

    /// TIOCSTI would type into the terminal as if somebody sat there.
    @Sendable func injectInput() async throws -> String {
        do {
            try await board.command(SubOpcode(0x5412), argument: [0x41])
        } catch RingError.denied(let refusal) {
            guard refusal.rule == "never/TIOCSTI" else {
                throw Surprise("denied by another rule: \(refusal.rule)")
            }
            return "rule \(refusal.rule): \(refusal.text)"
        }
        throw Surprise("TIOCSTI was let through")
    }

    private func codec(_ name: String) async throws -> ArgumentCodec {
        let description = try await board.connection.describe("board")
        guard let command = description.commands.first(where: { $0.name == name }) else {
            throw Surprise("\(name) is not among what the agent may do")
        }
        return try ArgumentCodec(command)
    }

    private func ask(_ command: String) async throws -> String {
        try await board.write(Array("\(command)\r".utf8))
        let answer = try await readUntilPrompt()
        guard let echo = answer.firstRange(of: "\(command)\r\n") else {
            throw Surprise("no echo in \(answer)")
        }
        return String(answer[echo.upperBound...])
    }

    private func readUntilPrompt() async throws -> String {
        var text = ""
        while !text.hasSuffix(Self.prompt) {
            text += String(decoding: try await board.read(count: 4096), as: UTF8.self)
        }
        return text
    }
}
