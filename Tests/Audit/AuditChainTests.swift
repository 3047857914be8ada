import Foundation
import Testing

@testable import RingAudit

/// Records, their lines, and how these are chained.
@Suite struct AuditChainTests {
    private func record(_ text: String) -> AuditRecord {
        var record = AuditRecord(.denied, time: 1_700_000_000_123_456_789)
        record.add("text", text)
        return record
    }

    @Test("A line is what docs/audit.md says, byte by byte")
    func line() {
        var chain = AuditChain()
        let line = String(decoding: chain.seal(record("no")), as: UTF8.self)
        let body = #"{"seq":1,"time":"2023-11-14T22:13:20.123456789Z","type":"denied","text":"no""#
        // printf '%s' "$body" | (head -c 32 /dev/zero; cat) | sha256sum
        #expect(line == body + #","hash":"\#(Hexadecimal.text(chain.head))"}"# + "\n")
        #expect(
            Digest.sha256([UInt8](repeating: 0, count: 32), Array(body.utf8)) == chain.head
                && chain.sequence == 1)
        let second = chain.seal(record("no"))
        #expect(
            AuditChain(sequence: 1, head: Digest.sha256([UInt8](repeating: 0, count: 32), Array(body.utf8)))
                .following(second[...]) == chain)
    }

    @Test(
        "Whatever somebody calls himself stays inside its string, and the record one line",
        arguments: [
            "\"", "\\", "a\nb", "\u{0}\u{1f}\u{7f}", "ü\u{1F512}", "\",\"type\":\"checkpoint\",\"x\":\"",
        ])
    func escaping(text: String) throws {
        var chain = AuditChain()
        let line = chain.seal(record(text))
        let object = try #require(JSONSerialization.jsonObject(with: Data(line)) as? [String: Any])
        #expect(object["text"] as? String == text)
        #expect(line.count { $0 == 10 } == 1 && line.allSatisfy { $0 >= 0x20 || $0 == 10 })
        #expect(AuditMembers(line[...])?.kind == .denied)
        #expect(AuditMembers(line[...])?.text("x") == nil)
    }

    @Test("Members of every kind are JSON")
    func members() throws {
        var inner = AuditRecord()
        inner.add("n", -5)
        inner.add("arguments", [(name: "a[0]", value: Int128(1) << 64), (name: "b", value: -1)])
        var record = AuditRecord(.intent, time: 0)
        record.add("commands", [inner, inner])
        record.add("none", [AuditRecord]())
        record.add("ran", true)
        var chain = AuditChain()
        let line = String(decoding: chain.seal(record), as: UTF8.self)
        #expect(
            line.hasPrefix(
                #"{"seq":1,"time":"1970-01-01T00:00:00.000000000Z","type":"intent","commands":[{"n":-5,"arguments":"#
                    + #"{"a[0]":18446744073709551616,"b":-1}},{"n":-5,"arguments":{"a[0]":18446744073709551616,"b":-1}}"#
                    + #"],"none":[],"ran":true,"hash":""#))
    }

    @Test("Times are those of the C library, over four centuries")
    func times() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let seconds = UInt64.random(in: 0..<13_000_000_000, using: &random)
            var time = time_t(seconds)
            var parts = tm()
            gmtime_r(&time, &parts)
            var buffer = [CChar](repeating: 0, count: 64)
            strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%S", &parts)
            let expected = String(
                decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            #expect(UTCTime.text(nanoseconds: seconds * 1_000_000_000 + 7) == expected + ".000000007Z")
        }
    }

    @Test("What is no line of a log is none")
    func strangers() {
        var chain = AuditChain()
        let line = chain.seal(record("no"))
        let text = String(decoding: line, as: UTF8.self)
        let others = [
            "", "\n", "{}\n", String(text.dropLast()), text.uppercased(),
            text.replacing("\"seq\":1", with: "\"seq\":01"),
            text.replacing("\"seq\":1", with: "\"seq\":+1"), text.replacing("\"seq\":1", with: "\"seq\": 1"),
            " " + text,
            text.replacing(",\"hash\"", with: ", \"hash\""), text.replacing("\"seq\":1", with: "\"seq\":2"),
        ]
        for other in others { #expect(AuditChain().following(Array(other.utf8)[...]) == nil, "\(other)") }
        #expect(AuditChain().following(line[...]) == chain)
    }

    @Test func hexadecimal() {
        #expect(Hexadecimal.text([0, 0x1f, 0xa0, 0xff]) == "001fa0ff")
        #expect(Hexadecimal.bytes("001fa0ff") == [0, 0x1f, 0xa0, 0xff])
        for text in ["0", "0G", "0A", "é0"] { #expect(Hexadecimal.bytes(text) == nil) }
    }
}
