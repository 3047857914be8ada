import Testing

@Suite("Principals and devices")
struct SiteErrorTests {
    @Test(
        "A principal is known in exactly one sound way",
        arguments: [
            BadSite(
                "{common-name: old-agent, issuer: \"CN=Old CA\"}",
                "{common-name: old-agent}",
                "5:8: a principal is known in exactly one way; write either `uri`, or `spki`, or "
                    + "`common-name` together with `issuer`"),
            BadSite(
                "{common-name: old-agent, issuer: \"CN=Old CA\"}",
                "{common-name: \"\", issuer: \"CN=Old CA\"}",
                "5:22: common-name has 1 to 64 bytes on one line; write it so"),
            BadSite(
                "{common-name: old-agent, issuer: \"CN=Old CA\"}",
                "{uri: \"x://y/z\", issuer: \"CN=Old CA\"}",
                "5:8: a principal is known in exactly one way; write either `uri`, or `spki`, or "
                    + "`common-name` together with `issuer`"),
            BadSite(
                "{common-name: old-agent, issuer: \"CN=Old CA\"}",
                "{uri: \"ringgate://farm.example/agent/*\"}",
                "5:8: principal `old` is known by the same as `agent`; keep one of the two"),
            BadSite(
                "ringgate://farm.example/agent/*",
                "ringgate://*/agent",
                "3:16: `ringgate://*/agent` is no URI pattern; write scheme://authority/segments in "
                    + "ASCII without % ? #; a whole path segment may be `*`, the last one `**`"),
            BadSite(
                "ringgate://farm.example/agent/*",
                "ringgate://farm.example/ag*",
                "3:16: `ringgate://farm.example/ag*` is no URI pattern; write "
                    + "scheme://authority/segments in ASCII without % ? #; a whole path segment may be "
                    + "`*`, the last one `**`"),
            BadSite(
                "ringgate://farm.example/agent/*",
                "ringgate://farm.example/../a",
                "3:16: `ringgate://farm.example/../a` is no URI pattern; write "
                    + "scheme://authority/segments in ASCII without % ? #; a whole path segment may be "
                    + "`*`, the last one `**`"),
            BadSite(
                "spki: \"sha256:0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
                "spki: \"sha256:0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
                "4:15: `sha256:0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0` is no key hash; write sha256: and "
                    + "the 64 hex digits of the key's hash"),
            BadSite(
                "spki: \"sha256:0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
                "spki: \"sha1:0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
                "4:15: `sha1:0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0` is no key hash; write sha256: and "
                    + "the 64 hex digits of the key's hash"),
            BadSite(
                "spki: \"sha256:0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f",
                "spki: \"sha256:0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g",
                "4:15: `sha256:0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0g0` is no key hash; write sha256: and "
                    + "the 64 hex digits of the key's hash"),
        ])
    func principals(_ site: BadSite) throws { try site.check() }

    @Test(
        "A device has one sound path",
        arguments: [
            BadSite(
                "path: /dev/ttyUSB0",
                "path: dev/ttyUSB0",
                "7:17: path `dev/ttyUSB0` is not absolute; start it with /"),
            BadSite(
                "path: /dev/ttyUSB0",
                "path: /dev/../etc/shadow",
                "7:17: path `/dev/../etc/shadow` has `..`, `.`, `//` or ends in `/`; write the path "
                    + "without them"),
            BadSite(
                "path: /dev/ttyUSB0",
                "path: /dev//ttyUSB0",
                "7:17: path `/dev//ttyUSB0` has `..`, `.`, `//` or ends in `/`; write the path "
                    + "without them"),
            BadSite(
                "path: /dev/ttyUSB0",
                "path: /dev/",
                "7:17: path `/dev/` has `..`, `.`, `//` or ends in `/`; write the path without them"),
            BadSite(
                "path: /dev/ttyUSB0",
                "path: /",
                "7:17: path `/` has `..`, `.`, `//` or ends in `/`; write the path without them"),
            BadSite(
                "path: /dev/ttyUSB0",
                "path: /dev/./x",
                "7:17: path `/dev/./x` has `..`, `.`, `//` or ends in `/`; write the path without them"),
            BadSite(
                "path: /dev/ttyUSB0",
                "path: /dev/loop0",
                "8:16: devices `board` and `disk` are one file; use one device in the rules"),
            BadSite(
                "path: /dev/ttyUSB0",
                "path: \"/dev/tty\\n\"",
                "7:17: path has 1 to 4095 bytes on one line; write it so"),
            BadSite(
                "kind: block",
                "kind: blok",
                "8:34: `blok` is no kind; write one of: character, block, regular, tcp"),
            BadSite(
                "profile: tty, open: read-write",
                "profile: tty, open: rw",
                "7:51: `rw` is no way to open; write one of: read-only, write-only, read-write"),
        ])
    func devices(_ site: BadSite) throws { try site.check() }
}
