import RingPolicyFile

/// Profiles that the tests of the policy's language speak of. They describe no real device, so that they
/// stay as they are when a shipped profile grows.
enum FixtureProfiles {
    static let sources: [SourceText] = [
        source("block", block), source("bus", bus), source("line", line), source("null", null),
        source("tty", tty),
    ]

    private static func source(_ name: String, _ text: String) -> SourceText {
        SourceText(path: "profiles/\(name).yaml", text: text)
    }

    private static let block = """
        name: block
        summary: A disk.
        commands:
          - name: BLKGETSIZE64
            code: 0x80081272
            engine: call
            effect: read
            argument: {as: pointer, direction: out, size: 8, fields: [{name: bytes, type: u64, at: 0}]}
            summary: Tells the size.
          - name: BLOCK_URING_CMD_DISCARD
            code: 0x1200
            engine: ring
            effect: destructive
            argument:
              as: sqe-range
              fields:
                - {name: start, type: u64, at: 0}
                - {name: length, type: u64, at: 8}
              extents:
                range: {start: start, length: length}
            summary: Discards a range.

        """

    private static let tty = """
        name: tty
        summary: A terminal.
        commands:
          - name: TIOCGWINSZ
            code: 0x5413
            engine: call
            effect: read
            argument: {as: pointer, direction: out, size: 8, fields: [{name: ws_row, type: u16, at: 0}]}
            summary: Tells the window's size.
          - name: TIOCSWINSZ
            code: 0x5414
            engine: call
            effect: write
            argument:
              as: pointer
              direction: in
              size: 8
              fields:
                - {name: ws_row, type: u16, at: 0}
                - {name: ws_col, type: u16, at: 2}
            summary: Sets the window's size.
          - name: TCSETSW2
            code: 0x402c542c
            engine: call
            effect: write
            argument:
              as: pointer
              direction: in
              size: 44
              fields:
                - {name: c_iflag, type: u32, at: 0}
                - {name: c_cc, type: bytes, at: 17, size: 19}
            summary: Sets the line.

        """

    private static let null = """
        name: "null"
        summary: The device that is not there.
        commands:
          - {name: NULL_URING_CMD, code: 0x0, engine: ring, effect: read, summary: Does nothing.}

        """

    private static let line = """
        name: line
        summary: Lines of a bus, as BUS_OPEN_LINE gives them.
        commands:
          - name: LINE_SET
            code: 0x4410
            engine: call
            effect: write
            argument: {as: pointer, direction: in, size: 8, fields: [{name: bits, type: u64, at: 0}]}
            summary: Sets lines.
          - {name: LINE_BURN, code: 0x4411, engine: call, effect: destructive, guarded: true, summary: Burns.}
          - {name: LINE_SPLIT, code: 0x4412, engine: call, effect: write, result: {gives: line}, summary: A.}

        """

    private static let bus = """
        name: bus
        summary: A bus that has everything the language can speak of.
        commands:
          - name: BUS_SET
            code: 0x4400
            engine: call
            effect: write
            argument:
              as: pointer
              direction: in
              size: 32
              fields:
                - {name: start, type: u32, at: 0}
                - {name: length, type: u32, at: 4}
                - {name: mode, type: u8, at: 8, values: {SLOW: 0, FAST: 1, TURBO: 2}, in: [SLOW, FAST]}
                - name: options
                  type: u8
                  at: 9
                  flags: {LOUD: 0x1, LONG: 0x2, LATE: 0x4}
                  mask: [LOUD, LONG]
                - {name: level, type: s8, at: 10, range: [-10, 10]}
                - {name: count, type: u8, at: 11}
                - {name: low, type: u16, at: 12, bits: [0, 3]}
                - name: steps
                  type: pointer
                  at: 16
                  to:
                    direction: in
                    size: 8
                    count: count
                    max: 16
                    nullable: true
                    fields:
                      - {name: gain, type: s32, at: 0, range: [-100, 100]}
                      - {name: port, type: u16, at: 4}
                - name: reply
                  type: pointer
                  at: 24
                  to: {direction: out, length: 64, fields: [{name: ok, type: u8, at: 0}]}
              extents:
                range: {start: start, length: length}
            summary: Sets the bus.
          - name: BUS_MOVE
            code: 0x4402
            engine: call
            effect: write
            argument:
              as: pointer
              direction: in
              size: 64
              fields:
                - {name: total, type: u32, at: 0}
                - {name: flags, type: u32, at: 4}
                - {name: size, type: u32, at: 8}
                - {name: offsets, type: u32, at: 16, count: 8, used: total}
                - name: data
                  type: pointer
                  at: 48
                  to:
                    direction: {from: flags, mask: 0x1, in: 0, out: 1}
                    length: size
                    max: 4096
            summary: Moves bytes.
          - name: BUS_PLAY
            code: 0x4403
            engine: call
            effect: write
            argument:
              as: pointer
              direction: in
              size: 16
              fields:
                - {name: count, type: u32, at: 0}
                - name: samples
                  type: pointer
                  at: 8
                  to:
                    direction: in
                    size: 4
                    count: count
                    max: 3000
                    fields:
                      - {name: left, type: u16, at: 0}
                      - {name: right, type: u16, at: 2}
            summary: Plays samples.
          - name: BUS_ERASE
            code: 0x4404
            engine: call
            effect: destructive
            guarded: true
            argument: {as: value, fields: [{name: sector, type: u64, at: 0}]}
            summary: Erases.
          - {name: BUS_OPEN_LINE, code: 0x4405, engine: call, effect: write, result: {gives: line}, summary: A.}
          - {name: BUS_PING, code: 0x4406, engine: call, effect: read, summary: Answers.}

        """
}
