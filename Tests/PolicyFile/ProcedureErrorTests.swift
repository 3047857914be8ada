import Testing

@testable import RingPolicyFile

@Suite("What is wrong with procedures")
struct ProcedureErrorTests {
    @Test(
        "A procedure has a device, a summary, parameters and steps",
        arguments: [
            ProcedureSite(
                "    device: board\n",
                "",
                "8:5: procedure `press` has no `device`; add `device: ...`"),
            ProcedureSite(
                "device: board\n",
                "device: bord\n",
                "8:13: there is no device `bord`; did you mean `board`?"),
            ProcedureSite(
                "    summary: Presses.\n",
                "",
                "8:5: procedure `press` has no `summary`; add `summary: ...`"),
            ProcedureSite(
                "summary: Presses.",
                "summary: [a]",
                "9:14: summary is text, not a list; write it in quotes"),
            ProcedureSite(
                "    summary: Presses.\n",
                "    summary: Presses.\n    colour: red\n",
                "10:5: procedure `press` has no key `colour`; known: device, parameters, "
                    + "steps, summary"),
            ProcedureSite(
                "  press:\n",
                "  Press:\n",
                "7:3: `Press` is no procedure; use 1 to 64 of a-z 0-9 . _ - and start "
                    + "with a letter or digit",
                "25:15: there is no procedure `press`; none is defined"),
            ProcedureSite(
                "{type: u16, range: [1, 100]}",
                "{range: [1, 100]}",
                "11:13: parameter `rows` has no `type`; add `type: ...`"),
            ProcedureSite(
                "{type: u16, range: [1, 100]}",
                "{type: u16be}",
                "11:20: `u16be` is no parameter type; write one of: u8, u16, u32, u64, "
                    + "s8, s16, s32, s64"),
            ProcedureSite(
                "{type: u16, range: [1, 100]}",
                "{type: bytes}",
                "11:20: `bytes` is no parameter type; write one of: u8, u16, u32, u64, "
                    + "s8, s16, s32, s64"),
            ProcedureSite(
                "{type: u16, range: [1, 100]}",
                "{type: u16, bits: [0, 1]}",
                "11:25: parameter `rows` has no key `bits`; known: equals, flags, in, "
                    + "mask, range, type, values"),
            ProcedureSite(
                "{type: u16, range: [1, 100]}",
                "u16",
                "11:13: parameter `rows` is a mapping, not `u16`; write `key: value` pairs"),
            ProcedureSite(
                "{type: u16, range: [1, 100]}",
                "{type: u16, range: [1, 65536]}",
                "11:36: range is 0 to 65535, not 65536; choose a number in that range"),
            ProcedureSite(
                "{type: u16, range: [1, 100]}",
                "{type: u16, range: [1, 9], mask: 0x10}",
                "14:9: parameter `rows` can have no value; correct its tests"),
            ProcedureSite(
                "rows: {type: u16, range: [1, 100]}",
                "\"1\": {type: u16}",
                "11:7: `1` is no parameter; use 1 to 64 of A-Z a-z 0-9 _, as in C"),
        ])
    func procedures(_ site: ProcedureSite) throws { try site.check() }

