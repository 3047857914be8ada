import Testing

@Suite("Devices and what is known of them")
struct DeviceErrorTests {
    @Test(
        "A device is found in exactly one way, which suits its kind",
        arguments: [
            BadLanguage(
                "udev: serial/by-id/usb-Left-if00\n",
                "lease: shared\n",
                "12:5: device `left` is found in exactly one way; write either `path`, or "
                    + "`udev`, or `address` with `kind: tcp`",
                "17:5: key `lease` is given twice in one mapping, first on line 12; remove "
                    + "one of the two"),
            BadLanguage(
                "udev: serial/by-id/usb-Left-if00\n",
                "udev: serial/by-id/usb-Left-if00\n    path: /dev/ttyS0\n",
                "12:5: device `left` is found in exactly one way; write either `path`, or "
                    + "`udev`, or `address` with `kind: tcp`"),
            BadLanguage(
                "udev: serial/by-id/usb-Left-if00",
                "udev: /dev/serial/by-id/usb-Left-if00",
                "12:11: `/dev/serial/by-id/usb-Left-if00` is no link of udev; write it below "
                    + "/dev, such as serial/by-id/NAME or disk/by-path/NAME"),
            BadLanguage(
                "udev: serial/by-id/usb-Left-if00",
                "udev: serial/by-id/../../sda",
                "12:11: `serial/by-id/../../sda` is no link of udev; write it below /dev, "
                    + "such as serial/by-id/NAME or disk/by-path/NAME"),
            BadLanguage(
                "udev: serial/by-id/usb-Left-if00",
                "udev: serial/usb-Left-if00",
                "12:11: `serial/usb-Left-if00` is no link of udev; write it below /dev, such "
                    + "as serial/by-id/NAME or disk/by-path/NAME"),
            BadLanguage(
                "udev: serial/by-id/usb-Left-if00",
                "udev: serial/by-id/",
                "12:11: `serial/by-id/` is no link of udev; write it below /dev, such as "
                    + "serial/by-id/NAME or disk/by-path/NAME"),
            BadLanguage(
                "udev: serial/by-id/usb-Left-if00",
                "udev: serial/by-id/..",
                "12:11: `serial/by-id/..` is no link of udev; write it below /dev, such as "
                    + "serial/by-id/NAME or disk/by-path/NAME"),
            BadLanguage(
                "udev: serial/by-id/usb-Left-if00",
                "udev: input/event0/x",
                "12:11: `input/event0/x` is no link of udev; write it below /dev, such as "
                    + "serial/by-id/NAME or disk/by-path/NAME"),
            BadLanguage(
                "kind: tcp, ",
                "",
                "22:20: device `scope` is found another way by its kind; write `path` or "
                    + "`udev` for a node, `path` for a regular file, `address` for `kind: tcp`"),
            BadLanguage(
                "kind: tcp, ",
                "kind: block, ",
                "22:20: device `scope` is found another way by its kind; write `path` or "
                    + "`udev` for a node, `path` for a regular file, `address` for `kind: tcp`"),
            BadLanguage(
                "kind: tcp, ",
                "kind: tcp, open: read-write, ",
                "22:55: a connection is always open both ways; remove `open`"),
            BadLanguage(
                "address: \"192.0.2.7:5025\"",
                "path: /dev/null",
                "22:17: device `scope` is found another way by its kind; write `path` or "
                    + "`udev` for a node, `path` for a regular file, `address` for `kind: tcp`"),
            BadLanguage(
                "path: /dev/loop0, kind: block",
                "udev: disk/by-id/x, kind: regular",
                "21:16: device `disk` is found another way by its kind; write `path` or "
                    + "`udev` for a node, `path` for a regular file, `address` for `kind: tcp`"),
        ])
    func places(_ site: BadLanguage) throws { try site.check() }

