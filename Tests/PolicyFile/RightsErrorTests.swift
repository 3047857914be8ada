import Testing

@Suite("Guarded commands, handles, nevers and the gateway")
struct RightsErrorTests {
    @Test(
        "A guarded command stands under `destructive`, any other under `commands`",
        arguments: [
            BadLanguage(
                "      - BUS_OPEN_LINE\n    destructive:\n",
                "      - BUS_OPEN_LINE\n",
                "41:15: `BUS_ERASE` is guarded: it may lose data or harm the device; name it "
                    + "under `destructive` if that is meant"),
            BadLanguage(
                "    destructive:\n",
                "    destructive:\n      - BUS_PING\n",
                "42:9: `BUS_PING` is not guarded; name it under `commands`"),
            BadLanguage(
                "    destructive:\n",
                "    destructive:\n      - BUS_ERASE\n",
                "43:15: command `BUS_ERASE` is named twice, and once without conditions; keep "
                    + "the one that says what you mean"),
            BadLanguage(
                "commands: [LINE_SET, LINE_SPLIT]",
                "commands: [LINE_BURN, LINE_SPLIT]",
                "45:20: `LINE_BURN` is guarded: it may lose data or harm the device; name it "
                    + "under `destructive` if that is meant",
                "46:23: command `LINE_BURN` is named twice, and once without conditions; keep "
                    + "the one that says what you mean"),
        ])
    func guarded(_ site: BadLanguage) throws { try site.check() }

    @Test(
        "A handle is one that a command of the rule gives",
        arguments: [
            BadLanguage(
                "      - BUS_OPEN_LINE\n",
                "",
                "43:7: no command that the rule names gives files of profile `line`; none is "
                    + "defined"),
            BadLanguage(
                "      line:\n",
                "      lime:\n",
                "44:7: there is no profile `lime`; did you mean `line`?"),
            BadLanguage(
                "      line:\n",
                "      block:\n",
                "44:7: no command that the rule names gives files of profile `block`; known: "
                    + "line"),
            BadLanguage(
                "{line: {commands: [LINE_SET]}}",
                "{line: {}}",
                "48:25: handle `line` is empty; fill it in or remove it"),
            BadLanguage(
                "{line: {commands: [LINE_SET]}}",
                "{line: {commands: []}}",
                "48:25: handle `line` says nothing; add `commands`, or remove it"),
            BadLanguage(
                "{line: {commands: [LINE_SET]}}",
                "[line]",
                "48:18: `handles` is a mapping, not a list; write {PROFILE: {...}}"),
            BadLanguage(
                "{line: {commands: [LINE_SET]}}",
                "{line: {commands: [BUS_SET]}}",
                "48:37: profile `line` has no command `BUS_SET`; known: LINE_BURN, LINE_SET, "
                    + "LINE_SPLIT"),
            BadLanguage(
                "{line: {commands: [LINE_SET]}}",
                "{line: {commands: [LINE_SPLIT], handles: {line: {commands: [LINE_SPLIT], "
                    + "handles: {line: {read: true}}}}}}",
                "48:100: handles lie deeper than 3 levels; remove these `handles`"),
            BadLanguage(
                "        read: true\n",
                "        read: true\n        limits: {rate: 1}\n",
                "48:9: handle `line` has no key `limits`; known: commands, destructive, "
                    + "handles, read, write"),
        ])
    func handles(_ site: BadLanguage) throws { try site.check() }

    @Test(
        "A rule on the gateway is nothing else",
        arguments: [
            BadLanguage(
                "devices: [\"@gateway\"]",
                "devices: [\"@gateway\", disk]",
                "50:51: `@gateway` stands alone in a rule; write a rule of its own for it"),
            BadLanguage(
                "devices: [\"@gateway\"]",
                "devices: [\"@gateway\"], labels: {board: imx8}",
                "50:51: `@gateway` stands alone in a rule; write a rule of its own for it"),
            BadLanguage(
                "devices: [\"@gateway\"]",
                "devices: [\"@getaway\"]",
                "50:51: `@getaway` is no device; use 1 to 64 of a-z 0-9 . _ - and start with "
                    + "a letter or digit"),
            BadLanguage(
                "session.kill]}",
                "sesion.kill]}",
                "50:88: profile `gateway` has no command `sesion.kill`; did you mean "
                    + "`session.kill`?"),
            BadLanguage(
                "session.kill]}",
                "BUS_PING]}",
                "50:88: `BUS_PING` is no command; use 1 to 64 of a-z 0-9 . _ - and start with "
                    + "a letter or digit"),
            BadLanguage(
                "session.kill]}",
                "{use: session.kill, where: {id: {equals: 1}}}]}",
                "50:115: commands of the gateway have no conditions; remove `where`"),
            BadLanguage(
                "session.kill]}",
                "session.kill], read: true}",
                "50:103: a rule has no key `read`; known: audit, commands, devices, id, labels, "
                    + "limits, principals, procedures, roles"),
            BadLanguage(
                "session.kill]}",
                "session.kill], destructive: [policy.apply]}",
                "50:103: a rule has no key `destructive`; known: audit, commands, devices, id, "
                    + "labels, limits, principals, procedures, roles"),
            BadLanguage(
                "session.kill]}",
                "session.kill], limits: {in-flight: 1}}",
                "50:111: the gateway answers one administrator's command after the other; "
                    + "remove `in-flight`"),
            BadLanguage(
                "commands: [BUS_PING]",
                "commands: [policy.show]",
                "27:16: `policy.show` is no command; use 1 to 64 of A-Z a-z 0-9 _, as in C"),
        ])
    func gateway(_ site: BadLanguage) throws { try site.check() }