    @Test(
        "A step does one thing",
        arguments: [
            ProcedureSite(
                "{wait: 50ms}",
                "{wait: 50ms, on: board}",
                "17:9: a step does one thing; write {on: FILE, use: COMMAND, with: "
                    + "{...}}, {on: FILE, write: TEXT} or {wait: 500ms}"),
            ProcedureSite(
                "{wait: 50ms}",
                "{wait: 50ms, as: x}",
                "17:9: a step does one thing; write {on: FILE, use: COMMAND, with: "
                    + "{...}}, {on: FILE, write: TEXT} or {wait: 500ms}"),
            ProcedureSite(
                "{wait: 50ms}",
                "{on: board}",
                "17:9: a step does one thing; write {on: FILE, use: COMMAND, with: "
                    + "{...}}, {on: FILE, write: TEXT} or {wait: 500ms}"),
            ProcedureSite(
                "{wait: 50ms}",
                "{on: board, use: TIOCGWINSZ, write: hi}",
                "17:9: a step does one thing; write {on: FILE, use: COMMAND, with: "
                    + "{...}}, {on: FILE, write: TEXT} or {wait: 500ms}"),
            ProcedureSite(
                "{wait: 50ms}",
                "{on: board, write: hi, with: {a: 1}}",
                "17:9: a step does one thing; write {on: FILE, use: COMMAND, with: "
                    + "{...}}, {on: FILE, write: TEXT} or {wait: 500ms}"),
            ProcedureSite(
                "{wait: 50ms}",
                "{use: TIOCGWINSZ}",
                "17:9: a step does one thing; write {on: FILE, use: COMMAND, with: "
                    + "{...}}, {on: FILE, write: TEXT} or {wait: 500ms}"),
            ProcedureSite(
                "{wait: 50ms}",
                "wait",
                "17:9: a step is a mapping, not `wait`; write `key: value` pairs"),
            ProcedureSite(
                "{wait: 50ms}",
                "{sleep: 50ms}",
                "17:9: a step does one thing; write {on: FILE, use: COMMAND, with: "
                    + "{...}}, {on: FILE, write: TEXT} or {wait: 500ms}",
                "17:10: a step has no key `sleep`; known: as, on, use, wait, with, write"),
        ])
    func oneThing(_ site: ProcedureSite) throws { try site.check() }

    @Test(
        "A step's file is a device or one that an earlier step gave",
        arguments: [
            ProcedureSite(
                "{on: wires, use: BUS_SET",
                "{on: wire, use: BUS_SET",
                "16:14: there is no device or given file `wire`; did you mean `wires`?"),
            ProcedureSite(
                "{on: led, use: LINE_SET",
                "{on: lamp, use: LINE_SET",
                "15:14: there is no device or given file `lamp`; known: board, led, wires"),
            ProcedureSite(
                "{on: led, use: LINE_SET",
                "{on: [led], use: LINE_SET",
                "15:14: a file is text, not a list; use 1 to 64 of a-z 0-9 . _ - and "
                    + "start with a letter or digit"),
            ProcedureSite(
                "use: BUS_OPEN_LINE, as: led",
                "use: BUS_OPEN_LINE",
                "14:26: BUS_OPEN_LINE gives a file of profile `line`; name it for later "
                    + "steps: `as: NAME`",
                "15:14: there is no device or given file `led`; known: board, wires"),
            ProcedureSite(
                "as: led}",
                "as: board}",
                "14:45: there is another file `board`; choose another name",
                "15:14: there is no device or given file `led`; known: board, wires"),
            ProcedureSite(
                "as: led}",
                "as: LED}",
                "14:45: `LED` is no file; use 1 to 64 of a-z 0-9 . _ - and start with a "
                    + "letter or digit",
                "15:14: there is no device or given file `led`; known: board, wires"),
            ProcedureSite(
                "{wait: 50ms}",
                "{on: wires, use: BUS_OPEN_LINE, as: led}",
                "17:45: there is another file `led`; choose another name"),
            ProcedureSite(
                "{wait: 50ms}",
                "{on: wires, use: BUS_PING, as: ping}",
                "17:40: BUS_PING gives no file; remove `as`"),
            ProcedureSite(
                "{on: board, write: \"hi\\r\\n\"}",
                "{on: wires, write: hi}",
                "20:14: device `wires` is opened read-only, so it cannot be written; open "
                    + "it read-write or remove the step"),
            ProcedureSite(
                "write: \"hi\\r\\n\"",
                "write: \"\"",
                "20:28: `write` is text of 1 to 512 bytes, not ``; write it in double "
                    + "quotes, with \\r\\n where lines end"),
            ProcedureSite(
                "write: \"hi\\r\\n\"",
                "write: [1]",
                "20:28: `write` is text of 1 to 512 bytes, not a list; write it in double "
                    + "quotes, with \\r\\n where lines end"),
            ProcedureSite(
                "write: \"hi\\r\\n\"",
                "write: \"\(String(repeating: "x", count: 513))\"",
                "20:28: `write` is text of 1 to 512 bytes, not "
                    + "`xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx`; write it in double quotes, "
                    + "with \\r\\n where lines end"),
            ProcedureSite(
                "{on: board, write: \"hi\\r\\n\"}",
                "{on: bord, write: hi}",
                "20:14: there is no device or given file `bord`; did you mean `board`?"),
        ])
    func files(_ site: ProcedureSite) throws { try site.check() }

