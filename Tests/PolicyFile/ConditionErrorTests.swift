import Testing

@Suite("Conditions inside an argument")
struct ConditionErrorTests {
    @Test(
        "A condition names something that the client sends",
        arguments: [
            BadLanguage(
                "mode: {equals",
                "moed: {equals",
                "35:11: BUS_SET has no field or extent `moed`; did you mean `mode`?"),
            BadLanguage(
                "steps.gain:",
                "steps.gian:",
                "37:11: BUS_SET has no field or extent `steps.gian`; did you mean "
                    + "`steps.gain`?"),
            BadLanguage(
                "steps.gain: {range: [0, 50]}",
                "steps: {equals: 1}",
                "37:19: `steps` is a block, which has no test `equals`; write {max-length: N}"),
            BadLanguage(
                "steps.gain: {range: [0, 50]}",
                "reply.ok: {equals: 1}",
                "37:11: `reply.ok` does not always come from the client, so it cannot be "
                    + "tested; remove the condition"),
            BadLanguage(
                "data: {max-length: 512}",
                "data: {equals: 1}",
                "39:84: `data` is a block, which has no test `equals`; write {max-length: N}"),
            BadLanguage(
                "data: {max-length: 512}",
                "data: {max-length: 4097}",
                "39:96: max-length is 0 to 4096, not 4097; choose a number in that range"),
            BadLanguage(
                "data: {max-length: 512}",
                "flags: {max-length: 4}",
                "39:85: `flags` is a field, which has no test `max-length`; write one of: "
                    + "equals, in, range, mask"),
            BadLanguage(
                "data: {max-length: 512}",
                "data: {max-length: 512, equals: 1}",
                "39:83: the condition on `data` is not one test; write one of: {equals: N}, "
                    + "{in: [N, ...]}, {range: [first, last]}, {mask: BITS}, {window: [first, "
                    + "end]}, {max-length: N}"),
            BadLanguage(
                "range: [0, 100], max-length: 16",
                "range: [0, 100], mask: 0x3",
                "39:42: the condition on `offsets` is not one test; write one of: {equals: "
                    + "N}, {in: [N, ...]}, {range: [first, last]}, {mask: BITS}, {window: [first, "
                    + "end]}, {max-length: N}"),
            BadLanguage(
                "range: [0, 100], max-length: 16",
                "max-length: 33",
                "39:55: max-length is 0 to 32, not 33; choose a number in that range"),
            BadLanguage(
                "steps.gain: {range: [0, 50]}",
                "reply: {max-length: 63}",
                "37:31: `reply` always has 64 bytes; remove the condition, or the command"),
        ])
    func targets(_ site: BadLanguage) throws { try site.check() }

    @Test(
        "Names stand for numbers where the profile has them",
        arguments: [
            BadLanguage(
                "equals: FAST",
                "equals: FASTER",
                "35:26: `mode` has no value `FASTER`; did you mean `FAST`?"),
            BadLanguage(
                "equals: FAST",
                "in: [FAST, FAST]",
                "35:29: FAST is listed twice; remove one of the two"),
            BadLanguage(
                "mask: [LOUD]",
                "mask: [LAUD]",
                "36:28: `options` has no value `LAUD`; did you mean `LOUD`?"),
            BadLanguage(
                "mask: [LOUD]",
                "mask: [0x100]",
                "36:28: options is 0 to 255, not 256; choose a number in that range"),
            BadLanguage(
                "mask: [LOUD]",
                "mask: []",
                "36:27: mask is an empty list; fill it in or remove it"),
            BadLanguage(
                "sector: {in: [1, 2, 3]}",
                "sector: {equals: FIRST}",
                "42:51: `FIRST` is no number; write decimal without leading zeros, 0x "
                    + "hexadecimal or 4KiB, up to 64 bits"),
            BadLanguage(
                "range: [0, 50]",
                "range: [0, 0x80000000]",
                "37:35: range is -2147483648 to 2147483647, not 2147483648; choose a number "
                    + "in that range"),
        ])
    func names(_ site: BadLanguage) throws { try site.check() }

    @Test(
        "A condition that can never hold is refused",
        arguments: [
            BadLanguage(
                "equals: FAST",
                "equals: TURBO",
                "35:11: the condition on `mode` can never hold: profile `bus` needs mode in "
                    + "[SLOW, FAST]; correct it, or remove the command"),
            BadLanguage(
                "equals: FAST",
                "in: [2, 3]",
                "35:11: the condition on `mode` can never hold: profile `bus` needs mode in "
                    + "[SLOW, FAST]; correct it, or remove the command"),
            BadLanguage(
                "equals: FAST",
                "range: [2, 9]",
                "35:11: the condition on `mode` can never hold: profile `bus` needs mode in "
                    + "[SLOW, FAST]; correct it, or remove the command"),
            BadLanguage(
                "mask: [LOUD]",
                "equals: 4",
                "36:11: the condition on `options` can never hold: profile `bus` needs "
                    + "options only bits LOUD|LONG; correct it, or remove the command"),
            BadLanguage(
                "mask: [LOUD]",
                "range: [4, 255]",
                "36:11: the condition on `options` can never hold: profile `bus` needs "
                    + "options only bits LOUD|LONG; correct it, or remove the command"),
            BadLanguage(
                "mode: {equals: FAST}",
                "level: {equals: 11}",
                "35:11: the condition on `level` can never hold: profile `bus` needs level in "
                    + "-10..10; correct it, or remove the command"),
            BadLanguage(
                "mode: {equals: FAST}",
                "level: {range: [-128, -11]}",
                "35:11: the condition on `level` can never hold: profile `bus` needs level in "
                    + "-10..10; correct it, or remove the command"),
            BadLanguage(
                "mode: {equals: FAST}",
                "level: {in: [-11, 11]}",
                "35:11: the condition on `level` can never hold: profile `bus` needs level in "
                    + "-10..10; correct it, or remove the command"),
            BadLanguage(
                "mode: {equals: FAST}",
                "low: {equals: 16}",
                "35:25: low is 0 to 15, not 16; choose a number in that range"),
            BadLanguage(
                "steps.gain: {range: [0, 50]}",
                "steps.gain: {range: [101, 200]}",
                "37:11: the condition on `steps.gain` can never hold: profile `bus` needs "
                    + "steps.gain in -100..100; correct it, or remove the command"),
            BadLanguage(
                "window: [0, 4KiB]",
                "window: [0x100000000, 0x200000000]",
                "38:11: the condition on `range` can never hold: its positions never lie "
                    + "there; correct it, or remove the command"),
        ])
    func unreachable(_ site: BadLanguage) throws { try site.check() }
}