    @Test(
        "A selector finds something",
        arguments: [
            BadLanguage(
                "    labels: {board: imx8}\n    commands",
                "    labels: {board: imx9}\n    commands",
                "26:13: no device has these labels; known: board: imx8, side: left, side: "
                    + "right"),
            BadLanguage(
                "    labels: {board: imx8}\n    commands",
                "    labels: {}\n    commands",
                "26:13: `labels` is a mapping of 1 to 8 labels, not an empty mapping; write "
                    + "{KEY: VALUE, ...}"),
            BadLanguage(
                "    labels: {board: imx8}\n    commands",
                "    labels: {board: imx8, side: middle}\n    commands",
                "26:13: no device has these labels; known: board: imx8, side: left, side: "
                    + "right"),
            BadLanguage(
                "    labels: {board: imx8}\n    commands",
                "    commands",
                "24:5: a rule has no `devices`; add `devices: [...]` or `labels: {...}`"),
            BadLanguage(
                "    labels: {board: imx8}\n    commands",
                "    labels: {board: imx8}\n    devices: [disk]\n    commands",
                "28:16: profile `block` has no command `BUS_PING`; known: BLKGETSIZE64, "
                    + "BLOCK_URING_CMD_DISCARD"),
        ])
    func selectors(_ site: BadLanguage) throws { try site.check() }

    @Test(
        "A never forbids something, under an id of its own",
        arguments: [
            BadLanguage(
                "id: first-sectors",
                "id: operators-set",
                "52:9: rule id `operators-set` is used twice, first on line 29; choose "
                    + "another id"),
            BadLanguage(
                "devices: [disk], write: true",
                "devices: [disk]",
                "54:5: the never forbids nothing; add `commands`, `handles`, `read` or "
                    + "`write`"),
            BadLanguage(
                "devices: [disk], write: true",
                "devices: [disk], write: false",
                "54:69: `write` of a never is `true`, not `false`; write `true`, or leave it "
                    + "out"),
            BadLanguage(
                "devices: [disk], write: true",
                "devices: [disk], write: {max-length: 1}",
                "54:69: `write` of a never is `true`, not a mapping; write `true`, or leave "
                    + "it out"),
            BadLanguage(
                "devices: [disk], write: true",
                "devices: [\"@gateway\"], write: true",
                "54:75: nobody can write the gateway; remove `write`"),
            BadLanguage(
                "devices: [disk], write: true",
                "devices: [disk], commands: [BUS_SET]",
                "54:73: profile `block` has no command `BUS_SET`; known: BLKGETSIZE64, "
                    + "BLOCK_URING_CMD_DISCARD"),
            BadLanguage(
                "devices: [disk], write: true",
                "commands: [BUS_SETT]",
                "54:56: no device here has a command `BUS_SETT`; did you mean `BUS_SET`?"),
            BadLanguage(
                "devices: [disk], write: true",
                "labels: {board: imx7}, write: true",
                "54:53: no device has these labels; known: board: imx8, side: left, side: "
                    + "right"),
            BadLanguage(
                "devices: [disk], write: true",
                "devices: [disk], destructive: [BUS_ERASE]",
                "54:5: the never forbids nothing; add `commands`, `handles`, `read` or "
                    + "`write`",
                "54:62: a never has no key `destructive`; known: commands, devices, handles, "
                    + "id, labels, principals, read, roles, write"),
            BadLanguage(
                "devices: [disk], write: true",
                "limits: {rate: 1}, write: true",
                "54:45: a never has no key `limits`; known: commands, devices, handles, id, "
                    + "labels, principals, read, roles, write"),
            BadLanguage(
                "principals: [bob], devices: [disk], write: true",
                "principals: [bop], devices: [disk], write: true",
                "54:39: there is no principal `bop`; did you mean `bob`?"),
            BadLanguage(
                "sector: {range: [0, 1]}",
                "sectors: {range: [0, 1]}",
                "53:41: BUS_ERASE has no field or extent `sectors`; did you mean `sector`?"),
            BadLanguage(
                "sector: {range: [0, 1]}",
                "sector: {mask: 0x1}",
                "53:41: a never that tests `sector` so would miss what only partly matches; "
                    + "test a field that occurs once with equals, in, range, or narrow the rules"),
            BadLanguage(
                "{use: BUS_ERASE, where: {sector: {range: [0, 1]}}}",
                "{use: BUS_SET, where: {steps.gain: {equals: 1}}}",
                "53:39: a never that tests `steps.gain` so would miss what only partly "
                    + "matches; test a field that occurs once with equals, in, range, or narrow the "
                    + "rules"),
            BadLanguage(
                "{use: BUS_ERASE, where: {sector: {range: [0, 1]}}}",
                "{use: BUS_SET, where: {range: {window: [0, 8]}}}",
                "53:39: a never that tests `range` so would miss what only partly matches; "
                    + "test a field that occurs once with equals, in, range, or narrow the rules"),
            BadLanguage(
                "{use: BUS_ERASE, where: {sector: {range: [0, 1]}}}",
                "{use: BUS_MOVE, where: {data: {max-length: 8}}}",
                "53:40: a never that tests `data` so would miss what only partly matches; "
                    + "test a field that occurs once with equals, in, range, or narrow the rules"),
            BadLanguage(
                "never:\n",
                "never: []\nnever2:\n",
                "51:8: never is an empty list; fill it in or remove it",
                "52:1: a policy has no key `never2`; did you mean `never`?"),
        ])
    func nevers(_ site: BadLanguage) throws { try site.check() }

