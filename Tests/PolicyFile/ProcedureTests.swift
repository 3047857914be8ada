import RingPolicy
import RingProtocol
import Testing

@testable import RingPolicyFile

/// A policy with a procedure of every kind of step, and what becomes of it after one change.
struct ProcedureSite: CustomTestStringConvertible, Sendable {
    let old: String
    let new: String
    let says: [String]

    static let text = #"""
        version: 1
        principals: {agent: {uri: "ringgate://farm.example/agent/*"}}
        devices:
          board: {path: /dev/ttyUSB0, profile: tty, open: read-write}
          wires: {path: /dev/bus0, profile: bus}
        procedures:
          press:
            device: board
            summary: Presses.
            parameters:
              rows: {type: u16, range: [1, 100]}
              level: {type: s8, in: [-3, 4]}
            steps:
              - {on: wires, use: BUS_OPEN_LINE, as: led}
              - {on: led, use: LINE_SET, with: {bits: 1}}
              - {on: wires, use: BUS_SET, with: {level: $level}}
              - {wait: 50ms}
              - {wait: $rows ms}
              - {on: board, use: TIOCSWINSZ, with: {ws_row: $rows, ws_col: 80}}
              - {on: board, write: "hi\r\n"}
        rules:
          - id: press
            principals: [agent]
            procedures:
              - {use: press, where: {rows: {range: [1, 50]}}}

