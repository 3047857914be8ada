import Foundation
import Glibc
import RingClient
import RingLab
import RingProtocol
import TestSupport
import Testing

/// What a policy file says about the shipped profiles holds for real clients and on the real kernel.
@Suite struct ShippedPolicyTests {
    /// Plain files stand in for buses: the kernel refuses what reaches it with ENOTTY.
    private func buses(_ rest: String) throws -> (site: Site, directory: TemporaryDirectory) {
        let directory = try TemporaryDirectory()
        let files = directory.path
        for name in ["one", "two", "three"] {
            try Data().write(to: URL(filePath: "\(files)/\(name)"))
        }
        let site = try Site(
            yaml: """
                version: 1
                principals:
                  agent: {uri: "ringgate://test.example/agent/*"}
                  maria: {uri: "ringgate://test.example/person/maria"}
                roles:
                  tester: {members: [agent]}
                  lead: {members: [maria], inherits: [tester]}
                devices:
                  one: {path: \(files)/one, kind: regular, profile: i2c, labels: {rack: a, bus: i2c}}
                  two: {path: \(files)/two, kind: regular, profile: i2c, labels: {rack: a, bus: i2c}}
                  three: {path: \(files)/three, kind: regular, profile: i2c, labels: {rack: b, bus: i2c}}
                  "null": {path: /dev/null, profile: "null"}

                """ + rest)
        return (site, directory)
    }

    /// Two messages to two addresses.
    private func messages(_ first: String, _ second: String) -> [String: String] {
        [
            "msgs.0.addr": first, "msgs.0.buf": "hex:00", "msgs.1.addr": second, "msgs.1.flags": "I2C_M_RD",
            "msgs.1.len": "2",
        ]
    }

    @Test func aConditionHoldsForEveryElement() async throws {
        let (site, directory) = try buses(
            """
            rules:
              - id: sensors
                principals: [agent]
                devices: [one]
                commands:
                  - use: I2C_RDWR
                    where:
                      msgs.addr: {in: [0x48, 0x49]}
                      msgs.len: {range: [0, 2]}
                      msgs.flags: {in: [0, I2C_M_RD]}
            """)
        let connection = try await site.connect()
        let bus = try await NamedDevice(connection, "one")
        #expect(try await bus.kernelError("I2C_RDWR", messages("0x48", "0x49")) == ENOTTY)
        let calls = site.gateway.engineCounters.submittedCalls
        for values in [
            messages("0x50", "0x49"), messages("0x48", "0x50"), messages("0x4a", "0x47"),
            messages("0x48", "0x49").merging(["msgs.1.len": "3"]) { $1 },
            messages("0x48", "0x49").merging(["msgs.0.flags": "I2C_M_TEN"]) { $1 },
            messages("0x48", "0x49").merging(["msgs.1.flags": "I2C_M_RD|I2C_M_TEN"]) { $1 },
        ] {
            let refusal = try await bus.denial("I2C_RDWR", values)
            #expect(refusal?.reason == .constraint)
            #expect(refusal?.rule == "sensors")
            #expect(refusal?.text.contains("I2C_RDWR needs msgs.") == true, "\(refusal?.text ?? "")")
        }
        #expect(site.gateway.engineCounters.submittedCalls == calls)
        await connection.close()
        withExtendedLifetime(directory) {}
    }

    @Test func aNeverWinsOverEveryRuleForThoseItMeans() async throws {
        let (site, directory) = try buses(
            """
            rules:
              - {id: all, roles: [tester], devices: [one, two], commands: [I2C_FUNCS, I2C_SLAVE, I2C_SMBUS]}
            never:
              - id: no-words
                principals: [agent]
                devices: [one]
                commands: [{use: I2C_SMBUS, where: {size: {equals: I2C_SMBUS_WORD_DATA}}}]
              - {id: no-slaves, commands: [{use: I2C_SLAVE, where: {address: {range: [0x50, 0x57]}}}]}
            """)
        let connection = try await site.connect()
        let one = try await NamedDevice(connection, "one")
        let two = try await NamedDevice(connection, "two")
        let word = ["read_write": "I2C_SMBUS_READ", "size": "I2C_SMBUS_WORD_DATA", "data": "hex:00"]
        let byte = word.merging(["size": "I2C_SMBUS_BYTE_DATA"]) { $1 }
        let refusal = try await one.denial("I2C_SMBUS", word)
        #expect(refusal?.reason == .never && refusal?.rule == "no-words")
        #expect(try await one.kernelError("I2C_SMBUS", byte) == ENOTTY)
        #expect(try await two.kernelError("I2C_SMBUS", word) == ENOTTY)
        for (address, isNever) in [("0x4f", false), ("0x50", true), ("0x57", true), ("0x58", false)] {
            let denial = try await two.denialOrKernel("I2C_SLAVE", ["address": address])
            #expect(denial?.rule == (isNever ? "no-slaves" : nil), "\(address)")
        }
        // Who is not meant keeps the right.
        let maria = try await site.connect(as: "ringgate://test.example/person/maria")
        #expect(try await NamedDevice(maria, "one").kernelError("I2C_SMBUS", word) == ENOTTY)
        await maria.close()
        await connection.close()
        withExtendedLifetime(directory) {}
    }