    @Test(
        "What a never forbids altogether no rule can allow",
        arguments: [
            BadLanguage(
                "principals: [bob], devices: [disk], write: true",
                "commands: [BUS_MOVE]",
                "39:15: `BUS_MOVE` is never allowed here, by never `bob-reads-only`; remove "
                    + "it, or narrow the never"),
            BadLanguage(
                "principals: [bob], devices: [disk], write: true",
                "commands: [{use: BUS_ERASE, where: {sector: {in: [1, 2, 3]}}}]",
                "42:15: `BUS_ERASE` is never allowed here, by never `bob-reads-only`; remove "
                    + "it, or narrow the never"),
            BadLanguage(
                "principals: [bob], devices: [disk], write: true",
                "labels: {board: imx8}, read: true",
                "28:11: reading is never allowed here, by never `bob-reads-only`; remove it, "
                    + "or narrow the never"),
            BadLanguage(
                "principals: [bob], devices: [disk], write: true",
                "handles: {line: {commands: [LINE_BURN]}}",
                "46:23: `LINE_BURN` is never allowed here, by never `bob-reads-only`; remove "
                    + "it, or narrow the never"),
            BadLanguage(
                "principals: [bob], devices: [disk], write: true",
                "commands: [policy.show]",
                "50:75: `policy.show` is never allowed here, by never `bob-reads-only`; "
                    + "remove it, or narrow the never"),
        ])
    func forbidden(_ site: BadLanguage) throws { try site.check() }

    @Test(
        "A rule that another one makes superfluous is refused",
        arguments: [
            BadLanguage(
                "  - id: readers-ping",
                "  - {id: ada-pings, principals: [ada], devices: [left], commands: "
                    + "[BUS_PING], read: {max-length: 1}}\n"
                    + "  - id: readers-ping",
                "24:5: rule `ada-pings` allows nothing that rule `readers-ping` on line 25 "
                    + "does not allow already; remove one of the two, or narrow the other one"),
            BadLanguage(
                "  - id: readers-ping",
                "  - {id: ci-pings, principals: [ci], devices: [right], commands: [BUS_PING], "
                    + "limits: {rate: 1}}\n"
                    + "  - id: readers-ping",
                "24:5: rule `ci-pings` allows nothing that rule `readers-ping` on line 25 "
                    + "does not allow already; remove one of the two, or narrow the other one"),
            BadLanguage(
                "  - id: operators-set",
                "  - {id: readers-again, roles: [reader], devices: [left, right], commands: "
                    + "[BUS_PING], read: {max-length: 64}}\n"
                    + "  - id: operators-set",
                "29:5: rule `readers-again` allows nothing that rule `readers-ping` on line "
                    + "24 does not allow already; remove one of the two, or narrow the other one"),
            BadLanguage(
                "  - {id: admins-run",
                "  - {id: admins-show, principals: [ada], devices: [\"@gateway\"], commands: "
                    + "[policy.show]}\n"
                    + "  - {id: admins-run",
                "50:5: rule `admins-show` allows nothing that rule `admins-run` on line 51 "
                    + "does not allow already; remove one of the two, or narrow the other one"),
        ])
    func superfluous(_ site: BadLanguage) throws { try site.check() }
}