        """#

    init(_ old: String, _ new: String, _ says: String...) {
        self.old = old
        self.new = new
        self.says = says
    }

    var testDescription: String { new }

    func check() throws {
        let parts = Self.text.components(separatedBy: old)
        try #require(parts.count == 2, "the fixture has `\(old)` \(parts.count - 1) times")
        #expect(SiteFixture.errors(parts.joined(separator: new)) == says.map { "site.yaml:\($0)" })
    }
}

@Suite("Procedures")
struct ProcedureTests {
    private let led = "{on: wires, use: BUS_OPEN_LINE, as: led}"

    private func procedure(_ text: String = ProcedureSite.text) throws -> Procedure {
        let policy = try SiteFixture.load(text)
        let board = try #require(policy.devices.first { $0.name == "board" })
        return try #require(board.procedures.first)
    }

    @Test("A procedure is a command of its device with its parameters as fields")
    func shape() throws {
        let press = try procedure()
        #expect(press.name == "press" && press.device == "board" && press.steps.count == 7)
        #expect(press.parameters.map(\.name) == ["rows", "level"])
        #expect(press.parameters.map(\.offset) == [0, 2])
        #expect(press.shape.code == Procedure.code(0) && press.shape.transport == .procedure)
        #expect(press.shape.effect == .write && press.shape.summary == "Presses.")
        #expect(press.shape.blocks.map(\.elementSize) == [3])
    }

    @Test("Steps are those of the file, and may do just what they are")
    func steps() throws {
        let press = try procedure()
        #expect(press.steps.map(\.file) == ["wires", "led", "wires", "", "", "board", "board"])
        let words = press.steps.map { step in
            switch step.action {
            case .command(let name, let values, let gives):
                "\(name) \(values.mapValues { $0.text([7, -3]) }.sorted { $0.key < $1.key }.map(\.value)) "
                    + (gives ?? "-")
            case .write(let bytes): "write \(bytes)"
            case .wait(let value, let unit): "wait \(value.text([7, -3])) * \(unit)"
            }
        }
        #expect(
            words == [
                "BUS_OPEN_LINE [] led", #"LINE_SET ["1"] -"#, #"BUS_SET ["-3"] -"#, "wait 50 * 1",
                "wait 7 * 1", #"TIOCSWINSZ ["80", "7"] -"#, "write [104, 105, 13, 10]",
            ])
        let wires = try #require(press.rights["wires"])
        #expect(wires.commands.map(\.shape.name) == ["BUS_OPEN_LINE", "BUS_SET"])
        #expect(wires.write == nil && wires.read == nil)
        #expect(wires.handles["line"]?.commands.map(\.shape.name) == ["LINE_SET"])
        #expect(press.rights["board"]?.commands.map(\.shape.name) == ["TIOCSWINSZ"])
        #expect(press.rights["board"]?.write?.maxLength == 512)
    }

    @Test("A command that several steps are is one right, and a given file can give another")
    func repeated() throws {
        let text = ProcedureSite.text.replacing(
            "- {wait: 50ms}",
            with: "- {on: led, use: LINE_SPLIT, as: other}\n      - {on: other, use: LINE_SET}\n"
                + "      - {on: led, use: LINE_SET}")
        let press = try procedure(text)
        let line = try #require(press.rights["wires"]?.handles["line"])
        #expect(line.commands.map(\.shape.name) == ["LINE_SET", "LINE_SPLIT"])
        #expect(line.handles["line"]?.commands.map(\.shape.name) == ["LINE_SET"])
    }

    @Test("A procedure without parameters takes no argument; guarded commands may be steps")
    func bare() throws {
        let text = ProcedureSite.text.replacing(
            "rules:",
            with: "  burn: {device: board, summary: Burns., steps: [" + led
                + ", {on: led, use: LINE_BURN}, {wait: 2s}]}\nrules:")
        let board = try #require(try SiteFixture.load(text).devices.first { $0.name == "board" })
        #expect(board.procedures.map(\.name) == ["press", "burn"])
        #expect(board.procedures[1].shape.code == Procedure.code(1))
        #expect(board.procedures[1].shape.blocks.isEmpty && board.procedures[1].shape.placement == .none)
        #expect(board.procedures[1].shape.effect == .destructive)
        #expect(board.commands.map(\.name).suffix(2) == ["press", "burn"])
    }

    @Test("A rule allows a procedure with its conditions, and nothing that is inside")
    func rule() throws {
        let policy = try SiteFixture.load(ProcedureSite.text)
        let rights = try #require(policy.rules[0].rights["board"])
        #expect(rights.commands.map(\.shape.name) == ["press"])
        #expect(rights.commands[0].conditions.map(\.words) == ["rows in 1..50"])
        #expect(rights.write == nil && policy.rules[0].rights["wires"] == nil)
        let plain = ProcedureSite.text.replacing(
            "{use: press, where: {rows: {range: [1, 50]}}}", with: "press")
        #expect(try SiteFixture.load(plain).rules[0].rights["board"]?.commands[0].conditions.isEmpty == true)
    }

    @Test("Waits come in milliseconds and seconds, numbers with names")
    func waits() throws {
        for (wait, unit) in [("$rows ms", 1), ("$rows s", 1000)] {
            let press = try procedure(ProcedureSite.text.replacing("$rows ms", with: wait))
            guard case .wait(let value, let read) = press.steps[4].action else {
                Issue.record("no wait")
                continue
            }
            #expect(value == .parameter(0) && read == UInt64(unit))
        }
        let named = ProcedureSite.text.replacing(
            "{type: s8, in: [-3, 4]}", with: "{type: s8, values: {LOW: -3, HIGH: 4}, in: [LOW, HIGH]}")
        #expect(try procedure(named).parameters[1].names?.names.map(\.name) == ["LOW", "HIGH"])
    }

    @Test(
        "Steps are tried with the least and the greatest value that passes all tests",
        arguments: [
            ("equals: 9", [9]), ("in: [40, 3, 7]", [3, 40]), ("range: [2, 90]", [2, 90]),
            ("in: [40, 3, 7], range: [4, 39]", [7]), ("equals: 3, in: [3, 4]", [3]),
            ("mask: 0x30", [0, 48]), ("mask: 0x30, range: [1, 20]", [16]),
            ("mask: 0x48, range: [9, 100]", [64, 72]), ("mask: 0x30, range: [33, 47]", []),
            ("mask: 0x30, in: [1, 16, 33]", [16]), ("range: [5, 10], mask: 0x3", []),
            ("equals: 3, in: [4, 5]", []),
        ])
    func ends(_ tests: String, _ expected: [Int128]) throws {
        let text = ProcedureSite.text.replacing(
            "rows: {type: u16, range: [1, 100]}", with: "rows: {type: u16, \(tests)}"
        )
        .replacing("{use: press, where: {rows: {range: [1, 50]}}}", with: "press")
        guard !expected.isEmpty else {
            #expect(
                SiteFixture.errors(text) == [
                    "site.yaml:14:9: parameter `rows` can have no value; correct its tests"
                ])
            return
        }
        #expect(try procedure(text).parameters[0].ends == expected)
    }
}
