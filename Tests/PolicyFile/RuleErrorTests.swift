import Testing

@Suite("Rules")
struct RuleErrorTests {
    @Test(
        "A rule says something, once",
        arguments: [
            BadSite(
                "id: use-disk",
                "id: use-board",
                "19:9: rule id `use-board` is used twice, first on line 11; choose another id"),
            BadSite(
                "[agent, key]",
                "[agent, agent]",
                "20:25: principal `agent` is named twice in one rule; remove one of the two"),
            BadSite(
                "devices: [disk]",
                "devices: [disk, disk]",
                "21:21: device `disk` is named twice in one rule; remove one of the two"),
            BadSite(
                "    commands:\n"
                    + "      - {use: BLOCK_URING_CMD_DISCARD, where: {range: {window: [1MiB, 2MiB]}}}\n",
                "    commands: []\n",
                "19:5: the rule allows nothing; add `commands`, `destructive`, `read`, `write` or `procedures`"
            ),
            BadSite(
                "    commands:\n"
                    + "      - {use: BLOCK_URING_CMD_DISCARD, where: {range: {window: [1MiB, 2MiB]}}}\n",
                "",
                "19:5: the rule allows nothing; add `commands`, `destructive`, `read`, `write` or `procedures`"
            ),
            BadSite(
                "- TIOCGWINSZ",
                "- TIOCSWINSZ",
                "16:15: command `TIOCSWINSZ` is named twice, and once without conditions; keep the "
                    + "one that says what you mean"),
            BadSite(
                "- TIOCGWINSZ\n",
                "- TIOCGWINSZ\n      - TIOCGWINSZ\n",
                "16:9: command `TIOCGWINSZ` is named twice, and once without conditions; keep the "
                    + "one that says what you mean"),
            BadSite(
                "- TIOCGWINSZ",
                "- {use: TIOCGWINSZ}",
                "15:9: a command has no `where`; add `where: ...`"),
            BadSite(
                "- TIOCGWINSZ",
                "- [TIOCGWINSZ]",
                "15:9: a command is text, not a list; use 1 to 64 of A-Z a-z 0-9 _, as in C"),
            BadSite(
                "devices: [disk]",
                "devices: [disk, board]",
                "23:15: profile `tty` has no command `BLOCK_URING_CMD_DISCARD`; known: TCSETSW2, "
                    + "TIOCGWINSZ, TIOCSWINSZ"),
        ])
    func rules(_ site: BadSite) throws { try site.check() }

    @Test(
        "Reading and writing need bounds that hold something, on a file opened for it",
        arguments: [
            BadSite(
                "read: {max-length: 4KiB}",
                "read: false",
                "17:11: `read` is `true` or a mapping of bounds, not `false`; write `true`, or leave "
                    + "`read` out to forbid it"),
            BadSite(
                "read: {max-length: 4KiB}",
                "read: yes",
                "17:11: `read` is `true` or a mapping of bounds, not `yes`; write `true`, or leave "
                    + "`read` out to forbid it"),
            BadSite(
                "read: {max-length: 4KiB}",
                "read: \"true\"",
                "17:11: `read` is a mapping, not `true`; write `key: value` pairs"),
            BadSite(
                "read: {max-length: 4KiB}",
                "read: {}",
                "17:11: `read` is empty; fill it in or remove it"),
            BadSite(
                "read: {max-length: 4KiB}",
                "read: {max-length: 0}",
                "17:24: max-length is 1 to 1048576, not 0; choose a number in that range"),
            BadSite(
                "read: {max-length: 4KiB}",
                "read: {length: 1}",
                "17:12: `read` has no key `length`; known: max-length, window"),
            BadSite(
                "window: [1MiB, 2MiB]}\n",
                "window: [2MiB, 2MiB]}\n",
                "18:39: window [2097152, 2097152) holds no position; write [first, end] with first < "
                    + "end"),
            BadSite(
                "window: [1MiB, 2MiB]}\n",
                "window: [1MiB]}\n",
                "18:39: window has two numbers, not 1; write [first, last]"),
            BadSite(
                "window: [1MiB, 2MiB]}\n",
                "window: [0, 0x10000000000000000]}\n",
                "18:43: `0x10000000000000000` is no number; write decimal without leading zeros, 0x "
                    + "hexadecimal or 4KiB, up to 64 bits"),
            BadSite(
                "profile: tty, open: read-write",
                "profile: tty, open: write-only",
                "17:11: device `board` is opened write-only, so it cannot be read; open it "
                    + "read-write or remove `read`"),
            BadSite(
                "profile: tty, open: read-write",
                "profile: tty",
                "18:12: device `board` is opened read-only, so it cannot be written; open it "
                    + "read-write or remove `write`"),
        ])
    func transfers(_ site: BadSite) throws { try site.check() }

