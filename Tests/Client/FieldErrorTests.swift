import RingClient
import Testing

@Suite struct FieldErrorTests {
    @Test func `every error is one line that says what is wrong and what would be right`() {
        let errors: KeyValuePairs<FieldError, String> = [
            .unknown("rows", known: []): "no field rows: nothing can be given there",
            .unknown("msgs.0.adr", known: ["addr", "len"]):
                "no field msgs.0.adr in the argument; did you mean addr? there are: addr, len",
            .unknown("xyz", known: ["addr", "len"]): "no field xyz in the argument; there are: addr, len",
            .notANumber(field: "n", text: "x"): "n: \"x\" is not a number (decimal or 0x...)",
            .unknownName(field: "mode", text: "FAS", known: ["FAST", "SLOW"]):
                "mode: \"FAS\" is no number and no name; did you mean FAST? there are: FAST, SLOW",
            .outOfRange(field: "n", text: "9", least: "0", greatest: "7"): "n: 9 is out of range, 0 to 7",
            .noSuchCode("33", least: 32, greatest: 96, step: 32):
                "size: 33 is none of the code's, 32 to 96 in steps of 32",
            .noSuchCode("9", least: 1, greatest: 8, step: 1): "size: 9 is none of the code's, 1 to 8",
            .notHex(field: "b", text: "xy"):
                "b: \"xy\" is not pairs of hexadecimal digits; for characters write text:...",
            .tooLong(field: "b", count: 4, size: 3): "b: 4 bytes, it holds 3",
            .tooMany(field: "m", count: 4, maximum: 3): "m: 4 elements, it holds 3",
            .outside(field: "m.x", end: 8, size: 4): "m.x: ends at byte 8 of a block of 4",
            .missing("m", why: "give it, or n"): "m is missing: give it, or n",
            .unwanted("m", why: "its length is 0"): "m: its length is 0",
            .tooLarge(size: 9, maximum: 8): "9 bytes in one entry; at most 8",
            .misfit("m", why: "is missing"): "the argument is not as described: m is missing",
            .misfit("", why: "9 bytes instead of 8"):
                "the argument is not as described: 9 bytes instead of 8",
            .badLayout(field: "x"): "the gateway's description of x makes no sense",
            .wrongReplySize(4, expected: 8): "reply of 4 bytes, not 8 as described",
        ]
        for (error, text) in errors { #expect(error.description == text) }
    }

    @Test func `of hundreds of names the nearest and the first are told`() {
        let known = (0..<500).map { "name\($0)" }
        let text = FieldError.unknown("name4999", known: known).description
        #expect(text.hasPrefix("no field name4999 in the argument; did you mean name499? there are: name0, "))
        #expect(text.hasSuffix("name23, ..."))
    }
}