    @Test(
        "A command is one of the file's profile, with values that fit",
        arguments: [
            ProcedureSite(
                "use: TIOCSWINSZ",
                "use: TIOCSWINSX",
                "19:26: profile `tty` has no command `TIOCSWINSX`; did you mean `TIOCSWINSZ`?"),
            ProcedureSite(
                "use: TIOCSWINSZ",
                "use: [TIOCSWINSZ]",
                "19:26: a command is text, not a list; use 1 to 64 of A-Z a-z 0-9 _, as in C"),
            ProcedureSite(
                "ws_row: $rows",
                "ws_row: $row",
                "19:53: procedure `press` has no parameter `row`; did you mean `rows`?"),
            ProcedureSite(
                "ws_row: $rows",
                "ws_rows: $rows",
                "19:9: the step would be refused: no field ws_rows in the argument; did "
                    + "you mean ws_row? there are: ws_row, ws_col (with rows = 1, level = -3); "
                    + "correct its `with`"),
            ProcedureSite(
                "ws_row: $rows",
                "ws_row: 70000",
                "19:9: the step would be refused: ws_row: 70000 is out of range, 0 to "
                    + "65535 (with rows = 1, level = -3); correct its `with`"),
            ProcedureSite(
                "ws_row: $rows",
                "ws_row: [1]",
                "19:53: a value is a number, a name or text; write {FIELD: VALUE}"),
            ProcedureSite(
                "with: {bits: 1}",
                "with: [1]",
                "15:40: `with` is a mapping of values, not a list; write {FIELD: VALUE, ...}"),
            ProcedureSite(
                "level: $level",
                "level: $rows",
                "16:9: the step would be refused: BUS_SET needs level in -10..10 (with "
                    + "rows = 100, level = 4); correct its `with`"),
            ProcedureSite(
                "level: $level",
                "mode: TURBO",
                "16:9: the step would be refused: BUS_SET needs mode in [SLOW, FAST] "
                    + "(with rows = 1, level = -3); correct its `with`"),
            ProcedureSite(
                "level: $level",
                "level: 11",
                "16:9: the step would be refused: BUS_SET needs level in -10..10 (with "
                    + "rows = 1, level = -3); correct its `with`"),
        ])
    func commands(_ site: ProcedureSite) throws { try site.check() }

    @Test(
        "A wait is bounded",
        arguments: [
            ProcedureSite(
                "{wait: 50ms}",
                "{wait: 0ms}",
                "17:16: `0ms` is no wait; write a time such as 500ms, 2s, 5min or 1h, "
                    + "1ms to 24h"),
            ProcedureSite(
                "{wait: 50ms}",
                "{wait: 50}",
                "17:16: `50` is no wait; write a time such as 500ms, 2s, 5min or 1h, "
                    + "1ms to 24h"),
            ProcedureSite(
                "{wait: 50ms}",
                "{wait: 61min}",
                "17:16: a step may wait 3600 s, and this one up to 3660 s; wait less, or "
                    + "give the parameter a smaller `range`"),
            ProcedureSite(
                "$rows ms",
                "$rows",
                "18:16: `$rows` is no wait; write 500ms, \"$NAME ms\" or \"$NAME s\""),
            ProcedureSite(
                "$rows ms",
                "$rows min",
                "18:16: `$rows min` is no wait; write 500ms, \"$NAME ms\" or \"$NAME s\""),
            ProcedureSite(
                "$rows ms",
                "$row ms",
                "18:16: procedure `press` has no parameter `row`; did you mean `rows`?"),
            ProcedureSite(
                "{type: u16, range: [1, 100]}",
                "{type: u32}",
                "18:16: a step may wait 3600 s, and this one up to 4294967 s; wait less, "
                    + "or give the parameter a smaller `range`"),
        ])
    func waits(_ site: ProcedureSite) throws { try site.check() }

