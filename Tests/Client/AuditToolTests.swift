import Foundation
import TestSupport
import Testing

/// `ringctl audit` on a log that a test has written: what it prints, and how it ends.
@Suite(.timeLimit(.minutes(5))) struct AuditToolTests {
    private let directory: TemporaryDirectory

    init() throws {
        directory = try TemporaryDirectory()
        let lines = [
            #"{"seq":1,"time":"2026-11-29T10:00:00.000000001Z","type":"session","session":7,"#
                + #""identity":"ringgate://lab/\u001b[31magent","peer":"127.0.0.1:5","principals":"agent","hash":"01"}"#,
            #"{"seq":2,"time":"2026-11-29T10:00:01.000000000Z","type":"intent","session":7,"identity":"ringgate://lab/a","#
                + #""commands":[{"request":3,"operation":"command","device":"relay","slot":0,"command":"SET","code":8,"#
                + #""effect":"write","rule":"r","arguments":{"mask":18446744073709551615,"value":-1},"bytes":16},"#
                + #"{"request":4,"operation":"write","device":"board","slot":1,"effect":"write","rule":"w","bytes":9}],"#
                + #""hash":"02"}"#,
            #"{"seq":3,"time":"2026-11-29T10:00:02.000000000Z","type":"result","session":7,"identity":"=cmd()","#
                + #""request":3,"device":"relay","command":"SET","result":-5,"ran":true,"nanoseconds":900,"hash":"03"}"#,
            #"{"seq":4,"time":"2026-11-29T1"#,
        ]
        try lines.joined(separator: "\n").write(
            toFile: directory.path + "/audit-0000000000000001.jsonl", atomically: true, encoding: .utf8)
    }

    private func audit(_ words: String...) async throws -> ToolRun {
        try await ToolRun.ringctl(["audit", words[0], directory.path] + words.dropFirst(), port: 1)
    }

    @Test func recordsAreLinesForPeople() async throws {
        let run = try await audit("query")
        let expected = [
            #"1 2026-11-29T10:00:00.000000001Z session ringgate://lab/\u{1b}[31magent (7): from 127.0.0.1:5 as agent"#,
            "2 2026-11-29T10:00:01.000000000Z intent ringgate://lab/a (7): "
                + "#3 relay SET mask=18446744073709551615 value=-1 (rule r) + #4 board write 9 bytes (rule w)",
            "3 2026-11-29T10:00:02.000000000Z result =cmd() (7): #3 relay SET: result -5, 900 ns",
        ]
        #expect(run.output == expected.joined(separator: "\n") + "\n" && run.status == 0, "\(run.output)")
    }

    @Test(
        "Only what is meant is shown",
        arguments: [
            (["--device", "board"], [2]), (["--device", "relay"], [2, 3]), (["--type", "result"], [3]),
            (["--type", "result", "--type", "session"], [1, 3]), (["--identity", "lab"], [1, 2]),
            (["--request", "4"], [2]), (["--session", "8"], []),
            (["--since", "2026-11-29T10:00:01"], [2, 3]),
            (["--until", "2026-11-29T10:00:01Z"], [1]), (["--since", "2027"], []),
        ] as [([String], [Int])])
    func filters(words: [String], numbers: [Int]) async throws {
        let run = try await ToolRun.ringctl(["audit", "query", directory.path] + words, port: 1)
        #expect(
            run.output.split(separator: "\n").compactMap {
                $0.split(separator: " ").first.flatMap { Int($0) }
            } == numbers)
        #expect(run.status == (numbers.isEmpty ? 1 : 0))
    }

    @Test func tablesAreSafeToOpen() async throws {
        let run = try await audit("export")
        let rows = run.output.components(separatedBy: "\r\n")
        #expect(rows.count == 6 && rows[0].hasPrefix("seq,time,type,session,identity,request,device"))
        #expect(rows[1].contains(#"ringgate://lab/\u{1b}[31magent"#) && !run.output.contains("\u{1b}"))
        #expect(rows[2].hasSuffix(#"3,relay,command,SET,8,write,r,"mask=18446744073709551615 value=-1",,,,"#))
        #expect(rows[4].contains(#""'=cmd()""#))
    }

    @Test func headAndTail() async throws {
        #expect(try await audit("head").output == "3:03\n")
        #expect(try await audit("tail", "-n", "1").output.hasPrefix("3 "))
        let json = try await audit("tail", "-n", "2", "-o", "json")
        #expect(json.output.split(separator: "\n").allSatisfy { $0.hasPrefix(#"{"seq":"#) })
    }

    @Test func wrongUseSaysWhatIsRight() async throws {
        let type = try await audit("query", "--type", "nonsense")
        #expect(type.status == 2 && type.complaint.contains("the types are begin, end, file"))
        let time = try await audit("query", "--since", "yesterday")
        #expect(time.status == 2 && time.complaint.contains("2026-11-29T10:00:00"))
        let none = try await ToolRun.ringctl(["audit", "query", "/nonexistent"], port: 1)
        #expect(none.status == 2 && none.complaint.contains("/nonexistent"))
        let empty = try TemporaryDirectory()
        let nothing = try await ToolRun.ringctl(["audit", "tail", empty.path], port: 1)
        #expect(nothing.status == 2 && nothing.complaint.contains("there is no audit log"))
        // Without the gateway's key nothing can be said about signatures.
        let key = try await audit("verify")
        #expect(key.status == 2 && key.complaint.contains("key.pub.pem"))
    }
}
