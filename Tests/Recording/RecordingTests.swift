import RingRecording
import Testing

/// How recordings are read, and what a replay makes of what is asked.
@Suite struct RecordingTests {
    private static let head = #"{"recording":"ringgate","version":1}"#

    private func script(_ lines: String...) throws -> ReplayScript {
        let text = ([Self.head] + lines).joined(separator: "\n") + "\n"
        return try #require(try Recording("session.jsonl", Array(text.utf8)).scripts["board"])
    }

    private func command(_ code: UInt32, _ argument: [UInt8] = []) -> ReplayScript.Request {
        .init(.command, code: code, offset: 0, argument: argument)
    }

    private func words(_ answer: ReplayScript.Answer) -> String {
        switch answer {
        case .step(let reply, let input): "\(reply.result) \(reply.payload) \(input)"
        case .differs(let next): "differs, line \(next.map { "\($0.line)" } ?? "none")"
        }
    }

    @Test func stepsAreAnsweredInTheirOrderAndOnce() throws {
        var script = try script(
            #"{"device":"board","input":"3e20"}"#,
            #"{"device":"board","operation":"command","code":7,"argument":"01","result":0,"reply":"0aff"}"#,
            #"{"device":"board","input":"61"}"#, #"{"device":"board","input":"62"}"#,
            #"{"device":"board","operation":"write","argument":"68","result":1}"#,
            #"{"device":"board","operation":"read","offset":512,"count":4,"result":-5}"#,
            #"{"device":"board","operation":"sync","result":0}"#)
        #expect(script.takeGreeting() == Array("> ".utf8) && script.takeGreeting().isEmpty)
        #expect(words(script.answer(command(8, [1]), .strict)) == "differs, line 3")
        #expect(words(script.answer(command(7, [2]), .strict)) == "differs, line 3")
        #expect(words(script.answer(command(7, [1]), .strict)) == "0 [10, 255] [97, 98]")
        #expect(words(script.answer(command(7, [1]), .strict)) == "differs, line 6")
        let write = ReplayScript.Request(.write, offset: .max, argument: Array("h".utf8))
        #expect(words(script.answer(write, .strict)) == "1 [] []")
        let read = ReplayScript.Request(.read, offset: 512, argument: [4, 0, 0, 0, 0, 0, 0, 0])
        #expect(words(script.answer(read, .strict)) == "-5 [] []")
        #expect(script.progress == (3, 4))
        #expect(words(script.answer(.init(.sync, offset: 0, argument: []), .strict)) == "0 [] []")
        #expect(words(script.answer(write, .strict)) == "differs, line none")
    }

    @Test func inAnyOrderTheLastOfManyStands() throws {
        var script = try script(
            #"{"device":"board","operation":"command","code":7,"result":0,"reply":"01"}"#,
            #"{"device":"board","operation":"command","code":9,"argument":"","result":3}"#,
            #"{"device":"board","operation":"command","code":7,"argument":"","result":0,"reply":"02"}"#)
        #expect(words(script.answer(command(9), .any)) == "3 [] []")
        #expect(words(script.answer(command(7, [5]), .any)) == "0 [1] []", "no argument in the file is any")
        #expect(words(script.answer(command(7), .any)) == "0 [2] []")
        #expect(words(script.answer(command(7), .any)) == "0 [2] []")
        #expect(words(script.answer(command(10), .any)).hasPrefix("differs"))
        #expect(script.progress == (3, 3))
    }

    @Test(arguments: [
        ("", "session.jsonl: it is empty"),
        ("{}", "session.jsonl:1: it is no recording"),
        (#"{"recording":"ringgate","version":2}"#, "session.jsonl:1: version 2 is not known"),
        (head + "\nnonsense", "session.jsonl:2: it is no step"),
        (head + "\n\n" + #"{"device":"a","operation":"poll","result":0}"#, ":3: `operation` must be"),
        (head + "\n" + #"{"device":"a","operation":"sync"}"#, ":2: `result` is missing"),
        (head + "\n" + #"{"device":"a","operation":"sync","result":0,"engine":"x"}"#, ":2: `engine` must be"),
        (head + "\n" + #"{"device":"a","operation":"command","result":0}"#, ":2: a command needs `code`"),
        (head + "\n" + #"{"device":"a","operation":"read","result":0}"#, ":2: a read needs `count`"),
        (head + "\n" + #"{"device":"a","input":"0"}"#, ":2: `input` must be an even number"),
        (head + "\n" + #"{"device":"a","input":"zz"}"#, ":2: `input` must be an even number"),
        (head + "\n" + #"{"device":"a","operation":"sync","input":""}"#, ":2: `input` stands alone"),
    ]) func whatIsWrongIsNamedWithItsLine(text: String, error: String) {
        #expect {
            _ = try Recording("session.jsonl", Array(text.utf8))
        } throws: { "\($0)".contains(error) }
    }

    @Test func aFileThatCannotBeReadIsNamed() {
        #expect { _ = try Recording.load("/nonexistent/x") } throws: {
            "\($0)" == "/nonexistent/x: it cannot be read"
        }
    }
}