    @Test(
        "An address is numeric, with a port",
        arguments: [
            BadLanguage(
                "192.0.2.7:5025",
                "scope.example:5025",
                "22:20: `scope.example:5025` is no address; write it in numbers, in quotes: "
                    + "\"192.0.2.7:5025\" or \"[2001:db8::7]:5025\""),
            BadLanguage(
                "192.0.2.7:5025",
                "192.0.2.7",
                "22:20: `192.0.2.7` is no address; write it in numbers, in quotes: "
                    + "\"192.0.2.7:5025\" or \"[2001:db8::7]:5025\""),
            BadLanguage(
                "192.0.2.7:5025",
                "192.0.2.7:0",
                "22:20: `192.0.2.7:0` is no address; write it in numbers, in quotes: "
                    + "\"192.0.2.7:5025\" or \"[2001:db8::7]:5025\""),
            BadLanguage(
                "192.0.2.7:5025",
                "192.0.2.7:65536",
                "22:20: `192.0.2.7:65536` is no address; write it in numbers, in quotes: "
                    + "\"192.0.2.7:5025\" or \"[2001:db8::7]:5025\""),
            BadLanguage(
                "192.0.2.7:5025",
                "192.0.2.7:05025",
                "22:20: `192.0.2.7:05025` is no address; write it in numbers, in quotes: "
                    + "\"192.0.2.7:5025\" or \"[2001:db8::7]:5025\""),
            BadLanguage(
                "192.0.2.7:5025",
                "192.0.2.07:5025",
                "22:20: `192.0.2.07:5025` is no address; write it in numbers, in quotes: "
                    + "\"192.0.2.7:5025\" or \"[2001:db8::7]:5025\""),
            BadLanguage(
                "192.0.2.7:5025",
                "2001:db8::7:5025",
                "22:20: `2001:db8::7:5025` is no address; write it in numbers, in quotes: "
                    + "\"192.0.2.7:5025\" or \"[2001:db8::7]:5025\""),
            BadLanguage(
                "192.0.2.7:5025",
                "[fe80::1%eth0]:5025",
                "22:20: `[fe80::1%eth0]:5025` is no address; write it in numbers, in quotes: "
                    + "\"192.0.2.7:5025\" or \"[2001:db8::7]:5025\""),
            BadLanguage(
                "192.0.2.7:5025",
                "[2001:db8::7]",
                "22:20: `[2001:db8::7]` is no address; write it in numbers, in quotes: "
                    + "\"192.0.2.7:5025\" or \"[2001:db8::7]:5025\""),
        ])
    func addresses(_ site: BadLanguage) throws { try site.check() }

    @Test(
        "Two devices are never one",
        arguments: [
            BadLanguage(
                "path: /dev/bus1",
                "path: /dev/serial/by-id/usb-Left-if00",
                "20:17: devices `left` and `right` are one file; use one device in the rules"),
            BadLanguage(
                "path: /dev/bus1",
                "udev: serial/by-id/usb-Left-if00",
                "20:17: devices `left` and `right` are one file; use one device in the rules"),
            BadLanguage(
                "path: /dev/bus1,",
                "path: /dev/bus1, expect: {major: 188, minor: 0},",
                "20:36: devices `left` and `right` expect one device number; use one device "
                    + "in the rules"),
            BadLanguage(
                "  scope: {",
                "  scope2: {address: \"[::ffff:192.0.2.7]:5025\", kind: tcp, profile: "
                    + "\"null\"}\n"
                    + "  scope: {",
                "23:20: devices `scope2` and `scope` are one file; use one device in the "
                    + "rules"),
            BadLanguage(
                "  disk: {",
                "  \"@gateway\": {",
                "21:3: `@gateway` is there without being defined; name it in a rule and "
                    + "remove it here",
                "54:55: there is no device `disk`; known: left, right, scope"),
        ])
    func overlaps(_ site: BadLanguage) throws { try site.check() }

