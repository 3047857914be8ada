import Foundation
import TestSupport
import Testing

/// `ringctl console --pty`: programs that know serial lines only talk with a board from afar.
@Suite(.timeLimit(.minutes(5))) struct LinkedTerminalTests {
    private static let console = "ringctl console board --cert agent.crt --key agent.key --pty"

    private func site() throws -> TranscriptSite {
        let site = try TranscriptSite()
        _ = try site.shell("export RINGGATE_HOST=127.0.0.1:7450 RINGGATE_CA=ca.crt")
        return site
    }

    @Test func aProgramTalksWithTheBoardAndTheLinkGoesInTheEnd() throws {
        let run = try site().shell(
            """
            \(Self.console) line & console=$!
            until [ -e line ]; do kill -0 $console || exit 9; sleep 0.05; done
            stty -F line | grep -q -- -icanon && echo raw
            for turn in 1 2; do
                exec 3<>line; echo version >&3; timeout 10 grep -m1 -o 'ringlab board' <&3; exec 3>&-
            done
            kill $console; wait $console; echo "ended $?"
            [ -L line ] || echo "no link"
            """)
        let lines = run.output.split(separator: "\n").map(String.init)
        #expect(lines.count { $0 == "ringlab board" } == 2, "\(run.output)")
        for line in ["raw", "ended 143", "no link"] { #expect(lines.contains(line), "\(run.output)") }
    }

    @Test func onlyAStaleLinkIsReplaced() throws {
        let run = try site().shell(
            """
            echo mine > file; \(Self.console) file --for 1; echo "file: $?"; cat file
            ln -s /dev/pts/999999 stale; \(Self.console) stale --for 1; echo "stale: $?"
            """)
        for words in ["file: 2", "File exists", "mine", "stale: 0"] {
            #expect(run.output.contains(words), "\(run.output)")
        }
    }
}