    @Test(
        "A rule names procedures that are there, with conditions on their parameters",
        arguments: [
            ProcedureSite(
                "{use: press, where",
                "{use: pres, where",
                "25:15: there is no procedure `pres`; did you mean `press`?"),
            ProcedureSite(
                "where: {rows:",
                "where: {row:",
                "25:30: press has no field or extent `row`; did you mean `rows`?"),
            ProcedureSite(
                "{use: press, where: {rows: {range: [1, 50]}}}",
                "{use: press}",
                "25:9: a procedure has no `where`; add `where: ...`"),
            ProcedureSite(
                "\n      - {use: press, where: {rows: {range: [1, 50]}}}",
                " press",
                "24:17: procedures is a list, not `press`; write [...] or lines that start with `- `"),
            ProcedureSite(
                "{use: press, where: {rows: {range: [1, 50]}}}",
                "[press]",
                "25:9: a procedure is text, not a list; use 1 to 64 of a-z 0-9 . _ - and "
                    + "start with a letter or digit"),
            ProcedureSite(
                "    procedures:\n",
                "    devices: [\"@gateway\"]\n    procedures:\n",
                "26:7: `@gateway` stands alone in a rule; write a rule of its own for the procedures"),
        ])
    func rules(_ site: ProcedureSite) throws { try site.check() }

    // MARK: Too many

    private func errors(_ procedures: String) -> [String] {
        let text = SiteFixture.emptyText + "procedures:\n" + procedures
        return SiteFixture.errors(text)
    }

    @Test("Numbers of procedures, parameters and steps are bounded")
    func bounds() {
        let ping = "{on: \"null\", use: NULL_URING_CMD}"
        let many = (0..<257).map { "  p\($0): {device: \"null\", summary: S., steps: [\(ping)]}\n" }.joined()
        #expect(
            errors(many) == [
                "site.yaml:262:9: device `null` has more than 256 procedures; remove what is not used"
            ])
        let parameters = (0..<33).map { "p\($0): {type: u8}" }.joined(separator: ", ")
        let steps = [String](repeating: ping, count: 257).joined(separator: ", ")
        let values = (0..<257).map { "v\($0): 1" }.joined(separator: ", ")
        let start = "  p: {device: \"null\", summary: S."
        for (rest, says) in [
            (
                "parameters: {\(parameters)}, steps: [\(ping)]",
                "6:48: `parameters` has 33 names; at most 32; use fewer"
            ),
            (
                "parameters: {}, steps: [\(ping)]",
                "6:48: `parameters` is a mapping, not an empty mapping; write {NAME: {type: u8, range: "
                    + "[1, 10]}}, or leave it out"
            ),
            ("steps: [\(steps)]", "6:43: steps has 257 items; at most 256; use fewer"),
            ("steps: []", "6:43: steps is an empty list; fill it in or remove it"),
            (
                "steps: [{on: \"null\", use: NULL_URING_CMD, with: {\(values)}}]",
                "6:84: `with` has 257 values; at most 256; use fewer"
            ),
        ] { #expect(errors("\(start), \(rest)}\n") == ["site.yaml:\(says)"]) }
        #expect(
            errors("\(start)}\n") == ["site.yaml:6:6: procedure `p` has no `steps`; add `steps: ...`"])
    }

    @Test("A procedure has no name of a command of its device")
    func clash() throws {
        let profile = """
            name: small
            summary: A device with commands in small letters.
            commands:
              - {name: ping, code: 0x4407, engine: call, effect: read, summary: Answers.}

            """
        let text = """
            version: 1
            principals: {agent: {uri: "ringgate://farm.example/agent/*"}}
            devices: {d: {path: /dev/d, profile: small}}
            procedures:
              ping: {device: d, summary: S., steps: [{on: d, use: ping}]}
            rules: [{id: r, principals: [agent], procedures: [ping]}]

            """
        do throws(PolicyErrors) {
            _ = try PolicyLoader.load(
                SourceText(path: "site.yaml", text: text),
                profiles: [SourceText(path: "profiles/small.yaml", text: profile)])
            Issue.record("it loads")
        } catch {
            #expect(
                error.diagnostics.map(\.description) == [
                    "site.yaml:5:9: profile `small` has `ping` under this name or code; choose another name"
                ])
        }
    }
}