    @Test(
        "What a node must show is something that nodes have",
        arguments: [
            BadLanguage(
                "major: 188",
                "major: 4096",
                "15:21: major is 0 to 4095, not 4096; choose a number in that range"),
            BadLanguage(
                "minor: 0",
                "minor: 0x100000",
                "15:33: minor is 0 to 1048575, not 1048576; choose a number in that range"),
            BadLanguage(
                "serial: A5",
                "serial: null",
                "15:44: serial is text, not `null`; write it in quotes"),
            BadLanguage(
                "serial: A5",
                "serail: A5",
                "15:36: `expect` has no key `serail`; did you mean `serial`?"),
            BadLanguage(
                "ID_MODEL: Bus",
                "ID MODEL: Bus",
                "15:61: `ID MODEL` is no udev property; use A-Z a-z 0-9 _ as `udevadm info` "
                    + "shows it"),
            BadLanguage(
                "ID_MODEL: Bus",
                "ID_SERIAL_SHORT: A6",
                "15:44: `serial` is the property ID_SERIAL_SHORT, which is given too; remove "
                    + "one of the two"),
            BadLanguage(
                "properties: {ID_MODEL: Bus}",
                "properties: [ID_MODEL]",
                "15:60: `properties` is a mapping of 1 to 16, not a list; write {ID_MODEL: "
                    + "VALUE, ...} as `udevadm info` shows them"),
            BadLanguage(
                "properties: {ID_MODEL: Bus}",
                "properties: {}",
                "15:60: `properties` is a mapping of 1 to 16, not an empty mapping; write "
                    + "{ID_MODEL: VALUE, ...} as `udevadm info` shows them"),
            BadLanguage(
                "{major: 188, minor: 0, serial: A5, properties: {ID_MODEL: Bus}}",
                "{}",
                "15:13: `expect` is empty; fill it in or remove it"),
            BadLanguage(
                "kind: tcp,",
                "kind: tcp, expect: {major: 1},",
                "22:57: only nodes have a device number and properties; remove `expect`"),
            BadLanguage(
                "kind: block,",
                "kind: regular, expect: {major: 1},",
                "21:51: only nodes have a device number and properties; remove `expect`"),
        ])
    func expectations(_ site: BadLanguage) throws { try site.check() }

    @Test(
        "Labels are short words",
        arguments: [
            BadLanguage(
                "{board: imx8, side: left}",
                "{}",
                "16:13: `labels` is a mapping of 1 to 8 labels, not an empty mapping; write "
                    + "{KEY: VALUE, ...}"),
            BadLanguage(
                "{board: imx8, side: left}",
                "[imx8]",
                "16:13: `labels` is a mapping of 1 to 8 labels, not a list; write {KEY: "
                    + "VALUE, ...}"),
            BadLanguage(
                "{board: imx8, side: left}",
                "{board: \"imx 8\"}",
                "16:21: `imx 8` is no label value; use 1 to 32 of A-Z a-z 0-9 . _ -"),
            BadLanguage(
                "{board: imx8, side: left}",
                "{board: on}",
                "16:21: `on` without quotes is not a label value in YAML; write \"on\" with "
                    + "quotes if that is the name"),
            BadLanguage(
                "{board: imx8, side: left}",
                "{board: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}",
                "16:21: `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` is no label value; use 1 to 32 of "
                    + "A-Z a-z 0-9 . _ -"),
            BadLanguage(
                "{board: imx8, side: left}",
                "{a: a, b: b, c: c, d: d, e: e, f: f, g: g, h: h, i: i}",
                "16:13: `labels` is a mapping of 1 to 8 labels, not a mapping; write {KEY: "
                    + "VALUE, ...}"),
        ])
    func labels(_ site: BadLanguage) throws { try site.check() }