    @Test func labelsSelectDevicesAndRolesInheritRules() async throws {
        let (site, directory) = try buses(
            """
            rules:
              - {id: rack-a, roles: [tester], labels: {rack: a, bus: i2c}, commands: [I2C_FUNCS]}
              - {id: leads, roles: [lead], labels: {rack: b}, commands: [I2C_FUNCS, I2C_PEC]}
            """)
        let agent = try await site.connect()
        #expect(try await agent.list().devices.map(\.name).sorted() == ["one", "two"])
        for name in ["one", "two"] {
            let bus = try await NamedDevice(agent, name)
            #expect(try await bus.kernelError("I2C_FUNCS") == ENOTTY)
        }
        await #expect(throws: RingError.self) { try await agent.open("three") }

        let maria = try await site.connect(as: "ringgate://test.example/person/maria")
        #expect(try await maria.list().devices.map(\.name).sorted() == ["one", "three", "two"])
        #expect(try await NamedDevice(maria, "one").kernelError("I2C_FUNCS") == ENOTTY)
        #expect(try await NamedDevice(maria, "three").kernelError("I2C_PEC", ["pec": "1"]) == ENOTTY)
        await maria.close()
        await agent.close()
        withExtendedLifetime(directory) {}
    }

    @Test func namesOfValuesStandForNumbersInConditions() async throws {
        let board = try Board()
        let site = try Site(
            yaml: """
                version: 1
                principals:
                  agent: {uri: "ringgate://test.example/agent/*"}
                devices:
                  board: {path: \(board.path), profile: tty, open: read-write}
                rules:
                  - id: board
                    principals: [agent]
                    devices: [board]
                    commands:
                      - {use: TCFLSH, where: {queue: {in: [TCIFLUSH, TCIOFLUSH]}}}
                      - {use: TIOCMSET, where: {lines: {mask: [TIOCM_DTR]}}}
                """)
        let connection = try await site.connect()
        let tty = try await NamedDevice(connection, "board")
        #expect(try await tty.call("TCFLSH", ["queue": "TCIFLUSH"]).result == 0)
        #expect(try await tty.call("TCFLSH", ["queue": "2"]).result == 0)
        #expect(try await tty.denial("TCFLSH", ["queue": "TCOFLUSH"])?.reason == .constraint)
        #expect(try await tty.kernelError("TIOCMSET", ["lines": "TIOCM_DTR"]) == ENOTTY)
        #expect(try await tty.denial("TIOCMSET", ["lines": "TIOCM_DTR|TIOCM_RTS"])?.rule == "board")
        await connection.close()
    }

    @Test func limitsOfARuleRefuseWhatIsTooMuch() async throws {
        let (site, directory) = try buses(
            """
            rules:
              - id: some
                principals: [agent]
                devices: ["null"]
                commands: [NULL_URING_CMD]
                limits: {rate: 5}
            """)
        let connection = try await site.connect()
        let null = try await NamedDevice(connection, "null")
        var batch = Batch()
        for _ in 0..<50 { batch.command(null.device, SubOpcode(0)) }
        let refusals = try await connection.submit(batch).compactMap(\.refusal)
        #expect((44...45).contains(refusals.count))
        #expect(refusals.allSatisfy { $0.reason == .busy && $0.rule == "some" })
        #expect(site.gateway.engineCounters.submittedRingEntries == 50 - refusals.count)
        await connection.close()
        withExtendedLifetime(directory) {}
    }
}

extension NamedDevice {
    /// Why a call is denied; nil when the kernel was asked, whatever it said.
    fileprivate func denialOrKernel(_ command: String, _ values: [String: String]) async throws -> Refusal? {
        do {
            return try await denial(command, values)
        } catch RingError.errno {
            return nil
        }
    }
}
