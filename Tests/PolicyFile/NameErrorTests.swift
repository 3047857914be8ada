import Testing

@Suite("Names and scalars")
struct NameErrorTests {
    @Test(
        "A bad name is refused where it stands",
        arguments: [
            BadSite(
                "  board:",
                "  Board:",
                "7:3: `Board` is no device; use 1 to 64 of a-z 0-9 . _ - and start with a letter or "
                    + "digit",
                "13:15: there is no device `board`; known: disk, null"),
            BadSite(
                "  board:",
                "  -board:",
                "7:3: `-board` is no device; use 1 to 64 of a-z 0-9 . _ - and start with a letter or "
                    + "digit",
                "13:15: there is no device `board`; known: disk, null"),
            BadSite(
                "  board:",
                "  \"bo/ard\":",
                "7:3: `bo/ard` is no device; use 1 to 64 of a-z 0-9 . _ - and start with a letter or "
                    + "digit",
                "13:15: there is no device `board`; known: disk, null"),
            BadSite(
                "  board:",
                "  \"\":",
                "7:3: `` is no device; use 1 to 64 of a-z 0-9 . _ - and start with a letter or digit",
                "13:15: there is no device `board`; known: disk, null"),
            BadSite(
                "  board:",
                "  bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb:",
                "7:3: `bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb` is no device; use 1 to 64 of a-z "
                    + "0-9 . _ - and start with a letter or digit",
                "13:15: there is no device `board`; known: disk, null"),
            BadSite(
                "id: use-disk",
                "id: Use",
                "19:9: `Use` is no rule id; use 1 to 64 of a-z 0-9 . _ - and start with a letter or "
                    + "digit"),
            BadSite(
                "  old:",
                "  öld:",
                "5:3: `öld` is no principal; use 1 to 64 of a-z 0-9 . _ - and start with a letter or "
                    + "digit"),
        ])
    func badNames(_ site: BadSite) throws { try site.check() }

    @Test(
        "Words that YAML takes for values need quotes to be names",
        arguments: [
            BadSite(
                "\"null\": {path",
                "null: {path",
                "9:3: `null` without quotes is not a device in YAML; write \"null\" with quotes if "
                    + "that is the name"),
            BadSite(
                "\"null\": {path",
                "~: {path",
                "9:3: `~` without quotes is not a device in YAML; write \"~\" with quotes if that is "
                    + "the name"),
            BadSite(
                "profile: \"null\"",
                "profile: null",
                "9:38: `null` without quotes is not a profile in YAML; write \"null\" with quotes if "
                    + "that is the name"),
            BadSite(
                "  old:",
                "  yes:",
                "5:3: `yes` without quotes is not a principal in YAML; write \"yes\" with quotes if "
                    + "that is the name"),
            BadSite(
                "  old:",
                "  On:",
                "5:3: `On` without quotes is not a principal in YAML; write \"On\" with quotes if that "
                    + "is the name"),
            BadSite(
                "id: use-disk",
                "id: off",
                "19:9: `off` without quotes is not a rule id in YAML; write \"off\" with quotes if "
                    + "that is the name"),
            BadSite(
                "[agent, key]",
                "[agent, ~]",
                "20:25: `~` without quotes is not a principal in YAML; write \"~\" with quotes if that "
                    + "is the name"),
        ])
    func reservedWords(_ site: BadSite) throws { try site.check() }

    @Test(
        "A name nobody defined is refused with what might be meant",
        arguments: [
            BadSite(
                "[agent, key]",
                "[agent, kez]",
                "20:25: there is no principal `kez`; did you mean `key`?"),
            BadSite(
                "devices: [disk]",
                "devices: [tape-drive]",
                "21:15: there is no device `tape-drive`; known: board, disk, null"),
            BadSite(
                "profile: tty",
                "profile: tyt",
                "7:40: there is no profile `tyt`; did you mean `tty`?"),
            BadSite(
                "- TIOCGWINSZ",
                "- TIOCGWINZ",
                "15:9: profile `tty` has no command `TIOCGWINZ`; did you mean `TIOCGWINSZ`?"),
            BadSite(
                "use: BLOCK_URING_CMD_DISCARD",
                "use: TIOCSTI",
                "23:15: profile `block` has no command `TIOCSTI`; known: BLKGETSIZE64, "
                    + "BLOCK_URING_CMD_DISCARD"),
            BadSite(
                "{ws_row:",
                "{ws_rows:",
                "16:35: TIOCSWINSZ has no field or extent `ws_rows`; did you mean `ws_row`?"),
            BadSite(
                "{range: {window",
                "{ranges: {window",
                "23:48: BLOCK_URING_CMD_DISCARD has no field or extent `ranges`; did you mean `range`?"),
        ])
    func unknownNames(_ site: BadSite) throws { try site.check() }

    @Test(
        "Numbers are read one way only",
        arguments: [
            BadSite(
                "max-length: 4KiB}",
                "max-length: 010}",
                "17:24: `010` is no number; write decimal without leading zeros, 0x hexadecimal or "
                    + "4KiB, up to 64 bits"),
            BadSite(
                "max-length: 4KiB}",
                "max-length: 1_000}",
                "17:24: `1_000` is no number; write decimal without leading zeros, 0x hexadecimal or "
                    + "4KiB, up to 64 bits"),
            BadSite(
                "max-length: 4KiB}",
                "max-length: 4kb}",
                "17:24: `4kb` is no number; write decimal without leading zeros, 0x hexadecimal or "
                    + "4KiB, up to 64 bits"),
            BadSite(
                "max-length: 4KiB}",
                "max-length: \"4\"}",
                "17:24: max-length is a number, not text in quotes; remove the quotes"),
            BadSite(
                "max-length: 4KiB}",
                "max-length: 4.5}",
                "17:24: `4.5` is no number; write decimal without leading zeros, 0x hexadecimal or "
                    + "4KiB, up to 64 bits"),
            BadSite(
                "max-length: 4KiB}",
                "max-length: +4}",
                "17:24: `+4` is no number; write decimal without leading zeros, 0x hexadecimal or "
                    + "4KiB, up to 64 bits"),
            BadSite(
                "max-length: 4KiB}",
                "max-length: 0x}",
                "17:24: `0x` is no number; write decimal without leading zeros, 0x hexadecimal or "
                    + "4KiB, up to 64 bits"),
            BadSite(
                "max-length: 4KiB}",
                "max-length: -1}",
                "17:24: max-length is 1 to 1048576, not -1; choose a number in that range"),
            BadSite(
                "max-length: 4KiB}",
                "max-length: yes}",
                "17:24: max-length is a number, not `yes`; write a number such as 512, 0x200 or 4KiB"),
            BadSite(
                "max-length: 4KiB}",
                "max-length: 99999999999999999999999999999999999999999999}",
                "17:24: `9999999999999999999999999999999999999999` is no number; write decimal "
                    + "without leading zeros, 0x hexadecimal or 4KiB, up to 64 bits"),
            BadSite(
                "max-length: 4KiB}",
                "max-length: 2MiB}",
                "17:24: max-length is 1 to 1048576, not 2097152; choose a number in that range"),
        ])
    func numbers(_ site: BadSite) throws { try site.check() }
}