    @Test(
        "Limits and observation have their words and bounds",
        arguments: [
            BadLanguage(
                "lease: exclusive",
                "lease: once",
                "17:12: `once` is no way to lease; write one of: none, shared, exclusive"),
            BadLanguage(
                "rate: 100",
                "rate: 0",
                "18:20: rate is 1 to 1000000, not 0; choose a number in that range"),
            BadLanguage(
                "rate: 100",
                "rate: 1000001",
                "18:20: rate is 1 to 1000000, not 1000001; choose a number in that range"),
            BadLanguage(
                "rate: 100",
                "rate: 100/s",
                "18:20: `100/s` is no number; write decimal without leading zeros, 0x "
                    + "hexadecimal or 4KiB, up to 64 bits"),
            BadLanguage(
                "in-flight: 8",
                "in-flight: 65537",
                "18:36: in-flight is 1 to 65536, not 65537; choose a number in that range"),
            BadLanguage(
                "in-flight: 8",
                "inflight: 8",
                "18:25: `limits` of device `left` has no key `inflight`; did you mean "
                    + "`in-flight`?"),
            BadLanguage(
                "timeout: 2s",
                "timeout: 2",
                "18:48: `2` is no timeout; write a time such as 500ms, 2s, 5min or 1h, 1ms "
                    + "to 24h"),
            BadLanguage(
                "timeout: 2s",
                "timeout: 0s",
                "18:48: `0s` is no timeout; write a time such as 500ms, 2s, 5min or 1h, 1ms "
                    + "to 24h"),
            BadLanguage(
                "timeout: 2s",
                "timeout: 1441min",
                "18:48: `1441min` is no timeout; write a time such as 500ms, 2s, 5min or 1h, "
                    + "1ms to 24h"),
            BadLanguage(
                "{rate: 100, in-flight: 8, timeout: 2s}",
                "{}",
                "18:13: `limits` of device `left` is empty; fill it in or remove it"),
            BadLanguage(
                "until: 2026-12-31T23:59:59Z",
                "until: 2026-12-31",
                "19:22: `2026-12-31` is no time; write a time in UTC such as "
                    + "2026-12-31T23:59:59Z"),
            BadLanguage(
                "until: 2026-12-31T23:59:59Z",
                "until: 2026-02-29T00:00:00Z",
                "19:22: `2026-02-29T00:00:00Z` is no time; write a time in UTC such as "
                    + "2026-12-31T23:59:59Z"),
            BadLanguage(
                "until: 2026-12-31T23:59:59Z",
                "until: 2026-12-31T24:00:00Z",
                "19:22: `2026-12-31T24:00:00Z` is no time; write a time in UTC such as "
                    + "2026-12-31T23:59:59Z"),
            BadLanguage(
                "until: 2026-12-31T23:59:59Z",
                "until: 2026-12-31T23:59:59+01:00",
                "19:22: `2026-12-31T23:59:59+01:00` is no time; write a time in UTC such as "
                    + "2026-12-31T23:59:59Z"),
            BadLanguage(
                "until: 2026-12-31T23:59:59Z",
                "until: 1969-12-31T23:59:59Z",
                "19:22: `1969-12-31T23:59:59Z` is no time; write a time in UTC such as "
                    + "2026-12-31T23:59:59Z"),
            BadLanguage(
                "{until: 2026-12-31T23:59:59Z, writes: true}",
                "{writes: true}",
                "19:14: `observe` has no `until`; add `until: ...`"),
            BadLanguage(
                "writes: true",
                "writes: yes",
                "19:52: writes is `true` or `false`, not `yes`; write one of them, without "
                    + "quotes"),
            BadLanguage(
                "writes: true",
                "writes: \"true\"",
                "19:52: writes is `true` or `false`, not `true`; write one of them, without "
                    + "quotes"),
            BadLanguage(
                "writes: true",
                "reads: true",
                "19:44: `observe` has no key `reads`; known: until, writes"),
        ])
    func bounds(_ site: BadLanguage) throws { try site.check() }

    @Test(
        "A process of its own is for what it can operate alone",
        arguments: [
            BadLanguage(
                "kind: block, profile: block, open: read-write}",
                "kind: block, profile: block, open: read-write, process: mine}",
                "21:84: `mine` is no process; write one of: own"),
            BadLanguage(
                "kind: tcp, profile: \"null\"}",
                "kind: tcp, profile: \"null\", process: own}",
                "22:75: a connection needs no process of its own; remove `process`"),
            BadLanguage(
                "labels: {board: imx8, side: right}}",
                "labels: {board: imx8, side: right}, process: own}",
                "20:105: commands of profile `bus` give or take files, which stay with the gateway; "
                    + "remove `process`"),
            BadLanguage(
                "{address: \"192.0.2.7:5025\", kind: tcp, profile: \"null\"}",
                "{path: /dev/bus2, profile: \"null\", open: read-write, console: true, process: own}",
                "22:87: the gateway keeps what a console says, which another process would have; "
                    + "remove `process` or `console`"),
        ])
    func processes(_ site: BadLanguage) throws { try site.check() }
}
