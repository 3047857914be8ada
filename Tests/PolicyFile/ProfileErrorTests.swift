import Foundation
import Testing

@testable import RingPolicyFile

/// One change to a good profile and everything it makes wrong.
struct BadProfile: CustomTestStringConvertible, Sendable {
    static let text = """
        name: demo
        summary: A device.
        commands:
          - name: DEMO_SET
            code: 0x4000
            engine: call
            effect: write
            argument:
              as: pointer
              direction: in
              size: 24
              fields:
                - {name: start, type: u64, at: 0}
                - {name: length, type: u32, at: 8}
                - {name: tag, type: bytes, at: 12, size: 4}
                - {name: delta, type: s64, at: 16}
              extents:
                range: {start: start, length: length}
            summary: Sets.
          - name: DEMO_GO
            code: 0x4001
            engine: ring
            effect: read
            summary: Goes.

        """
    let old: String
    let new: String
    let says: [String]

    init(_ old: String, _ new: String, _ says: String...) {
        self.old = old
        self.new = new
        self.says = says
    }

    var testDescription: String { new.isEmpty ? "without \(old)" : new }

    static func errors(_ text: String, file: String = "demo.yaml") -> [String] {
        var report = Report(file)
        var references: [ProfileReference] = []
        let profile = ProfileReader.read(SourceText(path: file, text: text), &references, &report)
        #expect((profile == nil) == !report.diagnostics.isEmpty)
        return report.diagnostics.sorted { ($0.line, $0.column) < ($1.line, $1.column) }.map(\.description)
    }
}

@Suite("Profiles that are refused")
struct ProfileErrorTests {
    @Test("The fixture itself is good")
    func good() { #expect(BadProfile.errors(BadProfile.text) == []) }

    @Test(
        "A capability is written as capabilities(7) does",
        arguments: ["sys_time", "CAP_sys_time", "[CAP_SYS_TIME]"]
    )
    func capability(_ value: String) {
        let text = BadProfile.text.replacingOccurrences(
            of: "summary: Goes.", with: "capability: \(value)\n    summary: Goes.")
        let errors = BadProfile.errors(text)
        #expect(
            errors.count == 1 && errors[0].hasSuffix("write it as capabilities(7) does, such as CAP_SYS_TIME")
        )
        #expect(BadProfile.errors(text.replacingOccurrences(of: value, with: "CAP_SYS_TIME")) == [])
    }

    @Test("A profile is called as its file")
    func fileName() {
        #expect(
            BadProfile.errors(BadProfile.text, file: "other.yaml") == [
                "other.yaml:1:7: profile `demo` is in a file called `other.yaml`; "
                    + "call the file `demo.yaml` or correct the name"
            ])
    }

    @Test(
        "Every error has its place",
        arguments: [
            BadProfile("summary: A device.\n", "", "1:1: a profile has no `summary`; add `summary: ...`"),
            BadProfile(
                "name: DEMO_GO", "name: DEMO_SET",
                "20:5: command `DEMO_SET` is described twice; remove one of the two"),
            BadProfile(
                "code: 0x4001", "code: 16384",
                "20:5: `DEMO_GO` has the code 0x4000 of `DEMO_SET`; "
                    + "a code means one command; correct or remove one of the two, or tell them apart by `when`"
            ),
            BadProfile(
                "code: 0x4001", "code: 0x100000000",
                "21:11: code is 0 to 4294967295, not 4294967296; choose a number in that range"),
            BadProfile(
                "engine: ring", "engine: uring",
                "22:13: `uring` is no engine; write one of: call, ring, ring-wide"),
            BadProfile(
                "effect: read", "effect: none",
                "23:13: `none` is no effect; write one of: read, write, destructive"),
            BadProfile(
                "as: pointer", "as: reference",
                "9:11: `reference` is no argument form; write one of: pointer, value, sqe-range, sqe-command, sqe-socket-option"
            ),
            BadProfile(
                "      direction: in\n", "", "9:7: an argument has no `direction`; add `direction: ...`"),
            BadProfile(
                "direction: in\n", "direction: input\n",
                "10:18: `input` is no direction; write one of: in, out, both"),
            BadProfile("      size: 24\n", "", "9:7: an argument has no `size`; add `size: ...`"),
            BadProfile(
                "size: 24", "size: 0", "11:13: size is 1 to 16384, not 0; choose a number in that range"),
            BadProfile(
                "size: 24", "size: 32KiB",
                "11:13: size is 1 to 16384, not 32768; choose a number in that range"),
            BadProfile(
                "type: u32", "type: u+8",
                "14:32: `u+8` is no field type; "
                    + "write one of: u8, s8, u16, s16, u32, s32, u64, s64, u16be, u32be, u64be, bytes, text, struct, pointer",
                "18:39: there is no number `length` beside it; known: delta, start"),
            BadProfile(", size: 4}", "}", "15:11: a field has no `size`; add `size: ...`"),
            BadProfile(
                "type: u32, at", "type: u32, size: 4, at",
                "14:37: a field has no key `size`; known: at, bits, count, equals, flags, gives, in, mask, name, range, "
                    + "redact, takes, ..."),
            BadProfile(
                "at: 16}", "at: 14}",
                "9:7: DEMO_SET: field `delta` overlaps the one before it; see the tables of docs/profiles.md"),
            BadProfile(
                "at: 16}", "at: 17}",
                "9:7: DEMO_SET: field `delta` lies outside the block; see the tables of docs/profiles.md"),
            BadProfile(
                "{name: delta", "{name: start",
                "9:7: DEMO_SET: two fields, blocks or extents have one name; see the tables of docs/profiles.md"
            ),
            BadProfile(
                "{start: start, length: length}", "{start: begin, length: length}",
                "18:24: there is no number `begin` beside it; known: delta, length, start"),
            BadProfile(
                "range: {start: start, length: length}", "[]",
                "18:9: extents are named in a mapping, not an empty list; "
                    + "write `range: {start: FIELD, length: FIELD}`"),
            BadProfile(
                "code: 0x4000\n    engine: call", "code: 0x4000\n    engine: ring",
                "9:7: DEMO_SET: a pointer needs the engine `call`; see the tables of docs/profiles.md"),
            BadProfile(
                "code: 0x4000\n", "code: 0x5412\n",
                "9:7: DEMO_SET: TIOCSTI is never allowed, so it cannot be described; "
                    + "see the tables of docs/profiles.md"),
            BadProfile(
                "as: pointer", "as: value",
                "9:7: DEMO_SET: a value is 8 bytes of input for the engine `call`; "
                    + "see the tables of docs/profiles.md"),
            BadProfile(
                "name: DEMO_GO", "name: 9GO",
                "20:11: `9GO` is no command name; use 1 to 64 of A-Z a-z 0-9 _, as in C"),
        ])
    func places(_ bad: BadProfile) throws {
        let parts = BadProfile.text.split(separator: bad.old, omittingEmptySubsequences: false)
        try #require(parts.count == 2, "the fixture has `\(bad.old)` \(parts.count - 1) times")
        #expect(BadProfile.errors(parts.joined(separator: bad.new)) == bad.says.map { "demo.yaml:\($0)" })
    }
}