    @Test(
        "A condition is one test that some value passes and the field can hold",
        arguments: [
            BadSite(
                "{range: [1, 200]}",
                "{range: [200, 1]}",
                "16:51: range 200 to 1 holds no number; write the lower one first"),
            BadSite(
                "{range: [1, 200]}",
                "{range: [1, 65536]}",
                "16:55: range is 0 to 65535, not 65536; choose a number in that range"),
            BadSite(
                "{range: [1, 200]}",
                "{range: [1, 2, 3]}",
                "16:51: range has two numbers, not 3; write [first, last]"),
            BadSite(
                "{range: [1, 200]}",
                "{equals: -1}",
                "16:52: ws_row is 0 to 65535, not -1; choose a number in that range"),
            BadSite(
                "{range: [1, 200]}",
                "{equals: [1]}",
                "16:52: ws_row is a number, not a list; write a number such as 512, 0x200 or 4KiB"),
            BadSite(
                "{range: [1, 200]}",
                "{in: []}",
                "16:48: in is an empty list; fill it in or remove it"),
            BadSite(
                "{range: [1, 200]}",
                "{in: [1, 1]}",
                "16:52: 1 is listed twice; remove one of the two"),
            BadSite(
                "{range: [1, 200]}",
                "{in: 1}",
                "16:48: in is a list, not `1`; write [...] or lines that start with `- `"),
            BadSite(
                "{range: [1, 200]}",
                "{mask: 0x10000}",
                "16:50: mask is 0 to 65535, not 65536; choose a number in that range"),
            BadSite(
                "{range: [1, 200]}",
                "{window: [1, 2]}",
                "16:44: `ws_row` is a field, which has no test `window`; write one of: equals, in, "
                    + "range, mask"),
            BadSite(
                "{range: [1, 200]}",
                "{below: 5}",
                "16:44: `ws_row` is a field, which has no test `below`; write one of: equals, in, "
                    + "range, mask"),
            BadSite(
                "{range: [1, 200]}",
                "{equals: 1, mask: 1}",
                "16:43: the condition on `ws_row` is not one test; write one of: {equals: N}, {in: "
                    + "[N, ...]}, {range: [first, last]}, {mask: BITS}, {window: [first, end]}, "
                    + "{max-length: N}"),
            BadSite(
                "{range: [1, 200]}",
                "5",
                "16:43: the condition on `ws_row` is not one test; write one of: {equals: N}, {in: "
                    + "[N, ...]}, {range: [first, last]}, {mask: BITS}, {window: [first, end]}, "
                    + "{max-length: N}"),
            BadSite(
                "where: {ws_row: {range: [1, 200]}}",
                "where: {}",
                "16:34: `where` is a mapping of conditions, not an empty mapping; write {FIELD: "
                    + "{equals: N}}, or name the command without `where`"),
            BadSite(
                "where: {ws_row: {range: [1, 200]}}",
                "where: ws_row",
                "16:34: `where` is a mapping of conditions, not `ws_row`; write {FIELD: {equals: "
                    + "N}}, or name the command without `where`"),
            BadSite(
                "- TIOCGWINSZ",
                "- {use: TIOCGWINSZ, where: {ws_row: {equals: 1}}}",
                "15:34: TIOCGWINSZ takes no argument that could be tested; name the command without "
                    + "`where`"),
            BadSite(
                "- TIOCGWINSZ",
                "- {use: TCSETSW2, where: {c_cc: {equals: 1}}}",
                "15:40: `c_cc` is bytes, which has no test `equals`; remove the condition"),
            BadSite(
                "{range: {window: [1MiB, 2MiB]}}",
                "{range: {range: [1MiB, 2MiB]}}",
                "23:56: `range` is an extent, which has no test `range`; write {window: [first, end]}"),
            BadSite(
                "{range: {window: [1MiB, 2MiB]}}",
                "{range: {window: [2MiB, 1MiB]}}",
                "23:64: window [2097152, 1048576) holds no position; write [first, end] with first < "
                    + "end"),
        ])
    func conditions(_ site: BadSite) throws { try site.check() }
}
