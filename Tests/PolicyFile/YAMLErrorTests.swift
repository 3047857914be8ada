import Testing

@Suite("YAML that is not understood")
struct YAMLErrorTests {
    @Test(
        "Text that is not YAML is located",
        arguments: [
            BadSite(
                "agent: {uri: \"ringgate",
                "agent: [uri: \"ringgate",
                "3:49: not YAML: while parsing a flow sequence did not find expected ',' or ']'; "
                    + "correct the YAML here; text with any of : # [ ] { } , & * ! | > ' \" % @ ` belongs "
                    + "in quotes"),
            BadSite(
                "version: 1\n",
                "version: 1\n\tx: 2\n",
                "2:1: not YAML: while scanning a plain scalar found a tab character that violates "
                    + "indentation; correct the YAML here; text with any of : # [ ] { } , & * ! | > ' \" % "
                    + "@ ` belongs in quotes"),
            BadSite(
                "version: 1\n",
                "version: \"1\n",
                "3:17: not YAML: while parsing a block mapping did not find expected key; correct "
                    + "the YAML here; text with any of : # [ ] { } , & * ! | > ' \" % @ ` belongs in quotes"),
            BadSite(
                "version: 1\n",
                "version: 1\n...\n---\nversion: 1\n",
                "3:1: not YAML: expected a single document in the stream but found another document; "
                    + "correct the YAML here; text with any of : # [ ] { } , & * ! | > ' \" % @ ` belongs "
                    + "in quotes"),
            BadSite(
                "version: 1\n",
                "version: *one\n",
                "1:10: not YAML: found undefined alias; correct the YAML here; text with any of : # "
                    + "[ ] { } , & * ! | > ' \" % @ ` belongs in quotes"),
            BadSite(
                "CN=Old CA",
                "CN=Old \u{7}CA",
                "5:49: not YAML: control characters are not allowed; remove this character"),
        ])
    func syntax(_ site: BadSite) throws { try site.check() }

    @Test(
        "What YAML could expand or retype is refused",
        arguments: [
            BadSite(
                "version: 1\n",
                "version: &one 1\n",
                "1:10: anchors and aliases are not supported; write the value out where it is used"),
            BadSite(
                "principals: [agent]\n",
                "principals: &who [agent]\n",
                "12:17: anchors and aliases are not supported; write the value out where it is used"),
            BadSite(
                "version: 1\n",
                "version: !site 1\n",
                "1:10: tags are not supported; remove `!site`"),
            BadSite(
                "version: 1\n",
                "version: 1\n? [a, b]\n: 1\n",
                "2:3: a key is text, not a list; write `key: value`"),
            BadSite(
                "version: 1\n",
                "version: [[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]\n",
                "1:26: nested deeper than 16 levels; use the format of docs/policy.md"),
        ])
    func expansion(_ site: BadSite) throws { try site.check() }

    @Test(
        "The second of two equal keys is located",
        arguments: [
            BadSite(
                "devices:\n  board",
                "version: 1\ndevices:\n  board",
                "6:1: key `version` is given twice in one mapping, first on line 1; remove one of "
                    + "the two"),
            BadSite(
                "  disk: {path",
                "  board: {path: /dev/null, profile: \"null\"}\n  disk: {path",
                "8:3: key `board` is given twice in one mapping, first on line 7; remove one of the two"),
            BadSite(
                "profile: tty, open",
                "profile: tty, path: /dev/x, \"path\": /dev/y, open",
                "7:45: key `path` is given twice in one mapping, first on line 7; remove one of the two",
                "7:59: key `path` is given twice in one mapping, first on line 7; remove one of the two"),
            BadSite(
                "  disk: {path: /dev/loop0, kind: block,",
                "  disk: {path: /dev/loop0, kind: block, kind: block,\n      kind: blk,",
                "8:41: key `kind` is given twice in one mapping, first on line 8; remove one of the two",
                "9:7: key `kind` is given twice in one mapping, first on line 8; remove one of the two"),
            BadSite(
                "ws_row: {range: [1, 200]}",
                "ws_row: {range: [1, 200]}, ws_col: {equals: 1}, ws_row: {equals: 3}",
                "16:83: key `ws_row` is given twice in one mapping, first on line 16; remove one of "
                    + "the two"),
        ])
    func duplicates(_ site: BadSite) throws { try site.check() }

    @Test(
        "Unknown keys, missing keys and wrong types are located",
        arguments: [
            BadSite(
                "version: 1\n",
                "version: 2\n",
                "1:10: policies of version 2 are not known here; write `version: 1`"),
            BadSite(
                "version: 1\n",
                "version: \"1\"\n",
                "1:10: version is a number, not text in quotes; remove the quotes"),
            BadSite(
                "version: 1\n",
                "version: 1\nrule: []\n",
                "2:1: a policy has no key `rule`; did you mean `rules`?"),
            BadSite(
                "version: 1\n",
                "",
                "1:1: a policy has no `version`; add `version: ...`"),
            BadSite(
                "rules:\n",
                "rulez:\n",
                "1:1: a policy has no `rules`; add `rules: ...`",
                "10:1: a policy has no key `rulez`; did you mean `rules`?"),
            BadSite(
                "profile: tty, open",
                "profile: tty, opn",
                "7:45: device `board` has no key `opn`; did you mean `open`?",
                "18:12: device `board` is opened read-only, so it cannot be written; open it "
                    + "read-write or remove `write`"),
            BadSite(
                "profile: tty,",
                "",
                "7:10: device `board` has no `profile`; add `profile: ...`"),
            BadSite(
                "{uri: \"ringgate://farm.example/agent/*\"}",
                "\"ringgate://farm.example/agent/*\"",
                "3:10: a principal is a mapping, not `ringgate://farm.example/agent/*`; write `key: "
                    + "value` pairs"),
            BadSite(
                "{uri: \"ringgate://farm.example/agent/*\"}",
                "{}",
                "3:10: a principal is empty; fill it in or remove it"),
            BadSite(
                "[agent]",
                "agent",
                "12:17: principals is a list, not `agent`; write [...] or lines that start with `- `"),
            BadSite(
                "[agent]",
                "[]",
                "12:17: principals is an empty list; fill it in or remove it"),
            BadSite(
                "[agent]",
                "[{agent: 1}]",
                "12:18: a principal is text, not a mapping; use 1 to 64 of a-z 0-9 . _ - and start "
                    + "with a letter or digit"),
            BadSite(
                "path: /dev/ttyUSB0",
                "path: [a]",
                "7:17: path is text, not a list; write it in quotes"),
            BadSite(
                "path: /dev/ttyUSB0",
                "path:",
                "7:15: not YAML: while scanning a plain scalar found unexpected ':'; correct the "
                    + "YAML here; text with any of : # [ ] { } , & * ! | > ' \" % @ ` belongs in quotes"),
        ])
    func types(_ site: BadSite) throws { try site.check() }
}
